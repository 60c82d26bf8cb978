//! Names that settings had before there were sections. They go on working, with a warning.

use std::sync::LazyLock;

use toml::Value;

use super::known::{Setting, find};

/// Old name, new key, and the unit that a number had under the old name.
const TABLE: [(&str, &str, &str); 28] = [
    ("grpc_addr", "server.grpc_addr", ""),
    ("http_addr", "server.http_addr", ""),
    ("admin_addr", "server.admin_addr", ""),
    ("threads", "server.threads", ""),
    ("cpu", "server.cpu", ""),
    ("max_in_flight", "server.max_in_flight", ""),
    ("max_waiting", "server.max_queued", ""),
    ("max_connections", "server.max_connections", ""),
    ("max_streams", "server.max_streams", ""),
    ("idle_s", "server.idle_timeout", "s"),
    ("cache_max_age_s", "server.cache_max_age", "s"),
    ("linger_ms", "server.shutdown_delay", "ms"),
    ("drain_ms", "server.drain_timeout", "ms"),
    ("max_page_size", "limits.max_page_size", ""),
    ("max_latency_ms", "limits.max_latency", "ms"),
    ("user_features_wait_ms", "limits.user_features_wait", "ms"),
    ("result_cache", "limits.result_cache", ""),
    ("poll_interval_ms", "snapshot.poll_interval", "ms"),
    ("keep_previous", "snapshot.keep_previous", ""),
    ("memory_budget", "snapshot.memory_budget", ""),
    ("user_features_memory", "snapshot.user_features_memory", ""),
    ("exposure_log", "exposure.file", ""),
    ("exposure_queue", "exposure.max_queued", ""),
    ("log", "telemetry.log", ""),
    ("log_format", "telemetry.log_format", ""),
    // In files these three have always been in the section [s3].
    ("endpoint_url", "s3.endpoint_url", ""),
    ("region", "s3.region", ""),
    ("path_style", "s3.path_style", ""),
];

/// What settings begin with that are there no more, and what to write now.
const GONE: [(&str, &str); 1] = [(
    "exposure.kafka_",
    "[[events.sink]] with kind = \"kafka\", brokers and topic in the file (docs/events.md)",
)];

/// What to write now for a setting that is there no more; `None` for all others.
pub(super) fn gone(key: &str) -> Option<&'static str> {
    GONE.iter().find(|(old, _)| key.starts_with(old)).map(|(_, instead)| *instead)
}

/// A setting's old name.
#[derive(Debug)]
pub(super) struct Renamed {
    /// The old key, which had no section.
    pub(super) key: &'static str,
    /// The old variable.
    pub(super) variable: String,
    /// The old flag without the dashes in front.
    pub(super) flag: String,
    /// The setting it is now.
    pub(super) setting: &'static Setting,
    unit: &'static str,
}

static RENAMED: LazyLock<Vec<Renamed>> = LazyLock::new(|| {
    let of = |&(key, new, unit): &(&'static str, &str, &'static str)| {
        let variable = format!("LARDER_{}", key.to_ascii_uppercase());
        let flag = key.replace('_', "-");
        find(new).map(|setting| Renamed { key, variable, flag, setting, unit })
    };
    TABLE.iter().filter_map(of).collect()
});

/// All old names.
pub(super) fn renamed() -> &'static [Renamed] {
    &RENAMED
}

impl Renamed {
    /// The value as the new name takes it: a number of seconds becomes a duration. An error is what was expected.
    pub(super) fn convert(&self, value: Value) -> Result<Value, &'static str> {
        let expected = match self.unit {
            "ms" => "a whole number of milliseconds",
            "s" => "a whole number of seconds",
            _ => return Ok(value),
        };
        // The name promises a unit: `drain_ms = "10s"` would be two of them, so it is refused rather than guessed at.
        let number = match &value {
            // From a file; the other is from a variable or a flag of a setting whose default is a text.
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(number) => Ok(Value::String(format!("{number}{}", self.unit))),
            None => Err(expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_old_name_leads_to_a_setting() {
        for (old, new, _) in TABLE {
            assert!(find(new).is_some(), "{old} leads to {new}, which does not exist");
            assert!(find(old).is_none(), "{old} is both old and new");
        }
        assert_eq!(renamed().len(), TABLE.len());
    }
}
