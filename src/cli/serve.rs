//! `larder serve`.

use std::path::PathBuf;

use clap::Args;

use super::CliError;
use crate::app::App;
use crate::config::RawConfig;
use crate::pipeline::Stages;
use crate::telemetry;

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Configuration file [default: larder.toml, if there is one]
    #[arg(long, env = "LARDER_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: RawConfig,
}

pub(super) fn run(args: ServeArgs) -> Result<(), CliError> {
    let standard = PathBuf::from("larder.toml");
    let file = args.config.or_else(|| standard.is_file().then_some(standard));
    let written = file.map(|path| RawConfig::read(&path)).transpose()?.unwrap_or_default();
    let config = args.settings.or(written).validate()?;
    telemetry::init_logs(config.log_format, &config.log);
    Ok(App::build(config, Stages::default())?.run()?)
}
