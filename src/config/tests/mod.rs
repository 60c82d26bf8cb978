//! What a configuration takes and refuses, and in which words.

mod old_names;
mod reference;
mod sinks;
mod sources;

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::{Args, FromArgMatches};

use super::layers::{Layer, Loaded, load};
use super::*;

/// What `larder serve` would make of a file, an environment and a command line.
fn loaded(file: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<Loaded, ConfigError> {
    load(vec![in_file(file)?, in_environment(variables)?, on_command_line(flags)?])
}

fn in_file(text: &str) -> Result<Layer, ConfigError> {
    file::parse(Path::new("larder.toml"), text)
}

fn in_environment(variables: &[(&str, &str)]) -> Result<Layer, ConfigError> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    environment::read(variables, Everything::takes)
}

fn on_command_line(flags: &[&str]) -> Result<Layer, ConfigError> {
    let command = Flags::<Everything>::augment_args(clap::Command::new("serve").no_binary_name(true));
    let matches = command.try_get_matches_from(flags).unwrap();
    Flags::<Everything>::from_arg_matches(&matches).unwrap().layer()
}

/// The configuration of a file that is good and needs no warning.
fn good(file: &str) -> Config {
    let loaded = loaded(file, &[], &[]).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_eq!(loaded.warnings, [], "{file}");
    loaded.config
}

/// What is said about a file that is not good.
fn bad(file: &str) -> String {
    loaded(file, &[], &[]).expect_err(file).to_string()
}

#[test]
fn the_file_of_defaults_says_what_the_program_does() {
    let written = toml::Table::try_from(good(DEFAULTS)).unwrap();
    let own = toml::Table::try_from(Config::default()).unwrap();
    assert_eq!(written, own);
    assert_eq!(toml::Table::try_from(good("")).unwrap(), own);
}

#[test]
fn every_field_has_a_key_with_a_text_and_every_key_a_field() {
    let mut fields: Vec<String> = Vec::new();
    for (name, value) in toml::Table::try_from(Config::default()).unwrap() {
        match value {
            toml::Value::Table(section) => fields.extend(section.keys().map(|key| format!("{name}.{key}"))),
            _ => fields.push(name),
        }
    }
    let mut keys: Vec<String> = known::settings().iter().map(|setting| setting.key.clone()).collect();
    fields.sort();
    keys.sort();
    assert_eq!(keys, fields, "each field of Config needs a line in larder.default.toml");
    for setting in known::settings() {
        assert!(
            setting.text.len() > 20 && setting.text.ends_with('.'),
            "{}: \"{}\"",
            setting.key,
            setting.text
        );
    }
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = "channel = 'a'\n[server]\nmax_queued = 1\nmax_streams = 1\n[limits]\nmax_latency = '1s'";
    let variables = [("LARDER_CHANNEL", "b"), ("LARDER_SERVER__MAX_QUEUED", "2"), ("LARDER_SERVER__CPU", "")];
    let config = loaded(file, &variables, &["--channel", "c", "--server.threads", "3"]).unwrap().config;
    assert_eq!((config.channel.as_str(), config.snapshot.channel.as_str()), ("c", "c"));
    assert_eq!(config.server.max_queued, 2);
    assert_eq!(config.server.max_streams, 1);
    assert_eq!(config.server.threads, 3);
    assert_eq!(config.server.cpu, None, "an empty variable is not set");
    assert_eq!(config.limits.max_latency, Some(Duration::from_secs(1)));
}

#[test]
fn durations_and_sizes_are_written_with_their_units() {
    let config = good(
        "[server]\nidle_timeout = '1h 30m'\nshutdown_delay = '250ms'\n[snapshot]\nmemory_budget = '2GiB'\n\
         max_artifact_size = '1TiB'\nuser_features_memory = 536870912\n[limits]\nresult_cache = 0",
    );
    assert_eq!(config.server.idle_timeout, Duration::from_secs(5400));
    assert_eq!(config.server.shutdown_delay, Duration::from_millis(250));
    assert_eq!(config.snapshot.memory_budget, Some(2 << 30));
    assert_eq!(config.snapshot.load.max_artifact_bytes, 1 << 40);
    assert_eq!(config.snapshot.load.user_features_memory, 512 << 20);
    assert_eq!(config.limits.result_cache_bytes, 0);
}

#[test]
fn words_stand_for_what_is_settled_at_the_start() {
    let config =
        good("[snapshot]\nkeep_previous = true\n[s3]\npath_style = 'false'\n[exposure]\nfile = '/var/shown'");
    assert_eq!(config.snapshot.keep_previous, Some(true));
    assert_eq!(config.s3.path_style, Some(false));
    assert_eq!(config.exposure.file.as_deref(), Some(Path::new("/var/shown")));
    let config =
        good("[snapshot]\nkeep_previous = 'auto'\n[exposure]\nfile = 'none'\n[server]\ncpu = 'scalar'");
    assert_eq!((config.snapshot.keep_previous, config.exposure.file), (None, None));
    assert_eq!(config.server.cpu, Some(crate::machine::Level::SCALAR));
}

#[test]
fn where_exposures_go_has_a_short_flag() {
    let config = loaded("[spool]\ndir = '/s'\nmax = '1GiB'", &[], &["--exposures", "/shown"]).unwrap().config;
    assert_eq!(config.exposure.dir.as_deref(), Some(Path::new("/shown")));
    assert_eq!((config.spool.dir.as_deref(), config.spool.max), (Some(Path::new("/s")), 1 << 30));
}

#[test]
fn a_bad_value_is_refused_with_its_place_and_what_would_fit() {
    let cases = [
        ("[server]\nmax_queued = 0", "larder.toml, line 2: server.max_queued is 0: expected 1 to 1000000"),
        ("[server]\nmax_queued = -5", "server.max_queued is -5: expected a whole number, 0 or more"),
        (
            "[server]\nmax_queued = 'many'",
            "server.max_queued is \"many\": expected a whole number, 0 or more",
        ),
        ("[server]\nmax_queued = 1.5", "server.max_queued is 1.5: expected a whole number, 0 or more"),
        (
            "[server]\nmax_queued = 99999999999999999999",
            "is \"99999999999999999999\": expected a whole number",
        ),
        ("[server]\nmax_streams = 5000000000", "is 5000000000: expected a whole number from 0 to 4294967295"),
        (
            "[server]\nthreads = 'many'",
            "server.threads is \"many\": expected auto, or a whole number from 1 to 1024",
        ),
        ("[server]\nthreads = 0", "server.threads is 0: expected 1 to 1024"),
        ("[server]\nhttp_addr = 'here'", "server.http_addr is \"here\": expected an address and a port"),
        (
            "[server]\ncpu = 'z80'",
            "server.cpu is \"z80\": expected auto, or a level that this processor has: scalar",
        ),
        (
            "[server]\ndrain_timeout = 10",
            "server.drain_timeout is 10: expected a duration with its unit, such as 250ms",
        ),
        (
            "[server]\ndrain_timeout = '-1s'",
            "server.drain_timeout is \"-1s\": expected a duration with its unit",
        ),
        ("[server]\ndrain_timeout = '9000000000y'", "is \"9000000000y\": expected a duration with its unit"),
        ("[server]\ndrain_timeout = '2h'", "server.drain_timeout is 2h: expected 0s to 1h"),
        ("[server]\ndrain_timeout = []", "server.drain_timeout is a list: expected a duration with its unit"),
        ("[limits]\nresult_cache = 1", "limits.result_cache is 1: expected 64KiB to 1TiB"),
        ("[limits]\nmax_latency = 'never'", "limits.max_latency is \"never\": expected none, or a duration"),
        ("[snapshot]\nmemory_budget = 'much'", "is \"much\": expected auto, or a size such as 256MiB"),
        (
            "[snapshot]\nmemory_budget = '99EiB'",
            "snapshot.memory_budget is 18446744073709551615: expected 1MiB to 64TiB",
        ),
        ("[snapshot]\nmemory_budget = -1", "is -1: expected auto, or a size"),
        ("[snapshot]\nkeep_previous = 'yes'", "is \"yes\": expected auto, or true or false"),
        ("[telemetry]\nlog_format = 'xml'", "telemetry.log_format is \"xml\": expected `text` or `json`"),
        ("[telemetry]\nlog = '=='", "telemetry.log is ==: expected a level or a filter"),
        ("[s3]\nregion = 5", "larder.toml, line 2: s3.region is 5: expected auto, or a text"),
        ("[exposure]\nfile = 5", "line 2: exposure.file is 5: expected none, or a path"),
        ("[exposure]\nreplica = 'a/b'", "exposure.replica is \"a/b\": expected auto, or a plain name"),
        ("[exposure]\nlake = 's3://x/y'", "exposure.lake is \"s3://x/y\": expected spool.dir beside it"),
        ("[spool]\ndir = '/x'", "exposure.dir is none: expected file, dir, lake or an [[events.sink]]"),
        ("[spool]\nmax = '1KiB'", "spool.max is 1KiB: expected 1MiB to 16TiB"),
        ("[spool]\nsync = '0s'", "spool.sync is 0s: expected 1ms to 1m"),
        ("cache_dir = true", "line 1: cache_dir is true: expected auto, or a directory"),
        (
            "[s3]\nendpoint_url = 's3.example.com'",
            "s3.endpoint_url is s3.example.com: expected auto, or an address",
        ),
        ("channel = '../x'", "line 1: channel is \"../x\": expected a plain name"),
        ("store = 5", "line 1: store is 5: expected a string"),
        ("server = 5", "line 1: server is 5: expected a section, [server]"),
        ("[store]\nx = 1", "line 1: store is a table: expected a string"),
    ];
    for (file, expected) in cases {
        let said = bad(file);
        assert!(said.contains(expected), "{file}\nsaid:     {said}\nexpected: {expected}");
    }
}

#[test]
fn an_unknown_name_is_refused_with_its_line_and_the_nearest() {
    let cases = [
        (
            "\n[server]\nmax_qeued = 5",
            "larder.toml, line 3: there is no setting server.max_qeued; did you mean server.max_queued?",
        ),
        (
            "[limits]\nmax_queued = 5",
            "there is no setting limits.max_queued; did you mean server.max_queued?",
        ),
        ("chanel = 'x'", "there is no setting chanel; did you mean channel?"),
        ("grpc_adr = 'x'", "there is no setting grpc_adr; did you mean server.grpc_addr?"),
        ("[sever]\nx = 1", "line 1: there is no section [sever]; did you mean [server]?"),
        ("[zzz]", "line 1: there is no section [zzz]"),
        ("max_waitin = 5", "there is no setting max_waitin; did you mean server.max_queued?"),
        ("x.y = 1", "line 1: there is no section [x]"),
        ("[server]\nidle = '5m'", "there is no setting server.idle; did you mean server.idle_timeout?"),
        (
            "server.max_qeued = 5",
            "line 1: there is no setting server.max_qeued; did you mean server.max_queued?",
        ),
        ("qqq = 5", "line 1: there is no setting qqq"),
    ];
    for (file, expected) in cases {
        let said = bad(file);
        assert!(said.ends_with(expected), "{file}\nsaid:     {said}\nexpected: {expected}");
    }
    let others = [("LARDER_SERVICE_HOST", "x"), ("LARDER_CONFIG", "x"), ("LARD", "x")];
    let variables = [&[("LARDER_SERVER__MAX_QEUED", "5"), ("LARDER_ZZZ", "5")], &others[..]].concat();
    let warnings = in_environment(&variables).unwrap().warnings;
    let said: Vec<String> = warnings.iter().map(Warning::to_string).collect();
    let expected = "the environment variable LARDER_SERVER__MAX_QEUED is no setting; \
                    did you mean LARDER_SERVER__MAX_QUEUED?";
    assert_eq!(said, [expected, "the environment variable LARDER_ZZZ is no setting"]);
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_line_and_column() {
    assert!(bad("channel = \n").starts_with("larder.toml, line 1, column 11: "), "{}", bad("channel = \n"));
    let twice = bad("channel = 'a'\nchannel = 'b'");
    assert_eq!(twice, "larder.toml, line 2, column 1: the key channel is there already");
    assert!(matches!(file::read(Path::new("/no/such.toml")), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn a_bad_value_in_the_environment_or_on_the_command_line_names_its_variable_or_flag() {
    let said = loaded("", &[("LARDER_SERVER__MAX_QUEUED", "many")], &[]).unwrap_err().to_string();
    assert_eq!(
        said,
        "LARDER_SERVER__MAX_QUEUED: server.max_queued is \"many\": expected a whole number, 0 or more"
    );
    let said = loaded("", &[], &["--server.max-queued", "-5"]).unwrap_err().to_string();
    assert_eq!(said, "--server.max-queued: server.max_queued is -5: expected a whole number, 0 or more");
    let said = loaded("", &[], &["--server.drain-timeout", "10"]).unwrap_err().to_string();
    assert!(said.contains("such as 250ms"), "{said}");
}

#[test]
fn a_secret_is_not_repeated_in_any_message() {
    let hushed = [
        "[server]\npage_token_key = 'hush'",
        "[server]\npage_token_key = 48274827",
        "[server]\npage_token_key = ['hush']",
        "[server]\npage_token_key = 'hush",
        "[server]\npage_token_key = '''\nhush",
        "[server]\npage_token_key = hush",
    ];
    for file in hushed {
        let error = loaded(file, &[], &[]).unwrap_err();
        let said = error.to_string();
        assert!(!said.contains("hush") && !said.contains("4827"), "{said}");
        assert!(said.contains("line"), "{said}");
    }
    let key = "0123456789abcdef0123456789abcdef";
    let config = good(&format!("[server]\npage_token_key = '{key}'"));
    assert_eq!(config.server.page_token_key.bytes(), Some(key.as_bytes()));
    assert!(!format!("{config:?}").contains(key));
    assert!(!toml::to_string(&config).unwrap().contains(key));
}

#[test]
fn the_cache_is_in_the_users_home_and_never_in_a_directory_that_all_users_share() {
    let standard = |variables: &[(&str, &str)]| {
        let found =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
        super::CacheDir::standard(found).display().to_string()
    };
    for (variables, expected) in [
        (&[("XDG_CACHE_HOME", "/c"), ("HOME", "/h")][..], "/c/larder"),
        (&[("HOME", "/h")], "/h/.cache/larder"),
        (&[("XDG_CACHE_HOME", ""), ("HOME", "/h")], "/h/.cache/larder"),
        (&[("XDG_CACHE_HOME", "relative"), ("HOME", "/h")], "/h/.cache/larder"),
        (&[("HOME", "relative"), ("TMPDIR", "/tmp")], ""),
        (&[], ""),
    ] {
        assert_eq!(standard(variables), expected, "{variables:?}");
    }
}
