//! The environment: `LARDER_SERVER__MAX_QUEUED` for `max_queued` in `[server]`.
//!
//! Two underscores, as figment and config-rs have them: with one, nobody could tell where the section ends.

use std::ffi::OsString;

use toml::Value;

use super::ConfigError;
use super::error::{Origin, Warning};
use super::known::{PREFIX, closest, settings};
use super::layers::{Given, Layer};
use super::renamed::{gone, renamed};

/// Variables of the program that are no settings.
const OTHERS: [&str; 1] = ["LARDER_CONFIG"];

/// Reads the settings among the variables that a command takes.
///
/// One that is empty is not set: a container's manifest can empty what its image sets, but not remove it.
pub(super) fn read(
    variables: impl Iterator<Item = (OsString, OsString)>,
    takes: fn(&str) -> bool,
) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    let mut ours: Vec<(String, OsString)> = variables
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .collect();
    ours.sort(); // an environment has no order, and messages should
    for (name, value) in ours {
        let setting = settings().iter().find(|setting| setting.variable == name);
        let old = renamed().iter().find(|old| old.variable == name);
        let key = setting.or(old.map(|old| old.setting)).map(|setting| setting.key.as_str());
        let Some(key) = key else {
            let old = name[PREFIX.len()..].replace("__", ".").to_ascii_lowercase();
            if let Some(instead) = gone(&old) {
                // Not only a warning: exposures would no longer go where they went.
                return Err(ConfigError::Gone { origin: Box::new(Origin::Variable(name)), instead });
            }
            if !OTHERS.contains(&name.as_str()) && !is_of_kubernetes(&name) {
                let nearest = nearest_variable(&name);
                layer.warnings.push(Warning::UnknownVariable { name, nearest });
            }
            continue;
        };
        if !takes(key) {
            continue; // a setting of the server in the environment of another command
        }
        // A path may be other bytes, but a message about it, the status page and a file of settings could not show it.
        let text = value.into_string().map_err(|_| ConfigError::NotText { variable: name.clone() })?;
        let origin = Origin::Variable(name);
        match (setting, old) {
            (Some(setting), _) => layer.add(Given { setting, value: setting.read(&text), origin })?,
            (None, Some(old)) => {
                let instead = |value: &Value| {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    format!("{}={text}", old.setting.variable)
                };
                layer.add_renamed(old, old.setting.read(&text), origin, instead)?;
            }
            (None, None) => {}
        }
    }
    Ok(layer)
}

fn nearest_variable(name: &str) -> Option<String> {
    // Without what all of them begin with, which would make any two alike.
    let known = settings().iter().map(|setting| setting.variable.as_str()).chain(OTHERS);
    let endings = known.filter_map(|variable| variable.strip_prefix(PREFIX));
    closest(name.strip_prefix(PREFIX)?, endings).map(|ending| format!("{PREFIX}{ending}"))
}

/// Whether Kubernetes made this variable for a service called `larder` or `larder-…` in the same namespace, as it
/// does in every container: `LARDER_SERVICE_HOST`, `LARDER_GRPC_PORT_50051_TCP_ADDR`.
fn is_of_kubernetes(name: &str) -> bool {
    let port = |rest: &str| {
        let mut parts = rest.split('_');
        let number =
            parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        let protocol = parts.next().is_some_and(|part| matches!(part, "TCP" | "UDP" | "SCTP"));
        number
            && protocol
            && matches!(parts.next(), None | Some("PROTO" | "PORT" | "ADDR"))
            && parts.next().is_none()
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.rsplit_once("_PORT_").is_some_and(|(_, rest)| port(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_kubernetes_are_no_misspelt_settings() {
        for name in [
            "LARDER_SERVICE_HOST",
            "LARDER_SERVICE_PORT",
            "LARDER_SERVICE_PORT_HTTP",
            "LARDER_PORT",
            "LARDER_PORT_8080_TCP",
            "LARDER_GRPC_PORT_50051_TCP_ADDR",
            "LARDER_GRPC_PORT_50051_TCP_PORT",
            "LARDER_GRPC_PORT_50051_TCP_PROTO",
        ] {
            assert!(is_of_kubernetes(name), "{name}");
        }
        for name in ["LARDER_PORT_HTTP", "LARDER_GRPC_ADR", "LARDER_PORT_8080_TCP_ADDRESS", "LARDER_PORTS"] {
            assert!(!is_of_kubernetes(name), "{name}");
        }
        assert!(settings().iter().all(|setting| !is_of_kubernetes(&setting.variable)));
    }
}
