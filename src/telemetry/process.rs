//! Metrics of the process: what it is, and what it takes.

use prometheus::{Error, Registry};

use crate::server::metrics::Declaration;

const BUILD: Declaration = Declaration {
    name: "larder_build_info",
    help: "1 for the running program: its version, the architecture, and the level of vector instructions in use.",
    labels: &["version", "arch", "cpu"],
};
const CPU: Declaration = Declaration {
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system together (Linux).",
    labels: &[],
};
const MEMORY: Declaration = Declaration {
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process (Linux).",
    labels: &[],
};

pub(super) fn register(registry: &Registry) -> Result<(), Error> {
    BUILD.gauge(registry, |samples| {
        let labels = [env!("CARGO_PKG_VERSION"), std::env::consts::ARCH, crate::machine::level().name()];
        samples.add(&labels, 1.0);
    })?;
    CPU.counter(registry, |samples| {
        if let Some(figures) = Figures::now() {
            samples.add(&[], figures.cpu_s);
        }
    })?;
    MEMORY.gauge(registry, |samples| {
        if let Some(figures) = Figures::now() {
            samples.add(&[], figures.resident_bytes);
        }
    })
}

/// What `/proc/self/stat` says.
struct Figures {
    cpu_s: f64,
    resident_bytes: f64,
}

impl Figures {
    /// Nothing where there is no such file.
    fn now() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program, in parentheses, may contain spaces; fields are counted from behind it (proc(5)):
        // utime and stime are the 14th and 15th of all, rss is the 24th.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        let pages: f64 = fields.get(21)?.parse().ok()?;
        Some(Self {
            cpu_s: ticks / rustix::param::clock_ticks_per_second() as f64,
            resident_bytes: pages * rustix::param::page_size() as f64,
        })
    }
}
