//! A connection: how it is made, that it is lost, and what can go wrong.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::sync::Notify;

use crate::connect::access::NatsAccess;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(10);

/// How often the client may try by itself. It is given up once its connection is lost; this ends what it then still
/// does. At least the servers of a cluster, which are tried one by one.
const ATTEMPTS: usize = 32;

/// What the client tells beside its answers.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Told when the connection is lost.
    pub(super) lost: Notify,
    /// What the server refused last: a request without permission is never answered.
    refused: Mutex<Option<String>>,
}

impl Link {
    fn hear(&self, event: &Event) {
        match event {
            Event::Disconnected | Event::Closed => self.lost.notify_one(),
            Event::ServerError(error) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
            _ => {}
        }
    }

    /// Adds to an error what the server said.
    pub(super) fn explain(&self, error: NatsError) -> NatsError {
        match self.refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(said) => NatsError::Refused { said, error: Box::new(error) },
            None => error,
        }
    }
}

/// Connects to one of the servers.
pub(super) async fn connect(access: &NatsAccess) -> Result<(Client, Arc<Link>), NatsError> {
    let link = Arc::new(Link::default());
    let told = Arc::clone(&link);
    let mut options = ConnectOptions::new()
        .name("larder")
        .connection_timeout(CONNECT)
        .request_timeout(Some(ANSWER))
        .max_reconnects(ATTEMPTS)
        .require_tls(access.is_encrypted())
        .event_callback(move |event| {
            told.hear(&event);
            std::future::ready(())
        });
    if let (Some(user), Some(password)) = (&access.user, &access.password) {
        options = options.user_and_password(user.clone(), password.reveal().to_owned());
    }
    if let Some(token) = &access.token {
        options = options.token(token.reveal().to_owned());
    }
    if let Some(path) = &access.credentials_file {
        // Read anew for each connection: what it has expires, and is renewed in place.
        options = options
            .credentials_file(path)
            .await
            .map_err(|error| NatsError::file("credentials_file", path, error))?;
    }
    if let Some(path) = &access.ca_file {
        options = options.add_root_certificates(path.clone());
    }
    let client = options.connect(access.servers.join(",")).await.map_err(NatsError::client)?;
    Ok((client, link))
}

/// Checks what can be checked before the first connection, and says with which cryptography connections are encrypted.
pub(super) fn prepare(access: &NatsAccess) -> Result<(), NatsError> {
    // The client asks for the one of the process. If there is one already, that is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if let Some(path) = &access.credentials_file {
        std::fs::metadata(path).map_err(|error| NatsError::file("credentials_file", path, error))?;
    }
    if let Some(path) = &access.ca_file {
        let mut certificates =
            CertificateDer::pem_file_iter(path).map_err(|error| NatsError::file("ca_file", path, error))?;
        let first = certificates.next().ok_or("there is no certificate in it; expected PEM");
        first
            .map_err(|error| NatsError::file("ca_file", path, error))?
            .map_err(|error| NatsError::file("ca_file", path, error))?;
    }
    Ok(())
}

/// Why a stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// What the client says.
    #[error("{0}")]
    Client(#[source] async_nats::Error),
    /// The connection is lost.
    #[error("the connection is lost")]
    Lost,
    /// A message did not arrive.
    #[error("a message was lost on its way")]
    Skipped,
    /// Messages that are there are not given.
    #[error("the stream says that {pending} messages wait and gives none")]
    Withheld {
        /// How many.
        pending: u64,
    },
    /// A server that is too old for several subjects.
    #[error(
        "{subjects} subjects: a server before 2.10 filters by one; name one that covers them, such as \"shop.>\""
    )]
    Subjects {
        /// How many are asked for.
        subjects: usize,
    },
    /// What the server said beside.
    #[error("{error}; the server says: {said}")]
    Refused {
        /// What it said.
        said: String,
        /// What that led to.
        #[source]
        error: Box<NatsError>,
    },
    /// A file that cannot be used.
    #[error("{key} {path}: {reason}")]
    File {
        /// The setting.
        key: &'static str,
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl NatsError {
    pub(super) fn client(error: impl Into<async_nats::Error>) -> Self {
        Self::Client(error.into())
    }

    fn file(key: &'static str, path: &Path, reason: impl ToString) -> Self {
        Self::File { key, path: path.display().to_string(), reason: reason.to_string() }
    }
}
