//! The state of one connection: what it holds, when it was last used, and why it has to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tokio::sync::Notify;

use super::held::{Budget, Share};
use super::protocol::Protocol;

/// Bytes that a client must read within `send_timeout` for that to be progress. Raising it cuts slow readers off;
/// without any, one byte a second would hold an answer for hours.
pub(crate) const LEAST_PROGRESS: usize = 4 << 10;
/// Bytes of a request head that are taken whatever others hold: those of nearly all requests. Longer ones are taken
/// while less than half is held. Raising it lets many half-sent heads hold more.
pub(super) const USUAL_HEAD: usize = 4 << 10;
/// The shortest pause between two looks at a connection.
const SHORTEST_TICK: Duration = Duration::from_millis(50);
/// No request head is being received.
const NONE: u64 = u64::MAX;

/// What connections may do.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionLimits {
    /// Open at once on the port. When there are more, the one that is idle for longest makes room, or, if none is, more
    /// wait in the operating system's backlog.
    pub(crate) connections: usize,
    /// HTTP/2 streams open at once on each.
    pub(crate) streams: u32,
    /// Time without a request after which a connection is closed.
    pub(crate) idle: Duration,
    /// How long a request head may take, from its first byte.
    pub(crate) header_timeout: Duration,
    /// How long a client may read nothing of an answer.
    pub(crate) send_timeout: Duration,
    /// The age at which a connection is told to end, and how long it then has.
    pub(crate) max_age: Option<Duration>,
    pub(crate) age_grace: Duration,
    /// Bytes of answers that are not read: of all, and of each.
    pub(crate) unsent: (Arc<Budget>, u64),
    /// Bytes of requests that are not finished: of all, and of each.
    pub(crate) unfinished: (Arc<Budget>, u64),
}

/// Why the server ended a connection or a stream that its client would have kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The client did not read the answer of a stream.
    Stream,
    /// The client read nothing of what is held for it.
    Unread,
    /// The client did not finish a request head, or the beginning of a connection.
    Head,
    /// The port was full, and this connection was idle for longest.
    Evicted,
}

impl Cut {
    /// All, in the order of their discriminants.
    const ALL: [Self; 4] = [Self::Stream, Self::Unread, Self::Head, Self::Evicted];

    /// The value of the metric label `reason`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Stream => "stream_unread",
            Self::Unread => "unread",
            Self::Head => "slow_head",
            Self::Evicted => "evicted",
        }
    }
}

/// What is counted of the connections of a port.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionMetrics {
    /// Open connections.
    pub(crate) open: IntGauge,
    cut: [IntCounter; Cut::ALL.len()],
}

impl ConnectionMetrics {
    /// Registers them: one set for each protocol, in the order of [`Protocol::ALL`].
    pub(crate) fn register(registry: &Registry) -> Result<[Self; 2], prometheus::Error> {
        let open = IntGaugeVec::new(Opts::new("larder_connections", "Open connections."), &["protocol"])?;
        let help = "Connections and streams that were ended because of their client: stream_unread and unread, an \
                    answer was not read; slow_head, a request head or the beginning of a connection was not finished; \
                    evicted, idle for longest when the port was full.";
        let cut = IntCounterVec::new(Opts::new("larder_cut_total", help), &["protocol", "reason"])?;
        registry.register(Box::new(open.clone()))?;
        registry.register(Box::new(cut.clone()))?;
        Ok(Protocol::ALL.map(|protocol| {
            let protocol = protocol.label();
            Self {
                open: open.with_label_values(&[protocol]),
                cut: Cut::ALL.map(|reason| cut.with_label_values(&[protocol, reason.label()])),
            }
        }))
    }

    /// Counts that nobody asks for, as of the admin port.
    pub(crate) fn unregistered() -> Result<Self, prometheus::Error> {
        let [of_one, _] = Self::register(&Registry::new())?;
        Ok(of_one)
    }
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Answers that the client has not read.
    pub(crate) unsent: Share,
    /// Requests that the client has not finished.
    pub(crate) unfinished: Share,
    opened: Instant,
    /// When a request last began or ended, in milliseconds since it was opened.
    used_ms: AtomicU64,
    /// Requests under way.
    requests: AtomicUsize,
    /// Bytes of answers that wait to be written, without what is still being made.
    to_send: AtomicUsize,
    /// Bytes of answers that were written, or given up with their streams: neither is held any more.
    gone: AtomicU64,
    /// Since when a head is being received, in milliseconds since it was opened, or [`NONE`].
    head_ms: AtomicU64,
    /// Bytes of it.
    head_bytes: AtomicUsize,
    had_request: AtomicBool,
    is_multiplexed: AtomicBool,
    ending: AtomicBool,
    is_evicted: AtomicBool,
    evicted: Notify,
    metrics: ConnectionMetrics,
}

impl Connection {
    pub(crate) fn new(unsent: Share, unfinished: Share, metrics: ConnectionMetrics) -> Arc<Self> {
        metrics.open.inc();
        Arc::new(Self {
            unsent,
            unfinished,
            opened: Instant::now(),
            used_ms: AtomicU64::new(0),
            requests: AtomicUsize::new(0),
            to_send: AtomicUsize::new(0),
            gone: AtomicU64::new(0),
            head_ms: AtomicU64::new(NONE),
            head_bytes: AtomicUsize::new(0),
            had_request: AtomicBool::new(false),
            is_multiplexed: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            is_evicted: AtomicBool::new(false),
            evicted: Notify::new(),
            metrics,
        })
    }

    fn now_ms(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64
    }

    pub(super) fn request_began(&self) {
        // A store for each request, and no timer that it would have to move: the timer looks at the time when it fires,
        // and sleeps again for what is left.
        self.used_ms.store(self.now_ms(), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.had_request.store(true, Ordering::Relaxed);
        self.head_is_complete();
    }

    pub(super) fn request_ended(&self) {
        self.used_ms.store(self.now_ms(), Ordering::Relaxed);
        self.requests.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn to_send(&self, bytes: usize) {
        self.unsent.take(bytes);
        self.to_send.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn no_longer_held(&self, bytes: usize) {
        self.gone.fetch_add(bytes as u64, Ordering::Relaxed);
        self.to_send.fetch_sub(bytes, Ordering::Relaxed);
        self.unsent.give_back(bytes);
    }

    /// Takes bytes of a head that is not complete; false if there is no room for one that is so long.
    pub(super) fn head_goes_on(&self, bytes: usize) -> bool {
        if self.head_ms.load(Ordering::Relaxed) == NONE {
            self.head_ms.store(self.now_ms(), Ordering::Relaxed);
        }
        self.unfinished.take(bytes);
        let own = self.head_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        own <= USUAL_HEAD || !self.unfinished.is_tight()
    }

    /// A head, or another frame that had begun, is complete.
    pub(super) fn head_is_complete(&self) {
        self.head_ms.store(NONE, Ordering::Relaxed);
        self.unfinished.give_back(self.head_bytes.swap(0, Ordering::Relaxed));
    }

    /// The connection carries many requests at once.
    pub(super) fn is_multiplexed(&self) {
        self.is_multiplexed.store(true, Ordering::Relaxed);
    }

    /// Whether a request is under way, its answer's last byte included.
    pub(crate) fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0 || self.to_send.load(Ordering::Relaxed) > 0
    }

    /// Whether there was any request yet.
    pub(crate) fn had_request(&self) -> bool {
        self.had_request.load(Ordering::Relaxed)
    }

    /// The time without a request.
    pub(crate) fn idle_for(&self) -> Duration {
        self.opened.elapsed().saturating_sub(Duration::from_millis(self.used_ms.load(Ordering::Relaxed)))
    }

    /// Whether the next answer over HTTP/1 is to be the last.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Tells the connection to end, to make room for another; false if it is told already.
    pub(crate) fn evict(&self) -> bool {
        let is_new = !self.is_evicted.swap(true, Ordering::Relaxed);
        self.evicted.notify_one();
        is_new
    }

    /// Whether it was told to end.
    pub(crate) fn is_evicted(&self) -> bool {
        self.is_evicted.load(Ordering::Relaxed)
    }

    /// Completes when the connection has to make room for another.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Counts why the connection, or one of its streams, ends.
    pub(crate) fn note(&self, cut: Cut) {
        self.metrics.cut[cut as usize].inc();
    }

    /// Completes when there was no request for `limit`.
    pub(crate) async fn idle(&self, limit: Duration) {
        loop {
            let left = limit.saturating_sub(self.idle_for());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// Completes when the connection is old enough to be told to go away. Over HTTP/1 that is a header of an answer:
    /// there is time for one more request.
    pub(crate) async fn aged(&self, limits: &ConnectionLimits) {
        let Some(age) = limits.max_age else { return std::future::pending().await };
        // Between nine and eleven tenths: connections that were opened together, after a rollout, do not end together.
        tokio::time::sleep(age.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
        self.ending.store(true, Ordering::Relaxed);
        if !self.is_multiplexed.load(Ordering::Relaxed) {
            tokio::time::sleep(limits.age_grace).await;
        }
    }

    /// Completes when the client has read nothing for too long, or has not finished a head.
    pub(crate) async fn misused(&self, limits: &ConnectionLimits) -> Cut {
        let tick = (limits.send_timeout.min(limits.header_timeout) / 2).max(SHORTEST_TICK);
        let (mut gone, mut since) = (0, Instant::now());
        loop {
            tokio::time::sleep(tick).await;
            let now = self.gone.load(Ordering::Relaxed);
            // Streams that are reset one by one are given time for that.
            let times = if self.is_multiplexed.load(Ordering::Relaxed) { 2 } else { 1 };
            if self.to_send.load(Ordering::Relaxed) == 0 || now >= gone + LEAST_PROGRESS as u64 {
                (gone, since) = (now, Instant::now());
            } else if since.elapsed() >= limits.send_timeout * times {
                return Cut::Unread;
            }
            let head = self.head_ms.load(Ordering::Relaxed);
            if head != NONE && self.now_ms().saturating_sub(head) >= limits.header_timeout.as_millis() as u64
            {
                return Cut::Head;
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.head_is_complete();
        self.metrics.open.dec();
    }
}
