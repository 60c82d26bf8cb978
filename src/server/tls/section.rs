//! The section `[tls]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::setting::{As, File, Form, NoneOr, SettingError};

/// The files that TLS takes, as PEM.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The certificate, followed by those between it and the CA; `None`: no port has TLS.
    #[serde(with = "As::<NoneOr<File>>")]
    pub cert: Option<PathBuf>,
    /// Its key.
    #[serde(with = "As::<NoneOr<File>>")]
    pub key: Option<PathBuf>,
    /// The CAs whose certificates clients may show.
    #[serde(with = "As::<NoneOr<File>>")]
    pub client_ca: Option<PathBuf>,
    /// Whether clients must.
    #[serde(with = "As::<Clients>")]
    pub client_auth: ClientAuth,
}

/// Whether clients show certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and need not have one.
    Request,
    /// Who has none is not served, but on the admin port, for probes.
    Require,
}

impl Config {
    /// Checks what goes together.
    ///
    /// # Errors
    /// A setting without the other that it needs.
    pub fn check(&self) -> Result<(), SettingError> {
        let alone = |key, other| Err(SettingError::new(key, "given", format!("tls.{other} beside it")));
        match (&self.cert, &self.key, &self.client_ca, self.client_auth) {
            (Some(_), None, ..) => alone("cert", "key"),
            (None, Some(_), ..) => alone("key", "cert"),
            (None, None, Some(_), _) => alone("client_ca", "cert"),
            (_, _, None, ClientAuth::Request | ClientAuth::Require) => {
                let expected = "none, or tls.client_ca beside it";
                Err(SettingError::new("client_auth", Clients::show(&self.client_auth), expected))
            }
            (_, _, Some(_), ClientAuth::None) => {
                let expected = "request or require, as there is tls.client_ca";
                Err(SettingError::new("client_auth", "none", expected))
            }
            _ => Ok(()),
        }
    }
}

struct Clients;

impl Form for Clients {
    type Value = ClientAuth;

    const QUOTED: bool = true;

    fn expected() -> String {
        "none, request or require".to_owned()
    }

    fn parse(text: &str) -> Option<ClientAuth> {
        [ClientAuth::None, ClientAuth::Request, ClientAuth::Require]
            .into_iter()
            .find(|known| Self::show(known) == text)
    }

    fn show(value: &ClientAuth) -> String {
        match value {
            ClientAuth::None => "none",
            ClientAuth::Request => "request",
            ClientAuth::Require => "require",
        }
        .to_owned()
    }
}
