//! Who may do what on the admin port.
//!
//! Probes and metrics are for everybody who reaches it. What changes something must not be done by a web page that a
//! colleague happens to look at: a browser sends requests to any address, and says truthfully for which page. Nor by
//! whoever else reaches the port, unless that takes being on this machine.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};

use super::error;
use crate::exposure::host_name;
use crate::server::edge::identify::Peer;
use crate::server::identity::{Audit, Authenticator, Denial, Memory, Origin, Principal, Scope};
use crate::server::page;
use crate::server::problem::Problem;

/// What requests to the admin port are held to.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    pub(super) authenticator: Option<Arc<Authenticator>>,
    pub(super) audit: Option<Arc<Audit>>,
    /// Names, beside this machine's own, under which the port is asked for.
    pub(super) hosts: Vec<String>,
}

/// One request, as far as its rights hang on it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) remote: &'a Peer,
    /// Whether only this machine reaches the port.
    pub(super) is_local: bool,
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
}

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        let reason = denial.to_string();
        Self::new(Problem::from(denial).status(), reason)
    }
}

impl From<Refusal> for Response<Body> {
    fn from(refusal: Refusal) -> Self {
        let mut response = error(refusal.status, &refusal.reason);
        if refusal.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"larder\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl Access {
    /// Whether the status may be read.
    pub(super) fn status(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        let refused = self.known_host(asked).and_then(|_| match &self.authenticator {
            Some(authenticator) if !asked.is_local => {
                asked.principal_with(authenticator, Scope::Status).map(drop)
            }
            _ => Ok(()),
        });
        if let (Err(refusal), Some(audit)) = (&refused, &self.audit) {
            audit.denied(asked.origin(None), refusal.status.as_str(), &refusal.reason);
        }
        refused
    }

    /// Whether something may be done, and who does it where that is known.
    pub(super) fn control(&self, asked: &Asked<'_>) -> Result<Option<Arc<Principal>>, Refusal> {
        let allowed = self.may_control(asked);
        if let Err(refusal) = &allowed {
            self.note(asked, None, refusal.status.as_str(), &refusal.reason);
        }
        allowed
    }

    /// Writes down what was done, or why not.
    pub(super) fn note(&self, asked: &Asked<'_>, principal: Option<&Principal>, outcome: &str, detail: &str) {
        if let Some(audit) = &self.audit {
            audit.control(asked.origin(principal), outcome, detail);
        }
    }

    fn may_control(&self, asked: &Asked<'_>) -> Result<Option<Arc<Principal>>, Refusal> {
        let host = self.known_host(asked)?;
        if page::may_be_foreign(asked.headers, host.as_str()) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, page::REFUSED));
        }
        // A form, or a script that does not ask beforehand (CORS), can send anything but this.
        if !is_json(asked.headers) {
            let reason = "send content-type: application/json, with or without a body";
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
        }
        match &self.authenticator {
            _ if asked.is_local => Ok(None),
            Some(authenticator) => asked.principal_with(authenticator, Scope::Admin).map(Some),
            None => {
                let reason = "this port is reached from elsewhere, and there is no credential by which a caller could \
                              be known: configure one with the scope admin, or set server.control_addr to a loopback \
                              address";
                Err(Refusal::new(StatusCode::FORBIDDEN, reason))
            }
        }
    }

    /// The host that was asked, if it is meant to be this one. A page that lets its own name point here (DNS rebinding)
    /// is of the same origin as far as a browser knows, but has that name.
    fn known_host(&self, asked: &Asked<'_>) -> Result<Authority, Refusal> {
        let given = match asked.uri.authority() {
            Some(authority) => Some(authority.clone()),
            None => {
                let mut hosts = asked.headers.get_all(header::HOST).iter();
                let host = hosts.next().filter(|_| hosts.next().is_none());
                host.and_then(|host| Authority::try_from(host.as_bytes()).ok())
            }
        };
        let Some(authority) = given else {
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "the header host is missing, twice there or no host",
            ));
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let is_known = host.parse::<IpAddr>().is_ok()
            || host == "localhost"
            || host == host_name().to_ascii_lowercase()
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(&host));
        if is_known {
            return Ok(authority);
        }
        let reason = format!("{host:?} is no name of this server; add it to server.admin_hosts if it is one");
        Err(Refusal::new(StatusCode::FORBIDDEN, reason))
    }
}

impl Asked<'_> {
    /// The caller, if it has a scope.
    fn principal_with(&self, authenticator: &Authenticator, scope: Scope) -> Result<Arc<Principal>, Refusal> {
        let principal = authenticator.authenticate(
            self.headers,
            self.remote.certificate.as_deref(),
            &Memory::default(),
        )?;
        if principal.may(scope) { Ok(principal) } else { Err(Denial::lacks(&principal, &[scope]).into()) }
    }

    fn origin<'a>(&'a self, principal: Option<&'a Principal>) -> Origin<'a> {
        let trace = self.headers.get("traceparent").and_then(|value| value.to_str().ok());
        Origin { principal, peer: Some(self.remote.addr), method: self.uri.path(), trace }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().filter(|_| kinds.next().is_none()).and_then(|kind| kind.to_str().ok());
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
}
