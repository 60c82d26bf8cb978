"""Slow and idle connections beside ordinary clients, who should notice nothing."""

import asyncio
import random
import statistics
import struct
import threading
import time

from day import lag
from programs import Load, Server, say
from verdicts import Result

SLOW, IDLE = 200, 1000
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = b"POST /v1/placements/pdp.similar:recommend HTTP/1.1\r\nhost: slow\r\ncontent-type: application/json\r\n"
HOW = (
    "A steady load over gRPC and over HTTP on fresh connections, in three stretches: before, during and after a "
    "time with 200 slow connections (a quarter each: request heads and bodies a byte at a time over HTTP; "
    "prefaces and frames a byte at a time over gRPC) and 1,000 idle ones, half on each port. The server keeps its"
    " default limits."
)


def _frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


# What each kind of slow client sends at once, and then byte by byte.
KINDS = {
    "slow heads": ("http", b"", HEAD + b"x-slow: " + b"z" * 500),
    "slow bodies": ("http", HEAD + b"content-length: 1000\r\n\r\n", b'{"placement": "pdp.similar"' + b" " * 500),
    "slow prefaces": ("grpc", b"", PREFACE),
    "slow frames": ("grpc", PREFACE + _frame(4, 0, 0, b""), _frame(1, 4, 1, b"\x83\x86" + b"\x00\x01a\x7fb" * 200)),
}


class SlowClients:
    """The slow and idle connections, held in a thread for as long as the context lasts."""

    def __init__(self, server, slow, idle):
        self.server = server
        self.wanted = [kind for kind in KINDS for _ in range(slow // len(KINDS))]
        self.idle = idle
        self.opened = self.closed = 0  # closed by the server
        self.failed = 0
        self._loop = asyncio.new_event_loop()
        self._all = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        if not self._all.wait(60):
            say(f"  only {self.opened} of {len(self.wanted) + self.idle} connections could be opened within a minute")
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)

    def _run(self):
        self._task = self._loop.create_task(self._hold())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass

    async def _hold(self):
        work = [self._slow(kind) for kind in self.wanted]
        work += [self._connection("grpc" if number % 2 else "http", b"", b"") for number in range(self.idle)]
        await asyncio.gather(*work)

    async def _slow(self, kind):
        protocol, first, rest = KINDS[kind]
        while True:  # a real one reconnects when the server has closed its connection
            await self._connection(protocol, first, rest)
            await asyncio.sleep(1.0)

    async def _connection(self, protocol, first, rest):
        host, port = (self.server.grpc if protocol == "grpc" else self.server.http).split(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            self.failed += 1
            return
        self.opened += 1
        if self.opened + self.failed >= len(self.wanted) + self.idle:
            self._all.set()
        try:
            writer.write(first)
            gone = asyncio.ensure_future(self._until_closed(reader))
            for byte in rest:
                done, _ = await asyncio.wait([gone], timeout=random.uniform(0.5, 1.5))
                if done:
                    break
                writer.write(bytes((byte,)))
            await gone
            self.closed += 1
        except OSError:
            self.closed += 1
        finally:
            writer.close()

    @staticmethod
    async def _until_closed(reader):
        try:
            while await reader.read(4096):
                pass
        except OSError:
            pass


def prove(bench):
    result = Result("slow-clients")
    slow, idle = (40, 100) if bench.smoke else (SLOW, IDLE)
    rps, duration = 500.0, bench.seconds(20.0, 3.0)
    stretches = {}
    with Server(bench, bench.store) as server:

        def stretch(name):
            say(f"slow clients: {name}, {rps:.0f}/s over gRPC and over HTTP for {duration:.0f} s")
            loads = [
                Load(bench, f"slow-clients-{name}-{protocol}", server.url(protocol), bench.mix(), rps=rps,
                     duration=duration, warmup=1.0, keep=name != "warmup")
                for protocol in ("grpc", "http")
            ]
            stretches[name] = [load.report() for load in loads]

        stretch("warmup")
        with server.watch() as watch:
            stretch("before")
            quiet = statistics.median(watch.resident())
            with SlowClients(server, slow, idle) as clients:
                say(f"  {clients.opened} connections opened, {clients.failed} refused")
                began = time.monotonic()
                stretch("during")
                loud = statistics.median(watch.resident(began))
                opened, failed, closed = clients.opened, clients.failed, clients.closed
            stretch("after")
    result.tell("slow and idle connections opened, refused, closed by the server", f"{opened}, {failed}, {closed}")
    result.at_least("open at the end", opened - closed, 0.9 * (slow + idle))
    for at, protocol in enumerate(("grpc", "http")):
        before, during, after = (stretches[name][at]["summary"] for name in ("before", "during", "after"))
        result.exactly(f"{protocol}: errors during and after", during["errors"] + after["errors"], 0)
        for key, slack in (("p50_ms", 0.1), ("p99_ms", 0.5)):
            usual = before[key]
            most = round(max(1.2 * usual, usual + slack), 3)
            figure = key.removesuffix("_ms")
            result.tell(f"{protocol}: {figure} before, after", f"{before[key]:.3g}, {after[key]:.3g} ms")
            result.at_most(f"{protocol}: {figure} after", after[key], most, " ms")
            result.at_most(f"{protocol}: {figure} during", during[key], most, " ms")
        lag(result, stretches["during"][at])
    result.tell("resident memory before, during", f"{quiet / 2**20:.0f}, {loud / 2**20:.0f} MiB")
    return result, HOW
