//! The configuration: one struct of the modules' own parts, put together from defaults, file, environment and flags.
//!
//! Each module has its options with their defaults and their check. Here they are only composed: `larder.default.toml`
//! names every key, says what it does and what its default is; the flags, the variables and the table in the docs are
//! made from it.

mod credentials;
mod environment;
mod error;
mod file;
mod flags;
mod known;
mod layers;
mod renamed;
mod sinks;
mod sources;
mod tables;
mod text;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::artifact::OpenOptions;
use crate::recommender::Limits;
use crate::setting::{As, Form, SettingError};
use crate::snapshot::RefreshOptions;
use crate::{connect, exposure, live, server, telemetry};

pub use credentials::read_credentials;
pub use error::{ConfigError, Origin, Warning};
pub use flags::{Downloading, Everything, Flags, Loading, Publishing, Reading, Scope, Store};
pub use layers::Loaded;

/// The settings and their defaults, as a file says them.
pub const DEFAULTS: &str = include_str!("../../larder.default.toml");

/// The configuration, complete and checked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    // Above all sections are the three that every command has, by the same short names.
    /// Where the snapshots are: a directory or `s3://bucket/prefix`.
    pub store: String,
    /// The channel to follow.
    pub channel: String,
    /// Where downloads are kept; empty where `auto` finds no place for it.
    #[serde(with = "As::<CacheDir>")]
    pub cache_dir: PathBuf,
    /// The protocols' part.
    pub server: server::Config,
    /// What connections are encrypted with.
    pub tls: server::tls::Config,
    /// Who may call.
    pub auth: server::identity::Config,
    /// The recommender's part.
    pub limits: Limits,
    /// The refresher's part.
    pub snapshot: RefreshOptions,
    /// What events may change.
    pub live: live::Config,
    /// Where events come from.
    pub events: connect::Config,
    /// What goes out.
    pub exposure: exposure::Config,
    /// Where it waits on disk.
    pub spool: exposure::spool::Config,
    /// What is logged.
    pub telemetry: telemetry::Config,
    /// How an object store is reached.
    pub s3: OpenOptions,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: "models".to_owned(),
            channel: "production".to_owned(),
            cache_dir: CacheDir::standard(|name| std::env::var_os(name)),
            server: server::Config::default(),
            tls: server::tls::Config::default(),
            auth: server::identity::Config::default(),
            limits: Limits::default(),
            snapshot: RefreshOptions::default(),
            live: live::Config::default(),
            events: connect::Config::default(),
            exposure: exposure::Config::default(),
            spool: exposure::spool::Config::default(),
            telemetry: telemetry::Config::default(),
            s3: OpenOptions::default(),
        }
    }
}

impl Config {
    /// Checks every part; an error comes with the section it is of.
    fn check(&self) -> Result<(), (&'static str, SettingError)> {
        // In the order of the file, so that who mends one error after the other reads on in it.
        self.check_channel().map_err(|error| ("", error))?;
        let parts = [
            ("server", self.server.check()),
            ("tls", self.tls.check()),
            ("auth", self.auth.check()),
            ("limits", self.limits.check()),
            ("snapshot", self.snapshot.check()),
            ("live", self.live.check()),
            ("events", self.events.check()),
            ("exposure", self.exposure.check()),
            ("exposure", self.exposure.check_spool(&self.spool, !self.events.sinks.is_empty())),
            ("spool", self.spool.check()),
            ("telemetry", self.telemetry.check()),
            ("s3", self.s3.check()),
        ];
        for (section, outcome) in parts {
            outcome.map_err(|error| (section, error))?;
        }
        Ok(())
    }

    /// A channel is a part of an object's key, so it must not lead anywhere else.
    fn check_channel(&self) -> Result<(), SettingError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = &self.channel;
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            let expected = "a plain name: letters, digits, '-', '_', '.'";
            return Err(SettingError::new("channel", format_args!("\"{name}\""), expected));
        }
        Ok(())
    }

    /// What a part does not know of the others.
    fn compose(mut self) -> Self {
        self.store = beside_the_program(self.store);
        // The refresher has the channel among its options, but in a file it stands beside the store it is in.
        self.snapshot.channel.clone_from(&self.channel);
        self.server.live_max_age = self.live.max_http_age;
        // What follows events may hear of the first one at any moment.
        if !self.events.all_sources().is_empty() {
            self.server.cache_max_age = self.server.cache_max_age.min(self.live.max_http_age);
        }
        self
    }
}

/// A directory for downloads, `auto` in the user's home.
struct CacheDir;

impl CacheDir {
    /// Where the XDG Base Directory Specification has it. Never a directory that all users share: whoever came first
    /// would own it.
    fn standard(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
        // A relative path would mean another directory wherever the process is started.
        let path = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let caches = path("XDG_CACHE_HOME").or_else(|| Some(path("HOME")?.join(".cache")));
        caches.map(|caches| caches.join("larder")).unwrap_or_default()
    }
}

impl Form for CacheDir {
    type Value = PathBuf;

    const QUOTED: bool = true;

    fn expected() -> String {
        "auto, or a directory".to_owned()
    }

    fn parse(text: &str) -> Option<PathBuf> {
        match text {
            "" => None,
            "auto" => Some(Self::standard(|name| std::env::var_os(name))),
            path => Some(PathBuf::from(path)),
        }
    }

    fn show(value: &PathBuf) -> String {
        value.display().to_string()
    }
}

/// A directory that is not where the process runs is looked for beside the program, so that an unpacked release serves
/// its sample from anywhere.
fn beside_the_program(store: String) -> String {
    if store.contains("://") || Path::new(&store).exists() {
        return store;
    }
    let program = std::env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent).map(|dir| dir.join(&store));
    match beside.filter(|path| path.exists()) {
        Some(path) => path.display().to_string(),
        None => store,
    }
}

#[cfg(test)]
mod tests;
