//! The flags: one for each setting, made from `larder.default.toml`, and the old ones, which the help does not show.
//!
//! A flag has its section in front, `--server.max-queued`, as those of Prometheus do.

use std::marker::PhantomData;
use std::path::Path;

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use toml::Value;

use super::error::Origin;
use super::known::{Setting, find, settings};
use super::layers::{Given, Layer, Loaded, load};
use super::renamed::{Renamed, renamed};
use super::{ConfigError, environment, file};

/// Settings of `[snapshot]` that are about following a channel, which only a server does.
const FOLLOWING: [&str; 3] = ["snapshot.poll_interval", "snapshot.keep_previous", "snapshot.memory_budget"];

/// Settings whose flag has a short name too, for what is typed by hand.
const SHORT: [(&str, &str); 1] = [("exposure.dir", "exposures")];

/// The settings that a command takes.
pub trait Scope {
    /// Whether it takes this one, by its key.
    fn takes(key: &str) -> bool;
}

/// All settings: those of a server.
#[derive(Debug, Clone, Copy)]
pub struct Everything;

/// How an object store is reached.
#[derive(Debug, Clone, Copy)]
pub struct Store;

/// [`Store`], and where downloads are kept.
#[derive(Debug, Clone, Copy)]
pub struct Downloading;

/// What may be loaded, as the server that it is for has it.
#[derive(Debug, Clone, Copy)]
pub struct Loading;

/// [`Store`] and [`Loading`]: what is published is loaded first.
#[derive(Debug, Clone, Copy)]
pub struct Publishing;

/// [`Store`] and [`Loading`], and where downloads are kept.
#[derive(Debug, Clone, Copy)]
pub struct Reading;

impl Scope for Everything {
    fn takes(_: &str) -> bool {
        true
    }
}

impl Scope for Store {
    fn takes(key: &str) -> bool {
        key.starts_with("s3.")
    }
}

impl Scope for Downloading {
    fn takes(key: &str) -> bool {
        Store::takes(key) || key == "cache_dir"
    }
}

impl Scope for Loading {
    fn takes(key: &str) -> bool {
        key.starts_with("snapshot.") && !FOLLOWING.contains(&key)
    }
}

impl Scope for Publishing {
    fn takes(key: &str) -> bool {
        Store::takes(key) || Loading::takes(key)
    }
}

impl Scope for Reading {
    fn takes(key: &str) -> bool {
        Publishing::takes(key) || key == "cache_dir"
    }
}

/// The flags of the settings that a command takes.
#[derive(Debug, Clone)]
pub struct Flags<S> {
    given: Vec<(Name, String)>,
    scope: PhantomData<S>,
}

#[derive(Debug, Clone, Copy)]
enum Name {
    Now(&'static Setting),
    Old(&'static Renamed),
}

impl<S> Default for Flags<S> {
    fn default() -> Self {
        Self { given: Vec::new(), scope: PhantomData }
    }
}

impl<S: Scope> Flags<S> {
    /// The configuration from the defaults, the file if there is one, the environment and these flags.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub fn load(&self, file: Option<&Path>) -> Result<Loaded, ConfigError> {
        let mut layers: Vec<Layer> = Vec::new();
        if let Some(path) = file {
            layers.push(file::read(path)?);
        }
        layers.push(environment::read(std::env::vars_os(), S::takes)?);
        layers.push(self.layer()?);
        load(layers)
    }

    /// Adds a setting that the command has a shorter flag for.
    pub fn add(&mut self, key: &str, value: &str) {
        self.given.extend(find(key).map(|setting| (Name::Now(setting), value.to_owned())));
    }

    pub(super) fn layer(&self) -> Result<Layer, ConfigError> {
        let mut layer = Layer::default();
        for (name, text) in &self.given {
            match name {
                Name::Now(setting) => {
                    let origin = Origin::Flag(setting.flag.clone());
                    layer.add(Given { setting, value: setting.read(text), origin })?;
                }
                Name::Old(old) => {
                    let instead = |value: &Value| {
                        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                        format!("--{} {text}", old.setting.flag)
                    };
                    let origin = Origin::Flag(old.flag.clone());
                    layer.add_renamed(old, old.setting.read(text), origin, instead)?;
                }
            }
        }
        Ok(layer)
    }
}

impl<S: Scope> Args for Flags<S> {
    fn augment_args(mut command: Command) -> Command {
        for setting in settings().iter().filter(|setting| S::takes(&setting.key)) {
            // clap gets no default, since a value that it fills in would win over the file. Negative numbers are taken
            // so that the setting refuses them, with what it expects, instead of clap as an unknown flag.
            let arg = Arg::new(setting.key.as_str())
                .long(setting.flag.as_str())
                .value_name("VALUE")
                .allow_negative_numbers(true)
                .help_heading(setting.heading.as_str())
                .help(format!("{} [default: {}]", setting.text, plain(&setting.default)));
            let short = SHORT.iter().filter(|(key, _)| *key == setting.key).map(|(_, name)| *name);
            command = command.arg(arg.visible_aliases(short));
        }
        for old in renamed().iter().filter(|old| S::takes(&old.setting.key)) {
            // Hidden, so that nobody learns it from the help.
            let arg = Arg::new(old.key).long(old.flag.as_str()).allow_negative_numbers(true).hide(true);
            command = command.arg(arg);
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<S: Scope> FromArgMatches for Flags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |id: &str| matches.try_get_one::<String>(id).ok().flatten().cloned();
        let now = settings().iter().filter(|setting| S::takes(&setting.key));
        let now = now.filter_map(|setting| Some((Name::Now(setting), given(&setting.key)?)));
        let old = renamed().iter().filter(|old| S::takes(&old.setting.key));
        let old = old.filter_map(|old| Some((Name::Old(old), given(old.key)?)));
        Ok(Self { given: now.chain(old).collect(), scope: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
