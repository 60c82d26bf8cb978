//! Fetches an issuer's keys over HTTPS. On a thread of its own, never for a request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::setting::SettingError;

/// The longest that it may take, from looking up the name to the last byte.
const LIMIT: Duration = Duration::from_secs(5);
/// Bytes of a set of keys.
const MOST_BYTES: usize = 1 << 20;

/// Checks that keys can be fetched here: whoever can change them on the way is anybody.
pub(super) fn check_url(url: &str) -> Result<(), SettingError> {
    let expected = "an address that begins with https://, or with http:// on this machine";
    let refused = || SettingError::new("jwks_url", format_args!("{url:?}"), expected);
    let uri: Uri = url.parse().map_err(|_| refused())?;
    let host = uri.host().ok_or_else(refused)?;
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_here(host) => Ok(()),
        _ => Err(refused()),
    }
}

fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse();
    host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Fetches what is there.
pub(super) fn get(url: &str) -> Result<Bytes, String> {
    let failed = |reason: String| format!("{url} cannot be fetched: {reason}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    runtime.block_on(async {
        match tokio::time::timeout(LIMIT, fetch(url)).await {
            Ok(fetched) => fetched.map_err(|error| failed(error.to_string())),
            Err(_) => Err(failed(format!("it took longer than {} s", LIMIT.as_secs()))),
        }
    })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn fetch(url: &str) -> Result<Bytes, Failure> {
    let uri: Uri = url.parse()?;
    let host = uri.host().ok_or("it has no host")?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let is_https = uri.scheme_str() == Some("https");
    let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    if !is_https {
        return ask(tcp, &uri).await;
    }
    let name = ServerName::try_from(host)?;
    let tls = TlsConnector::from(Arc::new(client_config()?)).connect(name, tcp).await?;
    ask(tls, &uri).await
}

/// Trusts what the system trusts, or SSL_CERT_FILE where that is set.
fn client_config() -> Result<ClientConfig, Failure> {
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates are often of a kind that rustls refuses; the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    uri: &Uri,
) -> Result<Bytes, Failure> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let request =
        Request::get(path).header(header::HOST, authority).header(header::ACCEPT, "application/json");
    let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
    // Not followed elsewhere: where keys come from is what the configuration says.
    if response.status() != 200 {
        return Err(format!("the answer is {}", response.status()).into());
    }
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await?;
    connection.abort();
    Ok(body.to_bytes())
}
