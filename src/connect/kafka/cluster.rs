//! A cluster, how it is connected to, and what can go wrong with it.

use std::fs::File;
use std::future::Future;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rskafka::BackoffConfig;
use rskafka::client::error::{Error as ClientError, ProtocolError};
use rskafka::client::{Client, ClientBuilder, Credentials, SaslConfig};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::connect::access::{KafkaAccess, Mechanism};

/// How long an answer is waited for before the connection is given up: longer than any fetch or write takes, and
/// shorter than the quarter of an hour after which the system notices that nobody is there.
const ANSWER: Duration = Duration::from_secs(20);

/// Bytes of one answer; an answer that claims more is refused. A batch of records is never split, so this has to be
/// more than the largest that a topic takes (`message.max.bytes`, 1 MiB unless configured otherwise).
const LARGEST_ANSWER: usize = 64 << 20;

/// A cluster that can be connected to.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    access: KafkaAccess,
    tls: Option<Arc<ClientConfig>>,
}

impl Cluster {
    /// Reads the certificates; nothing is connected to yet.
    pub(super) fn new(access: &KafkaAccess) -> Result<Self, KafkaError> {
        let tls = if access.security.is_encrypted() { Some(tls(access.ca_file.as_deref())?) } else { None };
        Ok(Self { access: access.clone(), tls })
    }

    /// The brokers as they were given, for messages.
    pub(super) fn brokers(&self) -> String {
        self.access.brokers.join(",")
    }

    /// Connects to one of the brokers.
    pub(super) async fn connect(&self) -> Result<Client, KafkaError> {
        let mut builder = ClientBuilder::new(self.access.brokers.clone())
            .client_id("larder")
            .max_message_size(LARGEST_ANSWER)
            // It tries again by itself without an end; whoever asks here has a pause of its own, and says why.
            .backoff_config(BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(1),
                base: 2.0,
                deadline: Some(Duration::from_secs(2)),
            });
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(Arc::clone(tls));
        }
        if let (true, Some(user), Some(password)) =
            (self.access.security.signs_in(), &self.access.user, &self.access.password)
        {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            builder = builder.sasl_config(match self.access.mechanism {
                Mechanism::Plain => SaslConfig::Plain(credentials),
                Mechanism::ScramSha256 => SaslConfig::ScramSha256(credentials),
                Mechanism::ScramSha512 => SaslConfig::ScramSha512(credentials),
            });
        }
        answered(builder.build()).await
    }
}

/// The partitions of a topic, ascending.
pub(super) async fn partitions(client: &Client, topic: &str) -> Result<Vec<i32>, KafkaError> {
    let topics = answered(client.list_topics()).await?;
    let found = topics.into_iter().find(|found| found.name == topic && !found.partitions.is_empty());
    let found = found.ok_or_else(|| KafkaError::NoTopic { topic: topic.to_owned() })?;
    Ok(found.partitions.into_iter().collect())
}

/// What a request is answered with, unless that takes too long.
pub(super) async fn answered<T>(
    request: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, KafkaError> {
    match tokio::time::timeout(ANSWER, request).await {
        Ok(answer) => answer.map_err(|error| KafkaError::Client(Box::new(error))),
        Err(_) => Err(KafkaError::NoAnswer),
    }
}

fn tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, KafkaError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let failed =
                |reason: String| KafkaError::Certificates { path: path.display().to_string(), reason };
            let file = File::open(path).map_err(|error| failed(error.to_string()))?;
            for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                roots.add(certificate).map_err(|error| failed(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(failed("there is no certificate in it; expected PEM".to_owned()));
            }
        }
        None => {
            // Some of a system's certificates are often of a kind that rustls refuses; the others count.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions
        .map_err(|error| KafkaError::Certificates { path: "TLS".to_owned(), reason: error.to_string() })?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Why Kafka cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// What the client says.
    #[error("{}", said(.0))]
    Client(#[source] Box<ClientError>),
    /// A broker that does not answer.
    #[error("no answer within {} s", ANSWER.as_secs())]
    NoAnswer,
    /// A topic that is not there, or that the user may not see.
    #[error("there is no topic {topic}, or this user may not see it")]
    NoTopic {
        /// The topic.
        topic: String,
    },
    /// Certificates that cannot be used.
    #[error("ca_file {path}: {reason}")]
    Certificates {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl KafkaError {
    /// What the broker answered, if it did.
    pub(super) fn protocol(&self) -> Option<ProtocolError> {
        match self {
            Self::Client(error) => match **error {
                ClientError::ServerError { protocol_error, .. } => Some(protocol_error),
                _ => None,
            },
            _ => None,
        }
    }
}

impl KafkaError {
    /// Whether there is the marker of a transaction in what was fetched, which rskafka 0.6 cannot read
    /// (influxdata/rskafka#297): it takes the marker's length for its version.
    pub(super) fn is_of_marker(&self) -> bool {
        match self {
            // The variant that says so is private; its text is not.
            Self::Client(error) => {
                matches!(**error, ClientError::Request(_)) && error.to_string().contains("control batch")
            }
            _ => false,
        }
    }
}

fn said(error: &ClientError) -> String {
    match error {
        // The client's own text is a dump of its structures.
        ClientError::ServerError { protocol_error: ProtocolError::UnsupportedCompressionType, .. } => {
            "the broker does not give a topic with compression.type=zstd to clients that speak Fetch below version 10, \
             as this one does (Kafka 4.3 does): set the topic's compression.type to producer, where zstd is read"
                .to_owned()
        }
        ClientError::ServerError { protocol_error, error_message: Some(message), .. } => {
            format!("the broker answers {protocol_error:?}: {message}")
        }
        ClientError::ServerError { protocol_error, .. } => format!("the broker answers {protocol_error:?}"),
        other => other.to_string(),
    }
}
