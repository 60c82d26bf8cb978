"""The programs under proof: started on their CPUs, waited for with a limit, and ended whatever happens."""

import atexit
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

from machine import Unable, Watch, pinned

_children = []


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def start(command, **options):
    """A child that ends with us at the latest."""
    child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, **options)
    _children.append(child)
    return child


def end(child, patience=20.0):
    """Asks a child to end, and ends it. Returns its exit code."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            say(f"{child.args[0]} did not end in {patience:.0f} s: killed")
            child.kill()
            child.wait(10)
    if child in _children:
        _children.remove(child)
    return child.returncode


@atexit.register
def _end_all():
    for child in list(_children):
        end(child, 2.0)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(url, post=False, patience=10.0):
    """The body of an answer; an `OSError` if there is none."""
    headers = {"content-type": "application/json"} if post else {}
    request = urllib.request.Request(url, method="POST" if post else "GET", headers=headers)
    with urllib.request.urlopen(request, timeout=patience) as answer:
        return answer.read().decode()


class Server:
    """`larder serve`, ready."""

    def __init__(self, bench, store, group=None, options=()):
        self.grpc, self.http, self.admin = (f"127.0.0.1:{free_port()}" for _ in range(3))
        command = pinned(bench.server_cpu) + [bench.larder, "serve", "--store", store]
        command += ["--server.grpc-addr", self.grpc, "--server.http-addr", self.http]
        command += ["--server.admin-addr", self.admin, *options]
        self.log = bench.logs / f"server-{self.admin.split(':')[1]}.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LARDER_")}
        environment["LARDER_CACHE_DIR"] = str(bench.work / "cache")
        with self.log.open("wb") as log:
            self.child = start(command, stdout=log, stderr=log, env=environment, cwd=bench.work,
                               preexec_fn=group.enter if group else None)
        self.pid = self.child.pid  # taskset becomes the program it starts
        self._wait_until_ready()

    def _wait_until_ready(self, patience=240.0):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                break
            if self.ready():
                return
            time.sleep(0.05)
        raise Unable(f"the server is not ready; the end of its log:\n{self.log.read_text()[-2000:]}")

    def ready(self):
        try:
            ask(f"http://{self.admin}/readyz", patience=2.0)
            return True
        except OSError:
            return False

    def url(self, protocol):
        return f"grpc://{self.grpc}" if protocol == "grpc" else f"http://{self.http}"

    def metrics(self):
        return f"http://{self.admin}/metrics"

    def scrape(self):
        return ask(self.metrics())

    def watch(self):
        return Watch(self.pid)

    def stop(self):
        return end(self.child)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Baseline(Server):
    """`larder-loadtest baseline`: the empty handlers with the answers of a server."""

    def __init__(self, bench, of, requests):
        command = pinned(bench.server_cpu) + [bench.loadtest, "baseline", "--requests", requests]
        command += ["--of", of.url("grpc"), "--of", of.url("http")]
        self.log = bench.logs / "baseline.log"
        with self.log.open("wb") as log:
            self.child = start(command, stdout=log, stderr=log)
        self.pid = self.child.pid
        self._wait_until_ready()
        addresses = dict(re.findall(r"^(grpc|http) (\S+)$", self.log.read_text(), re.M))
        self.grpc, self.http = addresses["grpc"], addresses["http"]

    def ready(self):
        return self.log.read_text().endswith("ready\n")


class Load:
    """A generator under way."""

    def __init__(self, bench, name, target, sent, *, duration, rps=None, profile=None, warmup=1.0, options=(),
                 metrics=None, keep=True):
        self.name, self.duration, self.warmup = name, duration, warmup
        folder = bench.out if keep else bench.logs
        self.file = folder / f"{name}.json"
        self.file.unlink(missing_ok=True)
        command = pinned(bench.generator_cpu) + [bench.loadtest, "run", "--target", target, *sent, *options]
        command += ["--rps", f"{rps:.1f}"] if rps else []
        command += ["--profile", profile] if profile else []
        command += ["--duration", f"{round(duration * 1000)}ms", "--warmup", f"{round(warmup * 1000)}ms"]
        command += ["--json", self.file]
        command += ["--metrics", metrics] if metrics else []
        # The command line stands in the report: as one would type it in the repository, wherever that is.
        command = [str(part).removeprefix(f"{bench.repository}/") for part in command]
        self.log = bench.logs / f"{name}.log"
        with self.log.open("wb") as log:
            self.child = start(command, stdout=log, stderr=log, cwd=bench.repository)
        self.began = time.monotonic()

    def report(self, patience=60.0):
        """Waits for the end. Exit code 1 (an objective missed) is a finding, not a failure."""
        left = self.began + self.warmup + self.duration + patience - time.monotonic()
        try:
            code = self.child.wait(max(1.0, left))
        except subprocess.TimeoutExpired:
            end(self.child, 2.0)
            raise Unable(f"the run {self.name} did not end; see {self.log}") from None
        end(self.child)
        if code not in (0, 1) or not self.file.exists():
            raise Unable(f"the run {self.name} ended with {code}:\n{self.log.read_text()[-2000:]}")
        return json.loads(self.file.read_text())


class Bench:
    """What all proofs share: the programs, the CPUs, the folders and what is sent."""

    def __init__(self, arguments, repository, out):
        self.larder, self.loadtest = Path(arguments.larder).resolve(), Path(arguments.loadtest).resolve()
        for program in (self.larder, self.loadtest):
            if not program.exists():
                raise Unable(f"{program} is not there: cargo build --release --workspace")
        cpus = sorted(os.sched_getaffinity(0))
        if arguments.no_pin or len(cpus) < 2:
            if not arguments.no_pin:
                raise Unable("one CPU for the server and one for the generator are needed; or give --no-pin")
            self.server_cpu = self.generator_cpu = None
        else:
            self.server_cpu, self.generator_cpu = cpus[0], cpus[1]
            os.sched_setaffinity(0, {cpus[1]})  # what we do ourselves is not the server's
        self.repository, self.out, self.smoke, self.quick = repository, out, arguments.smoke, arguments.quick
        self.store = Path(arguments.store).resolve()
        self.work = repository / "target" / "proofs"
        self.logs = self.work / "logs"
        for folder in (self.out, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
        self._recording = arguments.requests and Path(arguments.requests).resolve()
        self._given = self._recording is not None
        self._scenario = Path(arguments.scenario).resolve()
        self.rate = arguments.rate
        self.kafka = arguments.kafka and arguments.kafka.resolve()

    def seconds(self, full, smoke):
        return smoke if self.smoke else full

    def recording(self):
        """The mix as a file of requests, so that everything is sent exactly the same."""
        if self._recording is None:
            self._recording = self.work / "mix.jsonl"
            command = [self.loadtest, "record", "--scenario", self._scenario, "--out", self._recording]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=self.repository)
            if done.returncode != 0:
                raise Unable(f"the mix cannot be recorded: {done.stderr.strip()}")
        return self._recording

    def mix(self):
        return ["--requests", self.recording()]

    def day(self):
        """What the reference day sends: its own scenario, unless a recording was given."""
        if self._given:
            return self.mix()
        return ["--scenario", self.repository / "loadtest" / "scenarios" / "reference-day.toml"]

    def placements(self):
        """The placements of the mix, the most frequent first."""
        counts = Counter(json.loads(line)["placement"] for line in self.recording().read_text().splitlines() if line)
        return [name for name, _ in counts.most_common()]

    def only(self, placement):
        """The mix's requests to one placement."""
        file = self.work / f"only-{placement}.jsonl"
        lines = self.recording().read_text().splitlines()
        kept = [line for line in lines if line and json.loads(line)["placement"] == placement]
        file.write_text("\n".join(kept) + "\n")
        return ["--requests", file]

    def run(self, name, target, sent, **options):
        say(f"{name}: {options.get('profile') or '%.0f/s' % options['rps']} for {options['duration']:.0f} s")
        return Load(self, name, target, sent, **options).report()


def later(seconds, work):
    """Does something in a thread after a while; returns the thread."""
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()
    return timer
