//! How much memory is left, so that the previous snapshot is kept only where there is room for it.

/// Bytes this process may still take: the least of the container's limit (cgroup v2 or v1) and the machine's free memory;
/// `None` where neither can be read.
pub(super) fn available_bytes() -> Option<u64> {
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let left = |limit: &str, used: &str| Some(number(limit)?.saturating_sub(number(used)?));
    let v2 = || left("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current");
    let v1 =
        || left("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes");
    let machine = || {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    };
    v2().or_else(v1).into_iter().chain(machine()).min()
}
