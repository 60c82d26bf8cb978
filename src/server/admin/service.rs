//! What the admin port answers: readiness, status, metrics, and the two things that can be done to the control plane.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::{Registry as Metrics, TextEncoder};

use super::access::Access;
use super::control::ControlPlane;
use super::readiness::NotReady;
use super::status::{LiveReport, Status, names};
use crate::live::Backlog;
use crate::recommender::{LiveState, View};
use crate::server::identity::{Audit, Authenticator};
use crate::server::tls::Tls;
use crate::snapshot::{Outcome, Registry, SnapshotError};

/// The state behind the admin port.
pub struct AdminService {
    control: Arc<dyn ControlPlane>,
    views: Arc<Registry<View>>,
    live: Option<(Arc<LiveState>, Arc<Backlog>)>,
    metrics: Metrics,
    draining: AtomicBool,
    access: Access,
    tls: Option<Arc<Tls>>,
}

impl AdminService {
    /// For what `control` keeps up to date in `views`. `metrics` is what everything that counts is declared in.
    pub fn new(control: Arc<dyn ControlPlane>, views: Arc<Registry<View>>, metrics: Metrics) -> Self {
        Self {
            control,
            views,
            live: None,
            metrics,
            draining: AtomicBool::new(false),
            access: Access::default(),
            tls: None,
        }
    }

    /// Tells of the state of events too, and is not ready before their backlog is over.
    pub fn with_live(self, live: Arc<LiveState>, backlog: Arc<Backlog>) -> Self {
        Self { live: Some((live, backlog)), ..self }
    }

    /// Asks `authenticator`, if there is one, who calls; writes orders into `audit`; and takes `hosts` for names of
    /// this server, beside its addresses and the machine's own name.
    pub fn with_access(
        self,
        authenticator: Option<Arc<Authenticator>>,
        audit: Arc<Audit>,
        hosts: Vec<String>,
    ) -> Self {
        Self { access: Access { authenticator, audit: Some(audit), hosts }, ..self }
    }

    /// Opens its ports with TLS.
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    pub(super) fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// From now on, the server is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether requests should be sent here.
    ///
    /// # Errors
    /// Why not.
    pub fn readiness(&self) -> Result<(), NotReady> {
        // First: while the process drains it still serves, and must get nothing new.
        if self.draining.load(Ordering::Acquire) {
            return Err(NotReady::Draining);
        }
        if self.views.current().is_some() {
            return match &self.live {
                Some((_, backlog)) if !backlog.is_over() => Err(NotReady::Behind(names(backlog))),
                _ => Ok(()),
            };
        }
        // A failed refresh does not make a server unready that serves an older snapshot: that would take the whole
        // fleet out over one bad publish.
        Err(match self.control.health().last_failure {
            Some(failure) => NotReady::Failed(failure.reason),
            None => NotReady::Loading,
        })
    }

    /// What is served, and how the last refresh went.
    pub(super) fn status(&self) -> Status {
        let (current, previous) = (self.views.current(), self.views.previous());
        let live = self.live.as_ref().map(|(live, backlog)| LiveReport::of(live, backlog));
        Status::of(&*self.control, self.readiness(), current.as_deref(), previous.as_deref(), live)
    }

    /// All metrics, in Prometheus' text format.
    pub(super) fn metrics(&self) -> Result<String, prometheus::Error> {
        TextEncoder.encode_to_string(&self.metrics.gather())
    }

    /// Looks for a new snapshot now.
    pub(super) fn refresh(&self) -> Result<Outcome, SnapshotError> {
        self.control.refresh()
    }

    /// Goes back to the snapshot before; returns its version.
    pub(super) fn rollback(&self) -> Result<String, SnapshotError> {
        self.control.rollback()
    }
}

impl std::fmt::Debug for AdminService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminService").field("draining", &self.draining).finish_non_exhaustive()
    }
}
