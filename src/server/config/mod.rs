//! The section `[server]`: ports, threads, and how many requests and connections there may be.

mod page_token_key;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exposure::Exposures;
use crate::machine::Level;
use crate::recommender::EventQueue;
use crate::server::identity::Authenticator;
use crate::server::tls::Tls;
use crate::setting::{
    Address, As, AutoOr, Form, NoneOr, SettingError, Size, Time, duration_within, number_within, size_within,
};

pub use page_token_key::{KeyError, PageTokenKey};

/// How the server listens, and how it treats requests and connections.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Address of the gRPC port.
    #[serde(with = "As::<Address>")]
    pub grpc_addr: SocketAddr,
    /// Address of the HTTP/JSON port.
    #[serde(with = "As::<Address>")]
    pub http_addr: SocketAddr,
    /// Address of the admin port.
    #[serde(with = "As::<Address>")]
    pub admin_addr: SocketAddr,
    /// Where the control plane takes orders.
    #[serde(with = "As::<Control>")]
    pub control_addr: ControlAddr,
    /// Names under which the admin port is asked for, beside addresses and the machine's own name.
    #[serde(with = "As::<NoneOr<Hosts>>")]
    pub admin_hosts: Option<Vec<String>>,
    /// Threads that answer requests; by default one per core.
    #[serde(with = "As::<Threads>")]
    pub threads: usize,
    /// The most that vector instructions may use; `None`: all that the processor has.
    #[serde(with = "As::<AutoOr<Instructions>>")]
    pub cpu: Option<Level>,
    /// Upper bound on requests in flight, on both protocols; the limit in force follows from the latencies.
    pub max_in_flight: usize,
    /// Upper bound on queued requests; further ones are refused with RESOURCE_EXHAUSTED (429). Raising it trades tail
    /// latency for goodput.
    pub max_queued: usize,
    /// Upper bound on open connections of each port. When it is reached, those that are idle for longest make room; if
    /// none is idle, more wait in the operating system's backlog.
    pub max_connections: usize,
    /// Upper bound on HTTP/2 streams of each connection; clients hold further ones back.
    pub max_streams: u32,
    /// A connection without a request for this long is closed.
    #[serde(with = "As::<Time>")]
    pub idle_timeout: Duration,
    /// How long a client may take over a request head, or over the beginning of a connection.
    #[serde(with = "As::<Time>")]
    pub header_timeout: Duration,
    /// How long a client may read nothing of an answer; then its stream is reset (HTTP/2) or its connection cut.
    #[serde(with = "As::<Time>")]
    pub send_timeout: Duration,
    /// A connection of about this age is told to go away, so that clients look for new replicas; `None`: none is.
    #[serde(with = "As::<NoneOr<Time>>")]
    pub max_connection_age: Option<Duration>,
    /// How long it then has for what is under way.
    #[serde(with = "As::<Time>")]
    pub max_connection_age_grace: Duration,
    /// Upper bound on bytes of answers that clients have not read, of all connections together.
    #[serde(with = "As::<Size>")]
    pub max_unsent: u64,
    /// And of one connection.
    #[serde(with = "As::<Size>")]
    pub max_unsent_per_connection: u64,
    /// Upper bound on bytes of requests that are not complete or not answered, of all connections together.
    #[serde(with = "As::<Size>")]
    pub max_unfinished: u64,
    /// And of one connection.
    #[serde(with = "As::<Size>")]
    pub max_unfinished_per_connection: u64,
    /// The longest that a request may take, reading its body included; then DEADLINE_EXCEEDED (504).
    #[serde(with = "As::<Time>")]
    pub request_timeout: Duration,
    /// How long caches may reuse an answer that is not personal.
    #[serde(with = "As::<Time>")]
    pub cache_max_age: Duration,
    /// After the shutdown signal, how long to go on accepting while load balancers notice that the server is not ready.
    #[serde(with = "As::<Time>")]
    pub shutdown_delay: Duration,
    /// Then, how long requests in flight have before their connections are cut.
    #[serde(with = "As::<Time>")]
    pub drain_timeout: Duration,
    /// What page tokens are sealed with.
    pub page_token_key: PageTokenKey,
    /// Where exposures are offered, if anywhere.
    #[serde(skip)]
    pub exposures: Option<Exposures>,
    /// The longest that caches may reuse an answer once events change items.
    #[serde(skip)]
    pub live_max_age: Duration,
    /// Where events go that callers record, if they are taken.
    #[serde(skip)]
    pub events: Option<EventQueue>,
    /// What connections are encrypted with; `None`: they are not.
    #[serde(skip)]
    pub tls: Option<Arc<Tls>>,
    /// Knows who may call; `None`: whoever reaches a port.
    #[serde(skip)]
    pub authenticator: Option<Arc<Authenticator>>,
}

impl Default for Config {
    fn default() -> Self {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            grpc_addr: local(50051),
            http_addr: local(8080),
            admin_addr: local(9090),
            control_addr: ControlAddr::Admin,
            admin_hosts: None,
            threads: cores(),
            cpu: None,
            max_in_flight: 1024,
            max_queued: 1024,
            max_connections: 4096,
            max_streams: 256,
            idle_timeout: Duration::from_secs(300),
            header_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(5),
            max_connection_age: Some(Duration::from_secs(600)),
            max_connection_age_grace: Duration::from_secs(10),
            max_unsent: 32 << 20,
            max_unsent_per_connection: 8 << 20,
            max_unfinished: 32 << 20,
            max_unfinished_per_connection: 4 << 20,
            request_timeout: Duration::from_secs(5),
            cache_max_age: Duration::from_secs(60),
            shutdown_delay: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            page_token_key: PageTokenKey::default(),
            exposures: None,
            live_max_age: Duration::from_secs(5),
            events: None,
            tls: None,
            authenticator: None,
        }
    }
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
/// Bounds of the bounds on bytes.
const LEAST: u64 = 2 << 20;
const MOST: u64 = 1 << 40;

impl Config {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// The first value outside its range.
    pub fn check(&self) -> Result<(), SettingError> {
        // Generous bounds: they are there against slips of the keyboard and sums that overflow, not to advise.
        number_within("threads", self.threads, 1..=1024)?;
        number_within("max_in_flight", self.max_in_flight, 1..=1_000_000)?;
        number_within("max_queued", self.max_queued, 1..=1_000_000)?;
        number_within("max_connections", self.max_connections, 1..=1_000_000)?;
        number_within("max_streams", self.max_streams, 1..=1_000_000)?;
        // Less than a second would close connections between two requests of one page.
        duration_within("idle_timeout", self.idle_timeout, SECOND..=DAY)?;
        // Less would cut clients off whose network lost a packet.
        duration_within("header_timeout", self.header_timeout, SECOND..=HOUR)?;
        duration_within("send_timeout", self.send_timeout, SECOND..=HOUR)?;
        let age = self.max_connection_age.unwrap_or(HOUR);
        duration_within("max_connection_age", age, SECOND..=365 * DAY)?;
        duration_within("max_connection_age_grace", self.max_connection_age_grace, Duration::ZERO..=HOUR)?;
        // Room for one answer, and for one request, of the largest kind.
        size_within("max_unsent", self.max_unsent, LEAST..=MOST)?;
        size_within("max_unsent_per_connection", self.max_unsent_per_connection, LEAST..=MOST)?;
        size_within("max_unfinished", self.max_unfinished, LEAST..=MOST)?;
        size_within("max_unfinished_per_connection", self.max_unfinished_per_connection, LEAST..=MOST)?;
        duration_within("request_timeout", self.request_timeout, 10 * MILLISECOND..=HOUR)?;
        // A year is the longest that HTTP ever let a server promise (RFC 2616, 14.21).
        duration_within("cache_max_age", self.cache_max_age, Duration::ZERO..=365 * DAY)?;
        duration_within("shutdown_delay", self.shutdown_delay, Duration::ZERO..=HOUR)?;
        duration_within("drain_timeout", self.drain_timeout, Duration::ZERO..=HOUR)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Where the control plane takes orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlAddr {
    /// On the admin port.
    Admin,
    /// At an address of its own.
    Own(SocketAddr),
    /// Nowhere.
    None,
}

impl Config {
    /// The address at which orders are taken, if they are.
    pub fn takes_orders_at(&self) -> Option<SocketAddr> {
        match self.control_addr {
            ControlAddr::Admin => Some(self.admin_addr),
            ControlAddr::Own(addr) => Some(addr),
            ControlAddr::None => None,
        }
    }
}

/// `admin`, `none`, or an address.
struct Control;

impl Form for Control {
    type Value = ControlAddr;

    fn expected() -> String {
        format!("admin, none, or {}", Address::expected())
    }

    fn parse(text: &str) -> Option<ControlAddr> {
        match text {
            "admin" => Some(ControlAddr::Admin),
            "none" => Some(ControlAddr::None),
            _ => Address::parse(text).map(ControlAddr::Own),
        }
    }

    fn show(value: &ControlAddr) -> String {
        match value {
            ControlAddr::Admin => "admin".to_owned(),
            ControlAddr::None => "none".to_owned(),
            ControlAddr::Own(addr) => addr.to_string(),
        }
    }
}

/// Names of hosts, between commas.
struct Hosts;

impl Form for Hosts {
    type Value = Vec<String>;

    const QUOTED: bool = true;

    fn expected() -> String {
        "names between commas, such as larder.shop.svc, larder.internal".to_owned()
    }

    fn parse(text: &str) -> Option<Vec<String>> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let name = |name: &str| (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned());
        text.split(',').map(|host| name(host.trim())).collect()
    }

    fn show(value: &Vec<String>) -> String {
        value.join(", ")
    }
}

/// A number of threads; `auto` is one per core that the process may use.
struct Threads;

impl Form for Threads {
    type Value = usize;

    fn expected() -> String {
        "auto, or a whole number from 1 to 1024".to_owned()
    }

    fn parse(text: &str) -> Option<usize> {
        if text == "auto" { Some(cores()) } else { text.parse().ok() }
    }

    /// The number, even where it was `auto`: what was settled is what there is.
    fn show(value: &usize) -> String {
        value.to_string()
    }
}

/// A level of vector instructions that this processor has.
struct Instructions;

impl Form for Instructions {
    type Value = Level;

    fn expected() -> String {
        let known: Vec<&str> = Level::all().map(Level::name).collect();
        format!("a level that this processor has: {}", known.join(", "))
    }

    fn parse(text: &str) -> Option<Level> {
        Level::named(text)
    }

    fn show(value: &Level) -> String {
        value.name().to_owned()
    }
}
