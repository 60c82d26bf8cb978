//! What must not reach a fleet: snapshots that no server would serve, and servers that wait for a channel in vain.

use std::fs;
use std::path::Path;

use super::{json, larder, run};

/// A copy of the sample's snapshot directory.
fn copy_of_the_sample(to: &Path) {
    let version = fs::read_dir("models/snapshots").unwrap().next().unwrap().unwrap();
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(version.path()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
fn publish_refuses_what_would_not_be_served_unless_forced() {
    let dir = tempfile::tempdir().unwrap();
    let (made, store) = (dir.path().join("made"), dir.path().join("store").display().to_string());
    copy_of_the_sample(&made);
    let publish = |more: &[&str]| {
        let output =
            larder().args(["snapshot", "publish", "--store", &store]).args(more).arg(&made).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = publish(&[]);
    assert_eq!(code, Some(0), "{said}");
    let version = |listed: serde_json::Value| listed[0]["snapshot"].as_str().unwrap().to_owned();
    let good = version(json(&run(&["snapshot", "list", "--json", "--store", &store])));

    // A golden query that this snapshot answers with something else, under a version of its own.
    let file = made.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    manifest["snapshot"] = "20991231T000000Z-badbad".into();
    manifest["golden"] = serde_json::json!([{"placement": "pdp.similar", "expect": ["no-such-item"]}]);
    fs::write(&file, manifest.to_string()).unwrap();
    let (code, said) = publish(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("would not be served") && said.contains("no-such-item") && said.contains("--force"),
        "{said}"
    );
    let channel = || fs::read_to_string(Path::new(&store).join("channels/production.json")).unwrap();
    assert!(channel().contains(&good), "the channel stays");
    assert!(!Path::new(&store).join("snapshots/20991231T000000Z-badbad").exists(), "nothing was uploaded");

    let (code, said) = publish(&["--force"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("warning: ") && said.contains("no-such-item"), "{said}");
    assert!(channel().contains("20991231T000000Z-badbad"));
}

#[test]
fn publish_compiles_the_recipes() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("made");
    copy_of_the_sample(&made);
    // A recipe that names an artifact which is not there; the manifest describes the changed file.
    let recipes =
        "[placements.\"pdp.similar\"]\nsources = [{ kind = \"neighbors\", artifact = \"no_such_table\" }]\n";
    fs::write(made.join("placements.toml"), recipes).unwrap();
    let file = made.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    for artifact in manifest["artifacts"].as_array_mut().unwrap() {
        if artifact["path"] == "placements.toml" {
            artifact["bytes"] = recipes.len().into();
            artifact["sha256"] = larder::artifact::sha256_bytes(recipes.as_bytes()).into();
        }
    }
    fs::write(&file, manifest.to_string()).unwrap();
    let store = dir.path().join("store");
    let output = larder().args(["snapshot", "publish", "--store"]).arg(&store).arg(&made).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("would not be served") && said.contains("no_such_table"), "{said}");
    assert!(!store.join("channels").exists());
}

#[test]
fn serving_a_single_snapshot_is_refused_with_what_to_pass_instead() {
    let serve = |store: &Path| {
        let output = larder().args(["serve", "--store"]).arg(store).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let version = fs::read_dir("models/snapshots").unwrap().next().unwrap().unwrap().path();
    let (code, said) = serve(&version);
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("is a single snapshot") && said.contains("pass --store models,"), "{said}");

    let dir = tempfile::tempdir().unwrap();
    let alone = dir.path().join("alone");
    copy_of_the_sample(&alone);
    let (code, said) = serve(&alone);
    assert_eq!(code, Some(64), "{said}");
    assert!(
        said.contains("larder snapshot publish") && said.contains(&alone.display().to_string()),
        "{said}"
    );
}
