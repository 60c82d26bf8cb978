//! The layers of the code, held by reading the sources: imports go down only, the kinds of stages do not know each
//! other, nothing imports in a circle, some crates are named in one place only, and a file says what it is for, in the
//! field's words, and stays short enough to be read.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use graph::Graph;
use scanner::{Named, crates, module_path, named_paths, says};

mod graph;
mod loadtest;
mod scanner;

/// The modules by layer, lowest first. A module may name lower layers; the top layer may also name itself.
const LAYERS: [&[&str]; 7] = [
    &["domain", "machine", "setting"],
    &["feature", "index", "model", "artifact"],
    &["snapshot", "rules", "live", "exposure", "train"],
    &["pipeline", "connect"],
    &["recommender"],
    &["server", "evaluate", "report"],
    &["config", "telemetry", "cli", "app", "main"],
];

/// Training stands beside serving: these modules do not know it, although it is in a lower layer.
const NEVER: [(&str, &str); 3] = [("pipeline", "train"), ("recommender", "train"), ("server", "train")];

/// The kinds of stages; what they share stands in `pipeline` itself.
const STAGE_KINDS: [&str; 5] = ["source", "filter", "scorer", "reranker", "selector"];

/// Crates, by how their names begin, and the only places that may name them.
const RESERVED: [(&str, &[&str]); 15] = [
    ("aws_", &["artifact/s3", "artifact/aws.rs", "connect/aws/"]),
    (
        "arc_swap",
        &["snapshot/registry.rs", "server/edge/requests/table.rs", "server/identity/", "server/tls/"],
    ),
    ("larder_proto", &["server/"]),
    ("prost", &["server/", "connect/aws/kinesis/"]),
    ("tonic", &["server/"]),
    ("axum", &["server/"]),
    ("hyper", &["server/"]),
    ("http_body", &["server/", "artifact/s3"]),
    ("prometheus", &["server/", "telemetry"]),
    ("tract_", &["model/onnx/"]),
    ("rskafka", &["connect/kafka/"]),
    ("rustls", &["server/tls/", "server/identity/token/", "artifact/aws.rs", "connect/"]),
    ("webpki", &["server/tls/"]),
    ("async_nats", &["connect/nats/"]),
    (
        "tokio",
        &[
            "server/",
            "artifact/s3",
            "app.rs",
            "app/",
            "cli/",
            "main.rs",
            "connect/kafka/",
            "connect/nats/",
            "connect/aws/",
            "connect/source/inbox.rs",
        ],
    ),
];

/// The one folder that may have unsafe code, or switch off the lint against it.
const UNSAFE: &str = "machine/";

/// Where requests read beside a writer, and the files there that a lock may be named in, for writers.
const READ_WITHOUT_LOCK: [(&str, &[&str]); 4] = [
    ("live/recent/", &["live/recent/apply.rs"]),
    ("live/epoch.rs", &[]),
    ("live/arrivals.rs", &[]),
    ("domain/", &[]),
];

/// What a reader might wait for.
const LOCKS: [&str; 8] = ["Mutex", "RwLock", "Condvar", "Once", "OnceLock", "LazyLock", "Barrier", "mpsc"];

/// Lines of a file; one that is longer is two files, or a table.
const LONGEST: usize = 400;

/// Columns of a line, so that two files fit beside each other on a screen.
const WIDEST: usize = 120;

/// The files that may be longer, and why.
const LONG: [(&str, &str); 1] = [("sample/src/words.rs", "word lists of the sample shop")];

/// File names that say nothing of what is inside.
const VAGUE: [&str; 5] = ["utils", "util", "helpers", "common", "prelude"];

/// Words that need explaining to a reader from the field, who has another one for each (ARCHITECTURE.md, "What are
/// things called?").
const METAPHORS: [&str; 10] = [
    "cellar",
    "corridor",
    "tasting room",
    "loading dock",
    "back door",
    "street",
    "the hall",
    "ladder",
    "rung",
    "stranger",
];

/// The workspace's crates whose sources are held to the rules on files and circles.
const CRATES: [&str; 3] = ["src", "loadtest/src", "sample/src"];

#[test]
fn imports_go_down_and_kinds_of_stages_keep_to_themselves() {
    assert_none(sources("src").iter().flat_map(|(file, text)| upward_paths(file, text)).collect());
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    assert_none(CRATES.iter().flat_map(|root| Graph::new(&sources(root)).circles()).collect());
}

#[test]
fn reserved_crates_are_named_where_they_belong_only() {
    assert_none(sources("src").iter().flat_map(|(file, text)| reserved_words(file, text)).collect());
}

#[test]
fn no_lock_is_named_where_requests_read_beside_a_writer() {
    let sources = sources("src");
    assert_none(sources.iter().flat_map(|(file, text)| locks(file, text)).collect());
    for file in READ_WITHOUT_LOCK.iter().flat_map(|(_, writers)| *writers) {
        assert!(says(&sources[*file], &LOCKS), "{file} may name a lock and names none");
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_short() {
    for root in CRATES {
        let name = |file: &str| format!("{root}/{file}");
        assert_none(sources(root).iter().flat_map(|(file, text)| shape(&name(file), text)).collect());
    }
    for (file, reason) in LONG {
        let lines = fs::read_to_string(root().join(file)).unwrap_or_default().lines().count();
        assert!(lines > LONGEST, "{file} is on the list of long files ({reason}) and has {lines} lines");
    }
}

#[test]
fn no_line_is_wider_than_a_screen_has_room_for() {
    let folders = ["src", "loadtest", "sample", "tests", "benches", "examples", "fuzz"];
    let too_wide = folders.iter().flat_map(|folder| {
        sources(folder)
            .into_iter()
            .flat_map(move |(file, text)| wide_lines(&format!("{folder}/{file}"), &text))
    });
    assert_none(too_wide.collect());
}

#[test]
fn the_fields_words_are_used() {
    let mut texts: Vec<(String, String)> =
        sources("src").into_iter().map(|(f, t)| (format!("src/{f}"), t)).collect();
    for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        texts.push((file.to_owned(), fs::read_to_string(root().join(file)).unwrap()));
    }
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        texts.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
    }
    assert_none(texts.iter().flat_map(|(file, text)| metaphors(file, text)).collect());
}

#[test]
fn the_crates_first_page_has_a_line_about_every_module() {
    let map = &sources("src")["lib.rs"];
    assert_none(undescribed_modules(map));
    for module in modules_of(map) {
        assert!(layer(&module).is_some(), "`{module}` is in no layer: add it to LAYERS");
    }
}

#[test]
fn no_file_is_a_drawer_for_everything() {
    let is_vague = |file: &String| file.split(['/', '.']).any(|part| VAGUE.contains(&part));
    assert_none(CRATES.iter().flat_map(|root| sources(root).into_keys().filter(is_vague)).collect());
}

/// The rules must be able to fail: each finds its fault in a made-up source, at the right line, and nothing else.
#[test]
fn the_rules_find_made_up_violations() {
    let text = r#"// no first words
use crate::{domain::ItemIdx, recommender::{Recommender, View}};
use super::super::server::Config; // crate::server in a comment does not count
const TEXT: &str = "crate::cli \" crate::app"; const QUOTE: char = '"';
fn f() { super::filter::keep(crate::pipeline::Context::new(), crate::pipeline::filter::all()) }
use {arc_swap::ArcSwap, my_tokio::x};
use super::{reranker::Cap, neighbors};
"#;
    let found = upward_paths("pipeline/source/popular.rs", text);
    let expected = [
        "pipeline/source/popular.rs:2: names recommender, which is not below pipeline",
        "pipeline/source/popular.rs:5: source names filter, another kind of stage",
    ];
    assert_eq!(found, expected);
    let found = upward_paths("pipeline/source/mod.rs", text);
    let expected = [
        "pipeline/source/mod.rs:2: names recommender, which is not below pipeline",
        "pipeline/source/mod.rs:3: names server, which is not below pipeline",
        "pipeline/source/mod.rs:5: source names filter, another kind of stage",
        "pipeline/source/mod.rs:7: source names reranker, another kind of stage",
    ];
    assert_eq!(found, expected);
    let sideways = "use crate::artifact::Key;\nuse crate::index::Lists;\nuse crate::train;";
    assert_eq!(upward_paths("index/lists.rs", sideways).len(), 2);
    assert_eq!(upward_paths("snapshot/loader.rs", sideways).len(), 1);
    assert_eq!(upward_paths("recommender/mod.rs", sideways).len(), 1);
    assert_eq!(upward_paths("app.rs", "use crate::{cli, train, server};"), [""; 0]);
    assert_eq!(upward_paths("nowhere/x.rs", ""), ["nowhere/x.rs: `nowhere` is in no layer"]);

    let found = reserved_words("snapshot/loader.rs", text);
    assert_eq!(
        found,
        ["snapshot/loader.rs:6: names arc_swap, which is reserved for [\"snapshot/registry.rs\", \
          \"server/edge/requests/table.rs\", \"server/identity/\", \"server/tls/\"]"]
    );
    let text = "use std::sync::{Arc, Mutex}; // RwLock";
    assert_eq!(locks("live/recent/x.rs", text), ["live/recent/x.rs: names a lock, and is read without one"]);
    assert_eq!(locks("live/recent/x.rs", "// Mutex\nfn mutex() {}"), [""; 0]);
    assert_eq!(locks("live/recent/apply.rs", text), [""; 0]);
    assert_eq!(locks("live/x.rs", text), [""; 0]);
    let text = "fn f() {}";
    assert_eq!(shape("src/domain/x.rs", text), ["src/domain/x.rs: does not open with `//!`"]);
    let text = "//! Text.\nfn f() { unsafe { g() } } // unsafe";
    let expected = ["src/index/x.rs: has unsafe code, which is reserved for machine/"];
    assert_eq!(shape("src/index/x.rs", text), expected);
    assert_eq!(shape("src/machine/x.rs", text), [""; 0]);
    assert_eq!(shape("src/index/x.rs", "//! Text.\n// unsafe"), [""; 0]);
    assert_eq!(shape("src/domain/x.rs", &"//! Long.\n".repeat(LONGEST + 1)).len(), 1);
    let map = "//! The map.\n\n/// The ground.\npub mod domain;\n#[cfg(any())]\npub mod server;\nmod x;\n";
    assert_eq!(undescribed_modules(map), ["lib.rs: no line about `server`", "lib.rs: no line about `x`"]);
    assert_eq!(wide_lines("x.rs", &format!("{}\n{}", "é".repeat(WIDEST), "e".repeat(WIDEST + 1))).len(), 1);
    assert_eq!(metaphors("x.md", "A rung\nof the Ladder.").len(), 2);
    assert_eq!(metaphors("x.md", "wrung, bladder, streets ahead"), [""; 0]);
}

#[test]
fn circles_are_found_through_names_that_a_module_hands_on() {
    let crate_of = |files: &[(&str, &str)]| {
        let texts = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        Graph::new(&texts.collect()).circles()
    };
    let lib = ("lib.rs", "mod shop;");
    let shop = ("shop/mod.rs", "mod basket;\nmod price;\npub use basket::Basket;\npub use price::Price;");
    let basket = ("shop/basket.rs", "use super::Price;\npub struct Basket(Price);");
    let price = ("shop/price.rs", "pub struct Price;\n#[cfg(test)]\nmod tests { use crate::shop::Basket; }");
    assert_eq!(crate_of(&[lib, shop, basket, price]), [""; 0]);
    let price = ("shop/price.rs", "use crate::shop::Basket as Cart;\npub struct Price(Option<Box<Cart>>);");
    let circles = crate_of(&[lib, shop, basket, price]);
    assert_eq!(circles.len(), 1);
    for tie in ["shop/basket.rs -> shop/price.rs: Price", "shop/price.rs -> shop/basket.rs: Basket"] {
        assert!(circles[0].contains(tie), "{tie} is not in {}", circles[0]);
    }
}

/// Paths of this crate that a file names and should not.
fn upward_paths(file: &str, text: &str) -> Vec<String> {
    let here = module_path(file);
    let Some((own, rest)) = here.split_first() else { return Vec::new() }; // lib.rs names everything
    let Some(own_layer) = layer(own) else { return vec![format!("{file}: `{own}` is in no layer")] };
    let kind = rest.first().filter(|kind| own == "pipeline" && STAGE_KINDS.contains(&kind.as_str()));
    let mut faults = Vec::new();
    for Named { line, path } in named_paths(text, &here) {
        let Some(other) = path.first() else { continue };
        let Some(other_layer) = layer(other) else { continue };
        let below = other_layer < own_layer || own_layer == LAYERS.len() - 1;
        if other != own && (!below || NEVER.contains(&(own, other))) {
            faults.push(format!("{file}:{line}: names {other}, which is not below {own}"));
        }
        let other_kind =
            path.get(1).filter(|name| other == "pipeline" && STAGE_KINDS.contains(&name.as_str()));
        if let (Some(kind), Some(other_kind)) = (kind, other_kind)
            && kind != other_kind
        {
            faults.push(format!("{file}:{line}: {kind} names {other_kind}, another kind of stage"));
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

fn locks(file: &str, text: &str) -> Vec<String> {
    let read_without = READ_WITHOUT_LOCK
        .iter()
        .any(|(folder, writers)| file.starts_with(folder) && !writers.contains(&file));
    let fault = read_without && says(text, &LOCKS);
    fault.then(|| format!("{file}: names a lock, and is read without one")).into_iter().collect()
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
    if !file.contains(UNSAFE) && says(text, &["unsafe", "unsafe_code"]) {
        faults.push(format!("{file}: has unsafe code, which is reserved for {UNSAFE}"));
    }
    faults
}

fn wide_lines(file: &str, text: &str) -> Vec<String> {
    let wide = text.lines().enumerate().filter(|(_, line)| line.chars().count() > WIDEST);
    wide.map(|(at, line)| {
        format!("{file}:{}: has {} columns, more than {WIDEST}", at + 1, line.chars().count())
    })
    .collect()
}

fn metaphors(file: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.to_lowercase();
        let is_letter = |c: char| c.is_alphanumeric();
        for word in METAPHORS {
            let alone = |start: usize| {
                !line[..start].ends_with(is_letter) && !line[start + word.len()..].starts_with(is_letter)
            };
            if line.match_indices(word).any(|(start, _)| alone(start)) {
                faults.push(format!("{file}:{}: says \"{word}\": use the field's word", at + 1));
            }
        }
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

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder of the repository, by its path there; builds' own folders are left out.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let root = root().join(folder);
    let mut found = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
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
