//! The limits that a child puts on itself before it reads anything.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Bytes of address space beside what the snapshot may take: threads' stacks, and what an allocator holds in reserve.
const BESIDE: u64 = 192 << 20;

/// Bytes of the main thread's stack; the others have theirs by size.
const STACK: u64 = 8 << 20;

/// How much a child may take.
#[derive(Debug, Clone, Copy)]
pub struct Confinement {
    /// Bytes for the snapshot; `None`: no limit.
    pub memory: Option<u64>,
    /// Seconds of CPU time.
    pub cpu_seconds: u64,
}

/// Puts limits on this process: address space, CPU time, stack; no files written, no core dumps; it is the first to go
/// when memory runs out, and goes with its parent.
///
/// # Errors
/// A limit that the system does not take.
pub fn confine(limits: &Confinement) -> io::Result<()> {
    let set = |resource, most: u64| {
        // Never above what there is: a limit that somebody set can only be lowered.
        let most = getrlimit(resource).maximum.map_or(most, |there| there.min(most));
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(io::Error::from)
    };
    set(Resource::Cpu, limits.cpu_seconds)?;
    set(Resource::Stack, STACK)?;
    set(Resource::Fsize, 0)?;
    set(Resource::Core, 0)?;
    if let Some(memory) = limits.memory {
        set(Resource::As, memory.saturating_add(mapped_bytes()).saturating_add(BESIDE))?;
    }
    outlive_nobody()
}

/// The address space that this process has now: the program itself, for the most part.
fn mapped_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    pages.unwrap_or_default().saturating_mul(rustix::param::page_size() as u64)
}

#[cfg(target_os = "linux")]
fn outlive_nobody() -> io::Result<()> {
    // The container's memory is one for both: this process must be the one that is chosen. It may not be allowed to say
    // so; that is no reason to refuse a snapshot.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    rustix::thread::set_no_new_privs(true)?;
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn outlive_nobody() -> io::Result<()> {
    Ok(())
}
