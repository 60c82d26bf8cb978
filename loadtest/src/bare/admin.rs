//! `/metrics` of the process itself, on a thread of its own, so that it answers while the faces are busy.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::thread;

use axum::routing::get;

/// Opens the port and says where it is. It closes with the process.
pub(super) fn open(addr: SocketAddr) -> io::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("admin".to_owned()).spawn(move || {
        drop(runtime.block_on(async {
            let routes = axum::Router::new().route("/metrics", get(|| async { metrics() }));
            axum::serve(tokio::net::TcpListener::from_std(listener)?, routes).await
        }));
    })?;
    Ok(bound)
}

/// Prometheus' text format, under the names of its client libraries; what Linux alone tells is left out elsewhere.
fn metrics() -> String {
    let mut text = String::new();
    let figures = [
        ("process_cpu_seconds_total", "counter", cpu_seconds()),
        ("process_resident_memory_bytes", "gauge", resident_bytes()),
    ];
    for (name, kind, value) in figures {
        let Some(value) = value else { continue };
        let written = writeln!(
            text,
            "# TYPE {name} {kind}
{name} {value}"
        );
        debug_assert!(written.is_ok(), "a string takes everything");
    }
    text
}

#[cfg(target_os = "linux")]
fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: f64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as f64)
}

#[cfg(not(target_os = "linux"))]
fn cpu_seconds() -> Option<f64> {
    None
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> Option<f64> {
    None
}
