//! What is not written in Rust: the page's script, the proofs, and what ghz and k6 send.

use std::path::{Path, PathBuf};
use std::process::Command;

use larder_proto::v1;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn the_proofs_judge_made_up_measurements_rightly() {
    let mut python = Command::new("python3");
    python.args(["-B", "-m", "unittest", "discover", "."]).current_dir(here("proofs"));
    let Ok(output) = python.output() else {
        assert!(std::env::var_os("CI").is_none(), "python3 is needed");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Ran "), "{said}");
}

#[test]
fn ghz_and_k6_send_requests_of_the_contract() {
    let text = std::fs::read_to_string(here("ghz/requests.json")).unwrap();
    let mut parts = text.split("{{"); // templates of ghz, such as {{printf `P%05d` (randomInt 1 2400)}}
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        filled += &format!("P00042{}", part.split_once("}}").unwrap().1);
    }
    let requests: Vec<v1::RecommendRequest> = serde_json::from_str(&filled).unwrap();
    assert!(requests.len() >= 6, "a request for each placement of the sample snapshot");
}

#[test]
fn the_scripts_of_the_page_and_of_k6_parse() {
    let page = std::fs::read_to_string(here("src/page.html")).unwrap();
    let script = page.rsplit_once("<script>").unwrap().1.split_once("</script>").unwrap().0;
    let k6 = std::fs::read_to_string(here("k6/larder.js")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let module = dir.path().join("script.mjs");
    for (script, is_whole) in [(script, true), (&k6, true), (&script[..script.len() / 2], false)] {
        std::fs::write(&module, script).unwrap();
        let Ok(output) = Command::new("node").arg("--check").arg(&module).output() else { return };
        assert_eq!(output.status.success(), is_whole, "{}", String::from_utf8_lossy(&output.stderr));
    }
}
