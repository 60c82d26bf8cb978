//! What the AWS environment says of endpoint, proxy and trusted authorities counts, as it does for other programs.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use std::thread::{self, JoinHandle};

use super::larder;
use crate::support::object_server::{AMAZON, ObjectServer};

/// A command in an environment without anything of AWS's in it but an access key.
fn alone(arguments: &[&str]) -> Command {
    let mut command = larder();
    let names = std::env::vars_os().map(|(name, _)| name);
    for name in names.filter(|name| {
        let name = name.to_string_lossy().to_uppercase();
        name.starts_with("AWS_") || name.ends_with("_PROXY")
    }) {
        command.env_remove(name);
    }
    command.env("AWS_ACCESS_KEY_ID", "larder").env("AWS_SECRET_ACCESS_KEY", "testing");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command.env("AWS_CONFIG_FILE", "/dev/null").args(arguments);
    command
}

const LIST: [&str; 4] = ["snapshot", "list", "--store", "s3://shop/prefix"];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn with_profile(text: &str, run: impl FnOnce(&Path) -> Output) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config");
    std::fs::write(&file, text).unwrap();
    run(&file)
}

#[test]
fn an_endpoint_from_the_environment_or_the_profile_is_asked_by_path() {
    let server = ObjectServer::start(AMAZON);
    let here = server.endpoint();
    let services = format!("[default]\nservices = ours\n[services ours]\ns3 =\n  endpoint_url = {here}\n");
    let profiles = [
        ("profile", format!("[default]\nendpoint_url = {here}\n"), vec![]),
        ("services", services, vec![("AWS_REGION", "eu-central-1")]),
        ("variable", String::new(), vec![("AWS_ENDPOINT_URL", here)]),
        (
            "of S3",
            "[default]\nendpoint_url = http://127.0.0.1:1\n".to_owned(),
            vec![("AWS_ENDPOINT_URL_S3", here)],
        ),
    ];
    for (name, text, variables) in profiles {
        server.take_seen();
        let output = with_profile(&text, |file| {
            alone(&LIST).env("AWS_CONFIG_FILE", file).envs(variables).output().unwrap()
        });
        let seen = server.take_seen();
        assert!(
            seen.iter().any(|(method, key, _)| method == "GET" && key.starts_with("/shop")),
            "{name}: {seen:?}"
        );
        // There is nothing in it, and it says so as a store does.
        assert!(!said(&output).contains("unavailable"), "{name}: {}", said(&output));
    }
}

/// A proxy that refuses, and the first line of what it was asked.
fn proxy() -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        stream
            .write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        String::from_utf8_lossy(&buffer[..read]).lines().next().unwrap_or_default().to_owned()
    });
    (address, asked)
}

#[test]
fn proxies_are_used_for_what_they_are_for_and_not_for_what_is_excepted() {
    let plain = ["--s3.endpoint-url", "http://store.example:9000"];
    for (name, more, expected) in [
        ("HTTPS_PROXY", &["--s3.region", "eu-central-1"], "CONNECT shop.s3.eu-central-1.amazonaws.com:443"),
        ("https_proxy", &["--s3.region", "eu-central-1"], "CONNECT shop.s3.eu-central-1.amazonaws.com:443"),
        ("HTTP_PROXY", &plain, "GET http://store.example:9000/shop"),
        ("http_proxy", &plain, "GET http://store.example:9000/shop"),
    ] {
        let (address, asked) = proxy();
        let mut command = alone(&LIST);
        let child = command.args(more).env(name, address).stderr(std::process::Stdio::null()).spawn();
        let line = asked.join().unwrap();
        let mut child = child.unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        assert!(line.starts_with(expected), "{name}: {line}");
    }
    let server = ObjectServer::start(AMAZON);
    for (proxy, except) in [("HTTP_PROXY", "NO_PROXY"), ("http_proxy", "no_proxy")] {
        server.take_seen();
        let mut command = alone(&LIST);
        command.args(["--s3.endpoint-url", server.endpoint()]).env(proxy, "http://127.0.0.1:1");
        command.env(except, "127.0.0.1,localhost").output().unwrap();
        assert!(!server.take_seen().is_empty(), "{except}");
    }
}

#[test]
fn a_bundle_of_authorities_that_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let broken = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    let bundles = [
        dir.path().join("nowhere.pem"),
        file("empty.pem", ""),
        file("text.pem", "no certificate"),
        file("broken.pem", broken),
    ];
    for bundle in bundles {
        let name = bundle.display().to_string();
        let output = alone(&LIST).env("AWS_CA_BUNDLE", &bundle).output().unwrap();
        let said = said(&output);
        assert!(
            said.contains("AWS_CA_BUNDLE") && said.contains(&name) && !said.contains("panicked"),
            "{said}"
        );
        let output = with_profile(&format!("[default]\nca_bundle = {name}\n"), |profile| {
            alone(&LIST).env("AWS_CONFIG_FILE", profile).output().unwrap()
        });
        assert!(self::said(&output).contains(&name), "{}", self::said(&output));
    }
}

#[test]
fn without_conditions_a_publisher_is_warned_and_without_a_home_a_cache_directory_is_asked_for() {
    let server = ObjectServer::start(AMAZON);
    let snapshot = crate::support::grocer::snapshot(1);
    let directory = snapshot.path().display().to_string();
    let at = ["--store", "s3://shop/prefix", "--s3.endpoint-url", server.endpoint()];
    let publish = |more: &[&str]| {
        let output = alone(&["snapshot", "publish", &directory]).args(at).args(more).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    assert!(!publish(&[]).contains("s3.conditional"));
    server.take_seen();
    assert!(publish(&["--s3.conditional", "off"]).contains("the second wins, and neither is told"));
    assert!(server.take_seen().iter().all(|(.., head)| !head.contains("\nif-")));

    let mut verify = alone(&["snapshot", "verify"]);
    let output = verify.args(at).env_remove("HOME").env_remove("XDG_CACHE_HOME").output().unwrap();
    assert!(!output.status.success() && said(&output).contains("LARDER_CACHE_DIR"), "{}", said(&output));
    let home = tempfile::tempdir().unwrap();
    let mut verify = alone(&["snapshot", "verify"]);
    let output = verify.args(at).env("HOME", home.path()).env_remove("XDG_CACHE_HOME").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(std::fs::read_dir(home.path().join(".cache/larder")).unwrap().count(), 1);
}
