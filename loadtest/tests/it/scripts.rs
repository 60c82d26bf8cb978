//! The scripts for ghz and k6, as far as they can be checked without either: what they send is the contract's, what they
//! name is there, and the JavaScript parses.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use larder_proto::v1;
use serde_json::Value;

const TEMPLATE_ENDS: [&str; 2] = ["{{", "}}"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The text with each `{{…}}` replaced by an id.
fn filled(text: &str) -> String {
    let [open, close] = TEMPLATE_ENDS;
    let mut parts = text.split(open);
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let (template, rest) = part.split_once(close).unwrap();
        assert!(template.starts_with("printf `"), "{template}");
        text + "P00042" + rest
    })
}

#[test]
fn what_ghz_and_k6_send_is_a_request_of_the_contract() {
    let text = filled(&read("loadtest/ghz/requests.json"));
    let requests: Vec<v1::RecommendRequest> = serde_json::from_str(&text).unwrap();
    let placements: std::collections::BTreeSet<&str> =
        requests.iter().map(|request| request.placement.as_str()).collect();
    assert_eq!(placements.len(), 6, "all default placements: {placements:?}");
    for request in &requests {
        assert_eq!(request.traffic_class(), v1::recommend_request::TrafficClass::Synthetic, "{request:?}");
    }
    let unknown = text.replacen("\"seedItems\"", "\"seeds\"", 1);
    assert!(
        serde_json::from_str::<Vec<v1::RecommendRequest>>(&unknown).is_err(),
        "unknown fields are noticed"
    );
}

#[test]
fn the_ghz_settings_name_files_and_a_call_that_exist() {
    for path in ["loadtest/ghz/larder.json", "loadtest/ghz/diurnal.json"] {
        let settings: Value = serde_json::from_str(&read(path)).unwrap();
        let text = |name: &str| settings[name].as_str().unwrap();
        for name in ["proto", "data-file"] {
            assert!(root().join(text(name)).is_file(), "{path}: {name}");
        }
        assert!(root().join(settings["import-paths"][0].as_str().unwrap()).is_dir(), "{path}");
        let (service, method) = text("call").rsplit_once('.').unwrap();
        assert_eq!(service, "larder.v1.RecommendationService", "{path}");
        assert!(read(text("proto")).contains(&format!("rpc {method}(RecommendRequest)")), "{path}");
    }
}

#[test]
fn the_k6_script_parses() {
    let dir = tempfile::tempdir().unwrap();
    let module = dir.path().join("larder.mjs"); // as a module, which a script for k6 is
    let check = |text: &str| {
        fs::write(&module, text).unwrap();
        Command::new("node").arg("--check").arg(&module).output()
    };
    let script = read("loadtest/k6/larder.js");
    let Ok(output) = check(&script) else {
        let _ = writeln!(std::io::stderr(), "skipped: the_k6_script_parses: needs node");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!check(&format!("{script}\n)")).unwrap().status.success(), "a fault is noticed");
    for named in ["../ghz/requests.json", "../../proto/proto"] {
        assert!(script.contains(named) && root().join("loadtest/k6").join(named).exists(), "{named}");
    }
}
