//! `larder key new`, and a server that reads what it prints.

use std::process::Stdio;

use super::{larder, run};

#[test]
fn a_new_key_is_printed_once_with_the_lines_by_which_a_server_knows_it() {
    let output = run(&[
        "key",
        "new",
        "--id",
        "web",
        "--scopes",
        "recommend,events",
        "--placements",
        "pdp.*",
        "--json",
    ]);
    assert!(output.status.success(), "{output:?}");
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let (key, config) = (printed["key"].as_str().unwrap(), printed["config"].as_str().unwrap());
    assert!(key.starts_with("lk_web_") && key.len() == "lk_web_".len() + 43, "{printed}");
    assert!(!config.contains(key) && config.contains(printed["sha256"].as_str().unwrap()), "{printed}");
    assert!(config.contains("placements = [\"pdp.*\"]"), "{config}");

    let lines = run(&["key", "new"]);
    let text = String::from_utf8(lines.stdout).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(
        first.starts_with("lk_client_") && rest.contains("[[auth.keys]]") && !rest.contains(first),
        "{text}"
    );
    for arguments in [
        &["key", "new", "--id", "A b"][..],
        &["key", "new", "--scopes", "everything"],
        &["key", "new", "--classes", "live"],
        &["key", "new", "--rps", "0"],
    ] {
        assert_eq!(run(arguments).status.code(), Some(64), "{arguments:?}");
    }
}

/// What `larder serve` says about a file, and with which code it ends.
fn refused(dir: &std::path::Path, text: &str) -> String {
    std::fs::write(dir.join("larder.toml"), text).unwrap();
    let output = larder().arg("serve").current_dir(dir).stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{text}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_would_let_anybody_in_or_cannot_be_used_does_not_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("models")).unwrap();
    let key = "id = \"a\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"";
    let file = dir.path().join("keys.toml");
    std::fs::write(&file, "[[auth.keys]]\nid = \"a\"\nscopes = [\"events\"]\n").unwrap();
    for (text, expected) in [
        ("[server]\nadmin_addr = \"0.0.0.0:0\"".to_owned(), "set server.control_addr to a loopback address"),
        ("[server]\ncontrol_addr = \"0.0.0.0:0\"".to_owned(), "larder key new"),
        ("[server]\ncontrol_addr = \"here\"".to_owned(), "admin, none, or an address"),
        (format!("[[auth.keys]]\n{key}"), "line 1: auth.keys.scopes is missing"),
        (format!("[[auth.keys]]\n{key}\nscopes = [\"recommend\"]"), "auth.keys.placements is missing"),
        (format!("[[auth.keys]]\n{key}\nscopes = [\"all\"]"), "line 4"),
        (format!("[[auth.keys]]\n{key}\nscope = [\"events\"]"), "did you mean scopes?"),
        ("[[auth.keys]]\nid = \"a\"\nsha256 = \"lk_a\"\nscopes = [\"events\"]".to_owned(), "64 hexadecimal digits"),
        ("[auth]\nkeys = 1".to_owned(), "[[auth.keys]]"),
        (format!("[auth]\nfile = \"{}\"", file.display()), "keys.toml, line 1: auth.keys.sha256 is missing"),
        ("[auth]\nfile = \"/no/such/file\"".to_owned(), "/no/such/file cannot be read"),
        ("[tls]\ncert = \"/no/such/file\"".to_owned(), "tls.key beside it"),
        ("[tls]\ncert = \"/no/such/file\"\nkey = \"/x\"".to_owned(), "/no/such/file cannot be read"),
        ("[tls]\nclient_auth = \"require\"".to_owned(), "tls.client_ca beside it"),
        ("[[auth.issuers]]\nissuer = \"x\"\nscopes = [\"events\"]\naudience = \"a\"".to_owned(), "jwks_url"),
        (
            "[[auth.issuers]]\nissuer = \"x\"\nscopes = [\"events\"]\naudience = \"a\"\njwks_url = \"http://x.example\""
                .to_owned(),
            "https://",
        ),
        ("[[auth.issuers]]\nissuer = \"x\"\nscopes = [\"events\"]\njwks_file = \"/x\"".to_owned(), "audience"),
    ] {
        let said = refused(dir.path(), &text);
        assert!(said.contains(expected), "{text}\n{said}");
    }
}
