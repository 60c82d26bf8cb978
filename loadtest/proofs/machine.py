"""The machine: what it is, what a process on it uses, and a control group that limits one process."""

import os
import platform
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Unable(Exception):
    """This machine cannot do what the proof needs; the text says what would help."""


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def slug():
    """A short name of the machine: processor and cores."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"\([^)]*\)|@.*|\bcpu\b|\bprocessor\b", "", processor().lower()))
    words = [word for word in words if word not in ("amd", "intel", "core")]
    return "-".join(words[:2] + [f"{os.cpu_count()}c"])


def output_of(*command):
    """What a command prints, or a dash."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        return done.stdout.strip() or "-"
    except (OSError, subprocess.TimeoutExpired):
        return "-"


def versions(repository):
    return {
        "commit": output_of("git", "-C", str(repository), "describe", "--always", "--dirty", "--tags"),
        "rustc": output_of("rustc", "--version"),
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
    }


def cpu_seconds(pid):
    """CPU that a process has used, threads that have ended included: its clock, as clock_getcpuclockid(3) names it."""
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


class Watch:
    """Samples a process in a thread of its own until it is left."""

    def __init__(self, pid, every=0.5):
        self.pid, self.every = pid, every
        self.samples = []  # (moment, CPU seconds, resident bytes)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(timeout=5)
        self._sample()

    def _run(self):
        while not self._stop.wait(self.every):
            if not self._sample():
                return

    def _sample(self):
        try:
            self.samples.append((time.monotonic(), cpu_seconds(self.pid), resident_bytes(self.pid)))
            return True
        except OSError:
            return False  # it has ended

    def cpu(self):
        return self.samples[-1][1] - self.samples[0][1]

    def peak_cores(self, window=5.0):
        """The most cores busy over any window."""
        peak, first = 0.0, 0
        for moment, cpu, _ in self.samples:
            while first + 1 < len(self.samples) and moment - self.samples[first + 1][0] >= window:
                first += 1
            since, cpu_since, _ = self.samples[first]
            if moment - since >= window * 0.9:
                peak = max(peak, (cpu - cpu_since) / (moment - since))
        return peak

    def resident(self, since=0.0, until=float("inf")):
        """Resident bytes at the samples between two moments."""
        return [rss for moment, _, rss in self.samples if since <= moment <= until]


class ControlGroup:
    """A control group with a share of CPU and a limit of memory, made by hand (version 1 or 2). Needs root."""

    def __init__(self, cores, memory_bytes):
        self.name = f"larder-prove-{os.getpid()}"
        self.cores, self.memory_bytes = cores, memory_bytes
        period = 100_000
        quota = int(cores * period)
        try:
            if (GROUPS / "cpu" / "cpu.cfs_quota_us").exists():
                self.version, self.places = 1, [GROUPS / "cpu" / self.name, GROUPS / "memory" / self.name]
                self._make()
                self._write(0, "cpu.cfs_period_us", period)
                self._write(0, "cpu.cfs_quota_us", quota)
                self._write(1, "memory.limit_in_bytes", memory_bytes)
            else:
                self.version, self.places = 2, [GROUPS / self.name]
                (GROUPS / "cgroup.subtree_control").write_text("+cpu +memory")
                self._make()
                self._write(0, "cpu.max", f"{quota} {period}")
                self._write(0, "memory.max", memory_bytes)
        except OSError as error:
            self.remove()
            raise Unable(
                f"no control group of {cores} vCPU and {memory_bytes >> 20} MiB: {error}. Run as root where "
                "/sys/fs/cgroup can be written"
            ) from error

    def _make(self):
        for place in self.places:
            place.mkdir()

    def _write(self, place, file, value):
        (self.places[place] / file).write_text(str(value))

    def enter(self):
        """For the child, between fork and exec."""
        for place in self.places:
            (place / "cgroup.procs").write_text(str(os.getpid()))

    def figures(self):
        """Periods, periods in which the quota ran out, seconds stopped, and the most memory."""
        stat = dict(line.split() for line in (self.places[0] / "cpu.stat").read_text().splitlines())
        stopped = int(stat["throttled_time"]) * 1e-9 if self.version == 1 else int(stat["throttled_usec"]) * 1e-6
        peak = ("memory.max_usage_in_bytes", "memory.peak")[self.version - 1]
        file = self.places[-1] / peak
        return {
            "periods": int(stat["nr_periods"]),
            "throttled": int(stat["nr_throttled"]),
            "throttled_s": round(stopped, 3),
            "peak_bytes": int(file.read_text()) if file.exists() else None,
        }

    def remove(self):
        for place in getattr(self, "places", []):
            for _ in range(50):
                try:
                    place.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.1)  # its process is still ending


def pinned(cpu):
    """What to put before a command so that it stays on one CPU."""
    if cpu is None:
        return []
    if not shutil.which("taskset"):
        raise Unable("taskset is not there: install util-linux, or give --no-pin and say so with the figures")
    return ["taskset", "-c", str(cpu)]
