//! The floor plan, held by reading the sources: imports go down only, the rooms of the corridor do not know each other,
//! some crates are known in one place only, and a file says what it is for and stays short enough to be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scanner::{Named, crates, named_paths, says};

mod loadtest;
mod scanner;

/// The modules by floor. A module may name lower floors; the top floor may also name itself.
const FLOORS: [&[&str]; 7] = [
    &["domain", "machine", "setting"],
    &["feature", "index", "model", "artifact", "exposure"],
    &["snapshot", "rules", "live", "train"],
    &["pipeline"],
    &["recommender"],
    &["server", "evaluate"],
    &["config", "telemetry", "cli", "app", "main"],
];

/// The workshop stands beside the house: these floors do not know it, although it is below them.
const NEVER: [(&str, &str); 3] = [("pipeline", "train"), ("recommender", "train"), ("server", "train")];

/// The corridor's rooms; what they share stands in `pipeline` itself.
const ROOMS: [&str; 5] = ["source", "filter", "scorer", "reranker", "selector"];

/// Crates, by how their names begin, and the only places that may name them.
const RESERVED: [(&str, &[&str]); 11] = [
    ("aws_", &["artifact/s3"]),
    ("arc_swap", &["snapshot/registry.rs", "server/edge/requests/table.rs"]),
    ("larder_proto", &["server/"]),
    ("prost", &["server/"]),
    ("tonic", &["server/"]),
    ("axum", &["server/"]),
    ("hyper", &["server/"]),
    ("http_body", &["server/"]),
    ("prometheus", &["server/", "telemetry"]),
    ("tract_", &["model/onnx/"]),
    ("tokio", &["server/", "artifact/s3", "app.rs", "app/", "cli/", "main.rs"]),
];

/// The one folder that may have unsafe code, or switch off the lint against it.
const UNSAFE: &str = "machine/";

/// A file longer than this is two files, or a table.
const LONGEST: usize = 400;

/// The files that may be longer, and why.
const LONG: [(&str, &str); 0] = [];

/// What everything and nothing belongs into.
const NO_ROOM: [&str; 5] = ["utils", "util", "helpers", "common", "prelude"];

#[test]
fn imports_go_down_and_rooms_keep_to_themselves() {
    assert_none(every_source().flat_map(|(file, text)| upward_paths(&file, &text)).collect());
}

#[test]
fn reserved_crates_are_named_where_they_belong_only() {
    assert_none(every_source().flat_map(|(file, text)| reserved_words(&file, &text)).collect());
}

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    assert_none(every_source().flat_map(|(file, text)| shape(&file, &text)).collect());
    for (file, reason) in LONG {
        let lines = sources().get(file).map_or(0, |text| text.lines().count());
        assert!(lines > LONGEST, "{file} is on the list of long files ({reason}) and has {lines} lines");
    }
}

#[test]
fn the_map_says_a_line_about_every_module() {
    assert_none(undescribed_modules(&sources()["lib.rs"]));
    for module in modules_of(&sources()["lib.rs"]) {
        assert!(floor(&module).is_some(), "`{module}` stands on no floor: add it to FLOORS");
    }
}

#[test]
fn no_folder_is_a_drawer_for_everything() {
    let drawers =
        sources().into_keys().filter(|file| file.split(['/', '.']).any(|part| NO_ROOM.contains(&part)));
    assert_none(drawers.collect());
}

/// The rules must be able to fail: each finds its fault in a made-up source, at the right line, and nothing else.
#[test]
fn the_rules_find_made_up_violations() {
    let text = r#"// no first words
use crate::{domain::ItemIdx, recommender::{Recommender, Served}};
use super::super::server::Config; // crate::server in a comment does not count
const TEXT: &str = "crate::cli \" crate::app"; const QUOTE: char = '"';
fn f() { super::filter::keep(crate::pipeline::Context::new(), crate::pipeline::filter::all()) }
use {arc_swap::ArcSwap, my_tokio::x};
use super::{reranker::Cap, neighbors};
"#;
    let found = upward_paths("pipeline/source/popular.rs", text);
    let expected = [
        "pipeline/source/popular.rs:2: names recommender, which is not below pipeline",
        "pipeline/source/popular.rs:5: the room source names the room filter",
    ];
    assert_eq!(found, expected);
    let found = upward_paths("pipeline/source/mod.rs", text);
    let expected = [
        "pipeline/source/mod.rs:2: names recommender, which is not below pipeline",
        "pipeline/source/mod.rs:3: names server, which is not below pipeline",
        "pipeline/source/mod.rs:5: the room source names the room filter",
        "pipeline/source/mod.rs:7: the room source names the room reranker",
    ];
    assert_eq!(found, expected);
    let sideways = "use crate::artifact::Key;\nuse crate::index::Lists;\nuse crate::train;";
    assert_eq!(upward_paths("index/lists.rs", sideways).len(), 2);
    assert_eq!(upward_paths("snapshot/loader.rs", sideways).len(), 1);
    assert_eq!(upward_paths("recommender/mod.rs", sideways).len(), 1);
    assert_eq!(upward_paths("app.rs", "use crate::{cli, train, server};"), [""; 0]);
    assert_eq!(upward_paths("nowhere/x.rs", ""), ["nowhere/x.rs: `nowhere` stands on no floor"]);

    let found = reserved_words("snapshot/loader.rs", text);
    assert_eq!(
        found,
        [
            "snapshot/loader.rs:6: names arc_swap, which is reserved for [\"snapshot/registry.rs\", \"server/edge/requests/table.rs\"]"
        ]
    );
    assert_eq!(shape("domain/x.rs", text), ["domain/x.rs: does not open with `//!`"]);
    let text = "//! Text.\nfn f() { unsafe { g() } } // unsafe";
    assert_eq!(shape("index/x.rs", text), ["index/x.rs: has unsafe code, which is reserved for machine/"]);
    assert_eq!(shape("machine/x.rs", text), [""; 0]);
    assert_eq!(shape("index/x.rs", "//! Text.\n// unsafe"), [""; 0]);
    assert_eq!(shape("domain/x.rs", &"//! Long.\n".repeat(LONGEST + 1)).len(), 1);
    let map = "//! The map.\n\n/// The ground.\npub mod domain;\n#[cfg(any())]\npub mod server;\nmod x;\n";
    assert_eq!(undescribed_modules(map), ["lib.rs: no line about `server`", "lib.rs: no line about `x`"]);
}

/// Paths of this crate that a file names and should not.
fn upward_paths(file: &str, text: &str) -> Vec<String> {
    let here = module_path(file);
    let Some((own, rest)) = here.split_first() else { return Vec::new() }; // lib.rs, the map
    let Some(own_floor) = floor(own) else { return vec![format!("{file}: `{own}` stands on no floor")] };
    let room = rest.first().filter(|room| own == "pipeline" && ROOMS.contains(&room.as_str()));
    let mut faults = Vec::new();
    for Named { line, path } in named_paths(text, &here) {
        let Some(other) = path.first() else { continue };
        let Some(other_floor) = floor(other) else { continue };
        let below = other_floor < own_floor || own_floor == FLOORS.len() - 1;
        if other != own && (!below || NEVER.contains(&(own, other))) {
            faults.push(format!("{file}:{line}: names {other}, which is not below {own}"));
        }
        let other_room = path.get(1).filter(|name| other == "pipeline" && ROOMS.contains(&name.as_str()));
        if let (Some(room), Some(other_room)) = (room, other_room)
            && room != other_room
        {
            faults.push(format!("{file}:{line}: the room {room} names the room {other_room}"));
        }
    }
    faults.dedup();
    faults
}

fn reserved_words(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (line, word) in crates(text) {
        for (crate_name, places) in RESERVED {
            if word.starts_with(crate_name) && !places.iter().any(|place| file.starts_with(place)) {
                faults.push(format!("{file}:{line}: names {word}, which is reserved for {places:?}"));
            }
        }
    }
    faults
}

fn shape(file: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let mut faults = Vec::new();
    if !text.starts_with("//! ") {
        faults.push(format!("{file}: does not open with `//!`"));
    }
    if lines > LONGEST && !LONG.iter().any(|(long, _)| *long == file) {
        faults.push(format!("{file}: has {lines} lines, more than {LONGEST}"));
    }
    if !file.starts_with(UNSAFE) && says(text, &["unsafe", "unsafe_code"]) {
        faults.push(format!("{file}: has unsafe code, which is reserved for {UNSAFE}"));
    }
    faults
}

fn undescribed_modules(map: &str) -> Vec<String> {
    let lines: Vec<&str> = map.lines().map(str::trim).filter(|line| !line.starts_with("#[")).collect();
    let described = |module: &str| {
        lines.windows(2).any(|pair| pair[0].starts_with("/// ") && declares(pair[1]) == Some(module))
    };
    let undescribed = modules_of(map).into_iter().filter(|module| !described(module));
    undescribed.map(|module| format!("lib.rs: no line about `{module}`")).collect()
}

fn modules_of(map: &str) -> Vec<String> {
    map.lines().filter_map(|line| declares(line.trim())).map(str::to_owned).collect()
}

fn declares(line: &str) -> Option<&str> {
    line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';')
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// `pipeline/source/mod.rs` is `pipeline::source`, `artifact/s3.rs` is `artifact::s3`, `lib.rs` is nothing.
fn module_path(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

fn every_source() -> impl Iterator<Item = (String, String)> {
    sources().into_iter()
}

/// Every source file by its path below `src`.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn assert_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
