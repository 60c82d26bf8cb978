//! TLS on the ports: who gets a connection, which name a client has, and what new files change.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use larder::server::identity::{Audit, Authenticator, Certificate, Credentials, Scope};
use larder::server::reload::{Reloader, Watched as _};
use larder::server::tls::{ClientAuth, Config as Section, Files};
use larder::server::{Admin, AdminService, Config, Control};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::pki::{Pair, Pki};
use super::rights;
use crate::support::scrape::Scrape;
use crate::support::server::Server;
use crate::support::shop;
use crate::support::skip::skip;

fn section(pair: &Pair, pki: &Pki, client_auth: ClientAuth) -> Section {
    Section {
        cert: Some(pair.cert.clone()),
        key: Some(pair.key.clone()),
        client_ca: (client_auth != ClientAuth::None).then(|| pki.path("ca.pem")),
        client_auth,
    }
}

fn serve(files: &Files, authenticator: Option<Arc<Authenticator>>) -> Server {
    Server::with(shop::shop(), Config { tls: Some(files.tls()), authenticator, ..Config::default() })
}

/// Asks for a slate over TLS; what came back, with the serial number of the server's certificate as text.
fn ask(
    addr: SocketAddr,
    pki: &Pki,
    client: Option<&Pair>,
    request: &str,
) -> Result<(String, Vec<u8>), String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.path("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match client {
        None => builder.with_no_client_auth(),
        Some(Pair { cert, key }) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_file(cert).unwrap()],
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap(),
    };
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(addr).unwrap());
    let said = |error: std::io::Error| error.to_string();
    stream.write_all(request.as_bytes()).map_err(said)?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        read.map_err(said)?;
    }
    let own = stream.conn.peer_certificates().and_then(|chain| chain.first()).map(|leaf| leaf.to_vec());
    Ok((String::from_utf8_lossy(&answer).into_owned(), own.unwrap_or_default()))
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
}

const SLATE: &str = "/v1/placements/home.popular/recommendations";

fn status(answer: Result<(String, Vec<u8>), String>) -> u16 {
    answer.ok().and_then(|(text, _)| text.get(9..12)?.parse().ok()).unwrap_or(0)
}

#[test]
fn ports_with_tls_answer_those_who_speak_it() {
    let Some(pki) = Pki::new("ports_with_tls_answer_those_who_speak_it") else { return };
    let files = Files::open(&section(&pki.sign("a", "DNS:localhost"), &pki, ClientAuth::None)).unwrap();
    let server = serve(&files, None);
    assert_eq!(status(ask(server.http, &pki, None, &get(SLATE))), 200);
    assert_eq!(server.get(SLATE).status, 0, "without TLS there is no answer");
    let mut silent = TcpStream::connect(server.http).unwrap();
    silent.write_all(b"\x16\x03").unwrap();
    assert_eq!(
        status(ask(server.http, &pki, None, &get(SLATE))),
        200,
        "one that stays silent holds up nobody"
    );
    // What gRPC's clients do: HTTP/2 by ALPN.
    let curl = std::process::Command::new("curl")
        .args(["--silent", "--http2", "--cacert"])
        .arg(pki.path("ca.pem"))
        .args(["--write-out", "%{http_version} %{http_code}", "--output", "/dev/null"])
        .arg(format!("https://localhost:{}{SLATE}", server.http.port()))
        .output();
    match curl {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout), "2 200", "{output:?}"),
        Err(_) => skip("ports_with_tls_answer_those_who_speak_it", "curl"),
    }
}

#[test]
fn a_client_certificate_says_who_calls() {
    let Some(pki) = Pki::new("a_client_certificate_says_who_calls") else { return };
    let own = pki.sign("own", "DNS:localhost");
    let rule = |names: &str, placements: &[&str]| Certificate {
        names: vec![names.to_owned()],
        rights: rights(&[Scope::Recommend], placements),
    };
    let certificates = vec![rule("spiffe://shop/web/*", &["*"]), rule("*.batch.shop", &["pdp.*"])];
    let credentials = Credentials { certificates, ..Credentials::default() };
    let audit = Arc::new(Audit::open(None).unwrap());
    let authenticator = Arc::new(Authenticator::new(&credentials, Arc::clone(&audit)).unwrap());
    let web = pki.sign("web", "URI:spiffe://shop/web/pdp,DNS:nightly.batch.shop");
    let batch = pki.sign("batch", "DNS:nightly.batch.shop");
    let unknown = pki.sign("unknown", "DNS:elsewhere.shop");
    let nameless = pki.sign("nameless", "IP:127.0.0.1");
    let foreign = Pki::new("a_client_certificate_says_who_calls").unwrap();
    let other = foreign.sign("other", "URI:spiffe://shop/web/pdp");
    let expired = pki.expired("expired", "URI:spiffe://shop/web/pdp");

    let require = Files::open(&section(&own, &pki, ClientAuth::Require)).unwrap();
    let server = serve(&require, Some(Arc::clone(&authenticator)));
    let asked = |server: &Server, client| status(ask(server.http, &pki, client, &get(SLATE)));
    assert_eq!(asked(&server, Some(&web)), 200);
    assert_eq!(asked(&server, Some(&batch)), 403, "its name has another placement");
    assert_eq!(asked(&server, Some(&unknown)), 401);
    assert_eq!(asked(&server, Some(&nameless)), 401);
    assert_eq!(asked(&server, None), 0, "no certificate, no connection");
    assert_eq!(asked(&server, Some(&expired)), 0);
    assert_eq!(asked(&server, Some(&other)), 0, "of another CA");

    let request = Files::open(&section(&own, &pki, ClientAuth::Request)).unwrap();
    let server = serve(&request, Some(authenticator));
    assert_eq!([asked(&server, Some(&web)), asked(&server, None)], [200, 401]);

    let service =
        AdminService::new(Arc::new(super::admin::Quiet), Arc::default(), prometheus::Registry::new());
    let service = Arc::new(service.with_access(None, audit, Vec::new()).with_tls(Some(require.tls())));
    let admin = Admin::open(TcpListener::bind("127.0.0.1:0").unwrap(), Control::Here, service).unwrap();
    let probe = ask(admin.addr(), &pki, None, &get("/livez"));
    assert_eq!(status(probe), 200, "a probe has no certificate to show");
}

#[test]
fn new_files_are_put_in_force_whole_or_not_at_all() {
    let Some(pki) = Pki::new("new_files_are_put_in_force_whole_or_not_at_all") else { return };
    let [first, second] = ["first", "second"].map(|name| pki.sign(name, "DNS:localhost"));
    let expired = pki.expired("expired", "DNS:localhost");
    let used = Pair { cert: pki.path("tls.crt"), key: pki.path("tls.key") };
    let put = |from: &Pair| {
        std::fs::copy(&from.cert, &used.cert).unwrap();
        std::fs::copy(&from.key, &used.key).unwrap();
    };
    let der = |pair: &Pair| CertificateDer::from_pem_file(&pair.cert).unwrap().to_vec();
    put(&first);
    let mut files = Files::open(&section(&used, &pki, ClientAuth::None)).unwrap();
    let server = serve(&files, None);
    let shown = || ask(server.http, &pki, None, &get(SLATE)).unwrap().1;
    assert_eq!(shown(), der(&first));
    assert!(files.look().is_none(), "nothing has changed");

    for (what, expected) in [
        ("half of a pair", "keys may not be consistent"),
        ("half a file", "cut off"),
        ("nothing", "no certificate"),
        ("no file", "cannot be read"),
        ("a key where the certificate belongs", "no certificate"),
        ("an expired certificate", "has expired"),
    ] {
        match what {
            "half of a pair" => drop(std::fs::copy(&second.cert, &used.cert).unwrap()),
            "half a file" => {
                let whole = std::fs::read(&second.cert).unwrap();
                std::fs::write(&used.cert, &whole[..whole.len() / 2]).unwrap();
            }
            "nothing" => std::fs::write(&used.cert, "").unwrap(),
            "no file" => std::fs::remove_file(&used.cert).unwrap(),
            "a key where the certificate belongs" => drop(std::fs::copy(&second.key, &used.cert).unwrap()),
            _ => put(&expired),
        }
        let said = files.look().expect(what).expect_err(what);
        assert!(said.contains(expected), "{what}: {said}");
        assert!(files.look().is_none(), "it is told once: {what}");
        assert_eq!(shown(), der(&first), "{what} changes nothing");
    }
    put(&second);
    files.look().unwrap().unwrap();
    assert_eq!(shown(), der(&second));
    for _ in 0..5 {
        put(&first);
        files.look().unwrap().unwrap();
        put(&second);
        files.look().unwrap().unwrap();
    }
    assert_eq!(shown(), der(&second));
}

#[test]
fn no_request_fails_while_certificates_are_replaced_again_and_again() {
    let Some(pki) = Pki::new("no_request_fails_while_certificates_are_replaced_again_and_again") else {
        return;
    };
    let pairs = ["first", "second"].map(|name| pki.sign(name, "DNS:localhost"));
    let used = Pair { cert: pki.path("tls.crt"), key: pki.path("tls.key") };
    let put = |from: &Pair| {
        // The certificate before its key, and not at once: in between they do not fit.
        std::fs::copy(&from.cert, &used.cert).unwrap();
        std::thread::park_timeout(Duration::from_millis(10));
        std::fs::copy(&from.key, &used.key).unwrap();
    };
    put(&pairs[0]);
    let files = Files::open(&section(&used, &pki, ClientAuth::None)).unwrap();
    let server = serve(&files, None);
    let registry = prometheus::Registry::new();
    let audit = Arc::new(Audit::open(None).unwrap());
    let reloader =
        Reloader::start(vec![Box::new(files)], Duration::from_millis(50), audit, &registry).unwrap();
    let scrape = || Scrape::parse(&prometheus::TextEncoder.encode_to_string(&registry.gather()).unwrap());
    let (over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(status(ask(server.http, &pki, None, &get(SLATE))), 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for turn in 0..100 {
            put(&pairs[turn % 2]);
            reloader.look_now();
            std::thread::park_timeout(Duration::from_millis(10));
        }
        over.store(true, Ordering::Relaxed);
    });
    let began = Instant::now();
    while scrape().value("larder_reload_failed", &[("what", "tls")]) != Some(0.0) {
        assert!(began.elapsed() < Duration::from_secs(10), "the last pair is whole");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let reloads = scrape().value("larder_reloads_total", &[("what", "tls"), ("outcome", "ok")]).unwrap();
    assert!(reloads >= 10.0 && answered.into_inner() >= 10, "{reloads} reloads");
    std::fs::write(&used.key, "").unwrap();
    reloader.look_now();
    while scrape().value("larder_reload_failed", &[("what", "tls")]) != Some(1.0) {
        assert!(began.elapsed() < Duration::from_secs(20), "a key that is gone is told");
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert_eq!(status(ask(server.http, &pki, None, &get(SLATE))), 200);
}
