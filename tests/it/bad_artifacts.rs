//! A bad artifact changes nothing: one test per way of being bad. Each publishes a snapshot that is bad in one way
//! behind one that is served, sees it refused with words that help, sees the same answers as before, and sees a good
//! one served after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder::artifact::{ArtifactStore, Condition, MemoryStore, sha256_file};
use larder::snapshot::{Channel, MANIFEST, Manifest, Source};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::following::{CHANNEL, Following, publish_to};
use crate::support::grocer;

mod behind_the_digest;
mod hostile;
mod in_memory;
mod recipes;
mod what_the_log_says;

/// The snapshot to be, in a directory, and what a test does to it.
struct Bad {
    dir: TempDir,
    manifest: Manifest,
}

impl Bad {
    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Seals the directory anew, so that every digest is right and only the content is wrong.
    fn seal(&mut self) {
        self.manifest = grocer::seal(self.dir.path(), 2);
    }

    /// Changes the manifest as JSON.
    fn edit_manifest(&self, edit: impl FnOnce(&mut Value)) {
        let mut json: Value = serde_json::from_slice(&fs::read(self.file(MANIFEST)).unwrap()).unwrap();
        edit(&mut json);
        fs::write(self.file(MANIFEST), json.to_string()).unwrap();
    }

    fn edit_entry(&self, name: &str, edit: impl FnOnce(&mut Value)) {
        self.edit_manifest(|manifest| {
            let entries = manifest["artifacts"].as_array_mut().unwrap();
            edit(entries.iter_mut().find(|entry| entry["name"] == name).unwrap());
        });
    }
}

/// Where the refusal must be counted, and what it must say.
struct Refusal<'a> {
    artifact: Option<&'a str>,
    label: &'static str,
    says: &'a [&'a str],
}

/// The whole story: serve a good snapshot, publish a bad one, be refused, publish a good one.
fn refuses(harm: impl FnOnce(&mut Bad), expected: Refusal<'_>) {
    let store = Arc::new(MemoryStore::new());
    let cache = tempfile::tempdir().unwrap();
    let following = Following::new(store.clone(), cache.path(), true);
    publish_to(&*store, grocer::snapshot(1).path()).unwrap();
    following.refresher.refresh(false).unwrap();
    let (version, slates) = (following.version(), following.slates());

    let dir = grocer::snapshot(2);
    let manifest = Manifest::parse(&fs::read(dir.path().join(MANIFEST)).unwrap(), MANIFEST).unwrap();
    let mut bad = Bad { dir, manifest };
    harm(&mut bad);
    put(&*store, &bad);
    let error = following.refresher.refresh(false).expect_err("the bad snapshot was served");
    let message = error.to_string();
    for words in expected.says.iter().chain(expected.artifact.as_slice()) {
        assert!(message.contains(words), "no {words:?} in: {message}");
    }
    assert_eq!((error.artifact(), error.label()), (expected.artifact, expected.label), "{message}");
    assert_eq!((following.version(), following.slates()), (version, slates));
    let health = following.refresher.health();
    let failure = health.last_failure.expect("the failure is remembered");
    assert_eq!((failure.version, failure.count), (bad.manifest.snapshot, 1));
    assert_eq!((failure.artifact.as_deref(), failure.reason), (expected.artifact, message));
    let slot = (expected.artifact.unwrap_or("-").to_owned(), expected.label);
    assert_eq!(health.failures.into_iter().collect::<Vec<_>>(), [(slot, 1)]);

    let good = grocer::snapshot(3);
    let good = publish_to(&*store, good.path()).unwrap().snapshot;
    following.refresher.refresh(false).unwrap();
    assert_eq!(following.version(), good);
    assert!(following.refresher.health().last_failure.is_none());
}

/// What a careless publisher does: uploads whatever is there and points the channel to it.
fn put(store: &dyn ArtifactStore, bad: &Bad) {
    for file in fs::read_dir(bad.dir.path()).unwrap() {
        let file = file.unwrap();
        let key = Source::key(&bad.manifest.snapshot, &file.file_name().to_string_lossy());
        store.write_file(&key, &file.path()).unwrap();
    }
    let channel =
        Channel { snapshot: bad.manifest.snapshot.clone(), previous: None, published_at: String::new() };
    store.write(&Channel::key(CHANNEL), &channel.to_json(), Condition::Always).unwrap();
}

fn fetch<'a>(artifact: &'a str, says: &'a [&'a str]) -> Refusal<'a> {
    Refusal { artifact: Some(artifact), label: "fetch", says }
}

fn document<'a>(says: &'a [&'a str]) -> Refusal<'a> {
    Refusal { artifact: None, label: "document", says }
}

fn content<'a>(artifact: &'a str, says: &'a [&'a str]) -> Refusal<'a> {
    Refusal { artifact: Some(artifact), label: "content", says }
}

fn change_bytes(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_truncated_file_is_refused() {
    let harm = |bad: &mut Bad| change_bytes(&bad.file("similar.parquet"), |bytes| bytes.truncate(100));
    refuses(harm, fetch("similar", &["similar.parquet", "cut short", "publish it again"]));
}

#[test]
fn a_file_that_grew_is_refused() {
    let harm = |bad: &mut Bad| change_bytes(&bad.file("similar.parquet"), |bytes| bytes.push(0));
    refuses(harm, fetch("similar", &["similar.parquet", "longer than"]));
}

#[test]
fn a_flipped_byte_is_refused() {
    let harm = |bad: &mut Bad| change_bytes(&bad.file("sessions.parquet"), |bytes| bytes[40] ^= 1);
    refuses(harm, fetch("sessions", &["sha256", "damaged or replaced"]));
}

#[test]
fn a_wrong_digest_in_the_manifest_is_refused() {
    let wrong = "0".repeat(64);
    let harm = |bad: &mut Bad| bad.edit_entry("popularity", |entry| entry["sha256"] = json!(wrong));
    refuses(harm, fetch("popularity", &["sha256", &wrong]));
}

#[test]
fn a_digest_that_is_none_is_refused() {
    let harm = |bad: &mut Bad| bad.edit_entry("popularity", |entry| entry["sha256"] = json!("../../x"));
    refuses(harm, document(&["manifest.json", "\"popularity\"", "64 lower-case hex"]));
}

#[test]
fn a_missing_file_is_refused() {
    let harm = |bad: &mut Bad| fs::remove_file(bad.file("bought.parquet")).unwrap();
    refuses(harm, fetch("bought", &["bought.parquet", "does not exist"]));
}

#[test]
fn a_file_said_to_be_larger_than_allowed_is_refused_before_anything_is_fetched() {
    let harm = |bad: &mut Bad| {
        fs::remove_file(bad.file("similar.parquet")).unwrap();
        bad.edit_entry("similar", |entry| entry["bytes"] = json!(1u64 << 60));
    };
    refuses(harm, fetch("similar", &["1152921504606846976 bytes", "more than the 1048576 allowed"]));
}

#[test]
fn a_path_that_climbs_out_of_the_snapshot_is_refused() {
    for path in ["../../../etc/passwd", "/etc/passwd", "..\\x", "a/../b", ".hidden"] {
        let harm = |bad: &mut Bad| bad.edit_entry("similar", |entry| entry["path"] = json!(path));
        refuses(harm, document(&["manifest.json", "artifact \"similar\"", "is not a plain relative path"]));
    }
}

#[test]
fn a_manifest_that_is_no_json_is_refused() {
    let harm = |bad: &mut Bad| change_bytes(&bad.file(MANIFEST), |bytes| bytes.truncate(200));
    refuses(harm, document(&["manifest.json", "not a manifest", "line"]));
}

#[test]
fn a_manifest_without_a_field_is_refused() {
    let harm = |bad: &mut Bad| {
        bad.edit_entry("similar", |entry| drop(entry.as_object_mut().unwrap().remove("sha256")));
    };
    refuses(harm, document(&["manifest.json", "missing field `sha256`"]));
}

#[test]
fn a_missing_manifest_is_refused() {
    let harm = |bad: &mut Bad| fs::remove_file(bad.file(MANIFEST)).unwrap();
    refuses(harm, Refusal { artifact: None, label: "not_found", says: &["manifest.json", "does not exist"] });
}

#[test]
fn a_future_format_is_refused_even_if_nothing_else_of_it_can_be_read() {
    let harm = |bad: &mut Bad| {
        fs::write(bad.file(MANIFEST), r#"{"format_version": 2, "artifacts": "elsewhere"}"#).unwrap();
    };
    refuses(harm, document(&["manifest.json", "format_version is 2", "upgrade larder"]));
}

#[test]
fn the_manifest_of_another_version_is_refused() {
    let harm = |bad: &mut Bad| bad.edit_manifest(|manifest| manifest["snapshot"] = json!("another"));
    refuses(harm, document(&["manifest.json", "the manifest of \"another\""]));
}

#[test]
fn a_time_that_is_none_is_refused() {
    let harm = |bad: &mut Bad| bad.edit_manifest(|manifest| manifest["data_until"] = json!("yesterday"));
    refuses(harm, document(&["data_until", "yesterday", "RFC 3339"]));
}

#[test]
fn two_artifacts_of_one_name_are_refused() {
    let harm = |bad: &mut Bad| bad.edit_entry("bought", |entry| entry["name"] = json!("buy_again"));
    refuses(harm, document(&["\"buy_again\" is listed twice"]));
}

#[test]
fn no_catalogue_and_two_catalogues_are_refused() {
    let harm = |bad: &mut Bad| bad.edit_entry("catalog", |entry| entry["kind"] = json!("item_features"));
    refuses(harm, document(&["0 artifacts of kind \"catalog\"", "exactly one"]));
    let harm = |bad: &mut Bad| bad.edit_entry("similar", |entry| entry["kind"] = json!("catalog"));
    refuses(
        harm,
        document(&["2 artifacts of kind \"catalog\" (\"catalog\", \"similar\"), expected exactly one"]),
    );
}

#[test]
fn two_files_of_recipes_are_refused_by_name() {
    let harm = |bad: &mut Bad| bad.edit_entry("bought", |entry| entry["kind"] = json!("placements"));
    let says = "2 artifacts of kind \"placements\" (\"bought\", \"placements\"), expected at most one";
    refuses(harm, document(&["manifest.json", says]));
}

#[test]
fn an_unknown_kind_is_refused_with_the_nearest_known_one() {
    let harm = |bad: &mut Bad| bad.edit_entry("similar", |entry| entry["kind"] = json!("item_neighbours"));
    refuses(harm, content("similar", &["item_neighbours", "did you mean \"item_neighbors\"?"]));
}

#[test]
fn a_wrong_row_count_is_refused() {
    let harm = |bad: &mut Bad| bad.edit_entry("sessions", |entry| entry["rows"] = json!(12));
    refuses(harm, content("sessions", &["the file has 17 rows, the manifest says 12"]));
}

#[test]
fn a_parameter_out_of_range_is_refused() {
    let harm = |bad: &mut Bad| {
        bad.edit_entry("sessions", |entry| entry["params"] = json!({"max_items_in_session": 65}));
    };
    refuses(harm, content("sessions", &["params.max_items_in_session is 65", "from 1 to 64"]));
    let harm =
        |bad: &mut Bad| bad.edit_entry("item_vectors", |entry| entry["params"] = json!({"metric": "dot"}));
    refuses(harm, content("item_vectors", &["params.metric is \"dot\"", "inner_product, cosine or l2"]));
}

#[test]
fn a_file_that_is_no_parquet_is_refused() {
    let harm = |bad: &mut Bad| {
        let file = bad.file("similar.parquet");
        fs::write(&file, "item_id,neighbor_id,score\na,b,1\n").unwrap();
        let (sha256, bytes) = sha256_file(&file).unwrap();
        bad.edit_entry("similar", |entry| (entry["sha256"], entry["bytes"]) = (json!(sha256), json!(bytes)));
    };
    refuses(harm, Refusal { artifact: Some("similar"), label: "table", says: &["cannot be read"] });
}
