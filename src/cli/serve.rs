//! `larder serve`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::CliError;
use crate::app::App;
use crate::artifact::open;
use crate::config::{Config, Everything, Flags, Loaded};
use crate::pipeline::Stages;
use crate::snapshot::MANIFEST;
use crate::telemetry;

/// The configuration file that is used where none is named.
const STANDARD_FILE: &str = "larder.toml";

const SAME_SETTINGS: &str = "Each setting is also an environment variable (LARDER_SERVER__MAX_QUEUED for \
                             --server.max-queued) and a key of the file (max_queued in the section [server]).";

#[derive(Debug, Args)]
#[command(after_help = SAME_SETTINGS)]
pub(super) struct ServeArgs {
    /// Configuration file [default: larder.toml, if there is one] [env: LARDER_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory whose files of JSON lines are followed for events; short for --events.dir
    #[arg(long, value_name = "DIR")]
    events: Option<PathBuf>,
    #[command(flatten)]
    settings: Flags<Everything>,
}

pub(super) fn run(args: &ServeArgs) -> Result<(), CliError> {
    let variable = || std::env::var_os("LARDER_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let named = args.config.clone().or_else(variable);
    let file = named.or_else(|| Path::new(STANDARD_FILE).is_file().then(|| PathBuf::from(STANDARD_FILE)));
    let mut settings = args.settings.clone();
    if let Some(dir) = &args.events {
        settings.add("events.dir", &dir.display().to_string());
    }
    let Loaded { config, warnings } = settings.load(file.as_deref())?;
    let logs = telemetry::init_logs(&config.telemetry).map_err(|source| CliError::Unwritable {
        file: config.telemetry.log_file.clone().unwrap_or_default(),
        source,
    })?;
    // Only now: where the log is JSON, whatever collects it expects nothing else on standard error.
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    refuse_single_snapshot(&config)?;
    Ok(App::build(config, Stages::default(), logs)?.run()?)
}

/// A server follows a channel. A snapshot's own directory has none, and the server would wait for one for ever. It is
/// not served in place either: nothing could replace it, and building it anew would change the files that are read.
fn refuse_single_snapshot(config: &Config) -> Result<(), CliError> {
    if config.store.starts_with("s3://") {
        return Ok(()); // asking takes time, and a server starts without its bucket if it must
    }
    let store = open(&config.store, &config.s3)?;
    // Only a store of local files has paths. There, `channels` may be empty: the first channel is yet to be published.
    let exists = |key: &str| store.local_path(key).is_some_and(|path| path.exists());
    if !exists(MANIFEST) || exists("channels") {
        return Ok(());
    }
    let dir = PathBuf::from(store.location());
    // <root>/snapshots/<version>, as a store is laid out.
    let root = dir.parent().filter(|parent| parent.ends_with("snapshots")).and_then(Path::parent);
    let instead = match root {
        Some(root) => format!("pass --store {}, the store that it is in", root.display()),
        None => format!(
            "publish it (larder snapshot publish {} --store DIRECTORY) and pass --store DIRECTORY",
            dir.display()
        ),
    };
    Err(CliError::SingleSnapshot { store: dir, instead })
}
