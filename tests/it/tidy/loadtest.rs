//! The layers of `loadtest/`, held by reading its sources: no module imports from a higher layer, and no files import
//! each other in a circle. Unit tests do not count: they may use what they like.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::scanner::named_paths;

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

/// Texts by file name below the crate's `src`, such as `target/grpc.rs`.
type Sources = BTreeMap<String, String>;

#[test]
fn imports_of_the_load_generator_go_down_and_never_in_a_circle() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("loadtest/src"));
    assert!(sources.len() > 20, "the sources are where they were");
    let imports = imports(&sources);
    assert_eq!(upward(&imports), [""; 0]);
    assert_eq!(circle(&imports), None);
}

/// The rules must be able to fail.
#[test]
fn made_up_circles_and_upward_imports_are_found() {
    let source = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let mut sources: Sources = [
        source("main.rs", "mod report;\nuse crate::report::Report;"),
        source(
            "report.rs",
            "use crate::{tally::{self, Tally}, units};\n#[cfg(test)]\nmod tests { use crate::slo::Slo; }",
        ),
        source("tally.rs", "fn f() { crate::target::answer::Failure::new() } // crate::report is a comment"),
        source("target/mod.rs", "mod answer;\nmod grpc;"),
        source("target/answer.rs", "use crate::units::figure;"),
        source("target/grpc.rs", "use super::answer::Failure;"),
        source("units.rs", "const TEXT: &str = \"crate::report\";"),
        source("slo.rs", "use crate::report::Report;"),
    ]
    .into();
    assert_eq!((upward(&imports(&sources)), circle(&imports(&sources))), (Vec::new(), None));

    sources.extend([source("target/answer.rs", "use super::super::report::Report;")]);
    assert_eq!(
        upward(&imports(&sources)),
        ["target/answer.rs imports report.rs, which is in a higher layer"]
    );
    let expected = "report.rs -> tally.rs -> target/answer.rs -> report.rs";
    assert_eq!(circle(&imports(&sources)).as_deref(), Some(expected));
    sources.extend([source("target/answer.rs", "use super::grpc::Grpc;")]);
    let expected = "target/answer.rs -> target/grpc.rs -> target/answer.rs";
    assert_eq!(circle(&imports(&sources)).as_deref(), Some(expected));
    sources.extend([source("nowhere.rs", "")]);
    assert_eq!(upward(&imports(&sources)), ["nowhere.rs is in no layer: add it to LAYERS"]);
}

/// The files that each file imports from.
fn imports(sources: &Sources) -> BTreeMap<&str, BTreeSet<&str>> {
    let files: BTreeMap<Vec<String>, &str> =
        sources.keys().map(|file| (module(file), file.as_str())).collect();
    let mut imports = BTreeMap::new();
    for (file, text) in sources {
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let named = named_paths(code, &module(file));
        // The longest beginning of a path that is a module names the file; the rest is an item in it.
        let target =
            |path: &[String]| (0..=path.len()).rev().find_map(|length| files.get(&path[..length]).copied());
        let from: BTreeSet<&str> = named.iter().filter_map(|named| target(&named.path)).collect();
        imports.insert(file.as_str(), from.into_iter().filter(|other| *other != file).collect());
    }
    imports
}

/// `target/mod.rs` is `target`, `target/grpc.rs` is `target::grpc`, `main.rs` is the root.
fn module(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|part| *part != "main").map(str::to_owned).collect()
}

fn upward(imports: &BTreeMap<&str, BTreeSet<&str>>) -> Vec<String> {
    let layer = |file: &str| {
        let module = file.trim_end_matches(".rs").split('/').next().unwrap_or_default();
        LAYERS.iter().position(|layer| layer.contains(&module))
    };
    let mut faults = Vec::new();
    for (file, from) in imports {
        let Some(own) = layer(file) else {
            faults.push(format!("{file} is in no layer: add it to LAYERS"));
            continue;
        };
        let higher = from.iter().filter(|other| layer(other).is_some_and(|layer| layer > own));
        faults.extend(higher.map(|other| format!("{file} imports {other}, which is in a higher layer")));
    }
    faults
}

/// A circle of imports, if there is one.
fn circle(imports: &BTreeMap<&str, BTreeSet<&str>>) -> Option<String> {
    let mut left: BTreeMap<&str, BTreeSet<&str>> = imports.clone();
    // Files that import nothing of what is left are in no circle. Once there are none, every file leads into one.
    while let Some(done) = left.iter().find_map(|(file, from)| from.is_empty().then_some(*file)) {
        left.remove(done);
        for from in left.values_mut() {
            from.remove(done);
        }
    }
    let mut path = vec![*left.keys().next()?];
    loop {
        let next = *left.get(path.last()?)?.first()?;
        if let Some(at) = path.iter().position(|file| *file == next) {
            path.push(next);
            return Some(path[at..].join(" -> "));
        }
        path.push(next);
    }
}

fn sources(root: &Path) -> Sources {
    let mut found = Sources::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}
