//! Certificates, keys and CAs: read, checked as a whole, and put in force together or not at all.

use std::path::Path;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::accept::{Configs, Tls};
use super::section::{ClientAuth, Config};
use crate::server::reload::{ContentDigest, Watched, digest_of, read_small};

/// What is wrong with the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tls: {0}")]
pub struct TlsError(String);

/// The files of `[tls]`, and what they are used for.
#[derive(Debug)]
pub struct Files {
    config: Config,
    tls: Arc<Tls>,
    seen: Option<Result<ContentDigest, String>>,
}

/// The contents of the files.
struct Contents {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    /// Reads them for the first time.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn open(config: &Config) -> Result<Self, TlsError> {
        let contents = Contents::read(config).map_err(TlsError)?;
        let configs = contents.build(config).map_err(TlsError)?;
        Ok(Self {
            config: config.clone(),
            tls: Arc::new(Tls::new(configs)),
            seen: Some(Ok(contents.digest())),
        })
    }

    /// What connections are accepted with.
    pub fn tls(&self) -> Arc<Tls> {
        Arc::clone(&self.tls)
    }
}

impl Watched for Files {
    fn name(&self) -> &'static str {
        "tls"
    }

    fn look(&mut self) -> Option<Result<String, String>> {
        let contents = Contents::read(&self.config);
        let seen = Some(contents.as_ref().map(Contents::digest).map_err(String::clone));
        // One that has expired since is told once, by what built it; here nothing has changed.
        if seen == self.seen {
            return None;
        }
        self.seen = seen;
        Some(contents.and_then(|contents| {
            self.tls.replace(contents.build(&self.config)?);
            Ok("new connections get the new certificate".to_owned())
        }))
    }
}

impl Contents {
    fn read(config: &Config) -> Result<Self, String> {
        let named = |key: &str| format!("tls.{key} is not set");
        let read = |key: &str, path: Option<&Path>| read_small(path.ok_or_else(|| named(key))?);
        Ok(Self {
            cert: read("cert", config.cert.as_deref())?,
            key: read("key", config.key.as_deref())?,
            client_ca: config.client_ca.as_deref().map(read_small).transpose()?,
        })
    }

    fn digest(&self) -> ContentDigest {
        digest_of(&[&self.cert, &self.key, self.client_ca.as_deref().unwrap_or_default()])
    }

    /// Checks all of it, and makes what the ports and the admin port take.
    fn build(&self, config: &Config) -> Result<Configs, String> {
        let path = |path: &Option<std::path::PathBuf>| {
            path.as_deref().map(Path::display).map(|path| path.to_string())
        };
        let (cert, key) = (path(&config.cert).unwrap_or_default(), path(&config.key).unwrap_or_default());
        let chain = certificates(&self.cert, &cert)?;
        let leaf = chain.first().ok_or_else(|| format!("{cert} has no certificate in PEM"))?;
        check_time(leaf, &cert)?;
        // What the parser says is not repeated: it may be about the bytes of a key.
        let private =
            PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| format!("{key} has no key in PEM"))?;
        let roots = match &self.client_ca {
            Some(bytes) => Some(roots(bytes, &path(&config.client_ca).unwrap_or_default())?),
            None => None,
        };
        let of = |client_auth| {
            let made = server_config(chain.clone(), private.clone_key(), roots.clone(), client_auth);
            made.map(Arc::new).map_err(|reason| format!("{cert} and {key}: {reason}"))
        };
        // Kubernetes has no certificate to show when it probes.
        let admin = match config.client_auth {
            ClientAuth::None => ClientAuth::None,
            ClientAuth::Request | ClientAuth::Require => ClientAuth::Request,
        };
        Ok(Configs { serving: of(config.client_auth)?, admin: of(admin)? })
    }
}

fn certificates(bytes: &[u8], path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    chain.map_err(|_| format!("{path} is cut off, or no PEM"))
}

fn roots(bytes: &[u8], path: &str) -> Result<Arc<RootCertStore>, String> {
    let mut roots = RootCertStore::empty();
    for ca in certificates(bytes, path)? {
        roots.add(ca).map_err(|error| format!("{path}: {error}"))?;
    }
    if roots.is_empty() {
        return Err(format!("{path} has no certificate in PEM"));
    }
    Ok(Arc::new(roots))
}

/// Refuses a certificate that clients would refuse for its time.
fn check_time(leaf: &CertificateDer<'_>, path: &str) -> Result<(), String> {
    let cert = EndEntityCert::try_from(leaf).map_err(|error| format!("{path}: {error}"))?;
    // There is no other way to ask for the time alone. It is looked at before the issuer, of which none is given, so
    // every other error says that the time is right.
    let algorithms = webpki::ALL_VERIFICATION_ALGS;
    let usage = KeyUsage::server_auth();
    match cert.verify_for_usage(algorithms, &[], &[], UnixTime::now(), usage, None, None) {
        Err(Error::CertExpired { .. }) => Err(format!("{path}: the certificate has expired")),
        Err(Error::CertNotValidYet { .. }) => Err(format!("{path}: the certificate is not valid yet")),
        Err(Error::InvalidCertValidity) => Err(format!("{path}: the certificate ends before it begins")),
        _ => Ok(()),
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: Option<Arc<RootCertStore>>,
    client_auth: ClientAuth,
) -> Result<ServerConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let builder = match (client_auth, roots) {
        (ClientAuth::None, _) | (_, None) => builder.with_no_client_auth(),
        (asked, Some(roots)) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier =
                if asked == ClientAuth::Request { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| error.to_string())?)
        }
    };
    // Also checks that the key is the certificate's.
    let mut made = builder.with_single_cert(chain, key).map_err(|error| error.to_string())?;
    made.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A client resumes one connection at a time; rustls would send it two tickets.
    made.send_tls13_tickets = 1;
    Ok(made)
}
