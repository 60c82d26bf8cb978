//! The layers of `loadtest/`: no module imports from a higher layer. Unit tests do not count: they may use what they
//! like.

use std::collections::BTreeMap;

use super::scanner::{module_path, named_paths};
use super::{assert_none, sources};

/// The modules by layer, lowest first. A module may import from its own layer and from lower ones.
const LAYERS: [&[&str]; 5] = [
    // values: what is sent and when, and how latencies are counted
    &["clock", "files", "latency", "mix", "profile", "shoppers", "snapshot", "swaps", "units"],
    // traffic: servers and connections, and what became of each request
    &["run", "tally", "target"],
    // findings: the report, and what is judged, searched and printed from it
    &["report", "scrape", "search", "slo", "text"],
    // commands
    &["baseline", "compare", "cost", "measure", "page", "progress", "scenario", "settings", "slates"],
    &["cli", "main"],
];

#[test]
fn imports_of_the_load_generator_go_down() {
    assert_none(upward(&sources("loadtest/src")));
}

#[test]
fn made_up_upward_imports_are_found() {
    let crate_of = |files: &[(&str, &str)]| -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let tests = "use crate::{tally::Tally, units};\n#[cfg(test)]\nmod tests { use crate::cli::Cli; }";
    let sound = [("main.rs", "use crate::report::Report;"), ("report.rs", tests)];
    assert_none(upward(&crate_of(&sound)));
    let upwards = crate_of(&[("target/answer.rs", "use super::super::report::Report;"), ("nowhere.rs", "")]);
    let expected = [
        "nowhere.rs is in no layer: add it to LAYERS",
        "target/answer.rs:1: imports report, which is in a higher layer",
    ];
    assert_eq!(upward(&upwards), expected);
}

fn upward(sources: &BTreeMap<String, String>) -> Vec<String> {
    let layer = |module: &str| LAYERS.iter().position(|layer| layer.contains(&module));
    let mut faults = Vec::new();
    for (file, text) in sources {
        let own = file.trim_end_matches(".rs").split('/').next().unwrap_or_default();
        let Some(own) = layer(own) else {
            faults.push(format!("{file} is in no layer: add it to LAYERS"));
            continue;
        };
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for named in named_paths(code, &module_path(file)) {
            let Some(other) = named.path.first() else { continue };
            if layer(other).is_some_and(|layer| layer > own) {
                faults.push(format!("{file}:{}: imports {other}, which is in a higher layer", named.line));
            }
        }
    }
    faults
}
