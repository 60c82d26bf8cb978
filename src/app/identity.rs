//! Wiring of who may call: credentials, their file, and what is written down.

use std::sync::Arc;

use super::AppError;
use crate::config::{Config, read_credentials};
use crate::server::identity::{Audit, Authenticator, CredentialsFile, sources};
use crate::server::reload::{Reloader, Watched};
use crate::server::tls::{Files, Tls};
use crate::telemetry::MetricsRegistry;

/// Who may call, and what is read again.
pub(super) struct Identity {
    /// `None`: whoever reaches a port.
    pub(super) authenticator: Option<Arc<Authenticator>>,
    pub(super) audit: Arc<Audit>,
    tls: Option<Arc<Tls>>,
    watched: Vec<Box<dyn Watched>>,
}

impl Identity {
    /// Reads the credentials.
    pub(super) fn open(config: &Config) -> Result<Self, AppError> {
        let auth = &config.auth;
        let audit = Arc::new(Audit::open(auth.audit.as_deref())?);
        let mut watched: Vec<Box<dyn Watched>> = Vec::new();
        let mut authenticator = None;
        if auth.is_required() {
            let known =
                Authenticator::new(&auth.credentials, Arc::clone(&audit)).map_err(AppError::Credentials)?;
            let known = Arc::new(known);
            if let Some(path) = &auth.file {
                let parse =
                    |path: &_, text: &_| read_credentials(path, text).map_err(|error| error.to_string());
                let own = auth.credentials.clone();
                let file = CredentialsFile::open(path, parse, own, Arc::clone(&known));
                watched.push(Box::new(
                    file.map_err(|reason| AppError::Credentials(format!("auth.file: {reason}")))?,
                ));
            }
            watched.extend(sources(&known, &config.cache_dir).map_err(AppError::Credentials)?);
            authenticator = Some(known);
        }
        let mut tls = None;
        if config.tls.cert.is_some() {
            let files = Files::open(&config.tls)?;
            tls = Some(files.tls());
            watched.push(Box::new(files));
        }
        Ok(Self { authenticator, audit, tls, watched })
    }

    /// What ports are opened with; `None`: plainly.
    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// Refuses to take orders of anybody from anywhere.
    pub(super) fn check_control(&self, config: &Config) -> Result<(), AppError> {
        let Some(addr) = config.server.takes_orders_at() else { return Ok(()) };
        if addr.ip().is_loopback() || self.authenticator.is_some() {
            return Ok(());
        }
        Err(AppError::OpenControl { addr })
    }

    /// Reads files again from now on, for as long as the reloader is kept.
    pub(super) fn watch(self, config: &Config, registry: &MetricsRegistry) -> Result<Reloader, AppError> {
        Ok(Reloader::start(self.watched, config.auth.reload_interval, self.audit, registry)?)
    }
}
