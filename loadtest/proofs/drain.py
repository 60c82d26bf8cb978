"""SIGTERM under load: two servers behind a balancer as clouds have it, one of them shut down."""

import asyncio
import functools
import signal
import threading
import time

from day import lag
from programs import Load, Server, ask, free_port, say
from verdicts import Result

DELAY = "2s"  # longer than the balancer takes to notice
LOOK_EVERY = 0.2
HOW = (
    "Two servers behind a balancer of connections (a few lines of asyncio) that looks at /readyz five times a "
    "second and sends new connections to the first server that is ready. Clients over gRPC and HTTP at the same "
    f"time; the server that has all of them gets SIGTERM, with --server.shutdown-delay {DELAY}. The clients are "
    "`larder-loadtest`: they open a new connection after GOAWAY or `connection: close`, and send a request again "
    "only where the protocol says that it was not begun."
)


class Balancer:
    """Forwards connections by their bytes: to the first ready server, in the order given."""

    def __init__(self, servers):
        self.servers = servers
        self.ready = [True] * len(servers)
        self.connections = [0] * len(servers)  # ever opened
        self.ports = {protocol: free_port() for protocol in ("grpc", "http")}
        self._loop = asyncio.new_event_loop()
        self._opened = threading.Event()
        threading.Thread(target=self._loop.run_until_complete, args=[self._serve()], daemon=True).start()
        if not self._opened.wait(10):
            raise OSError("the balancer does not open its ports")

    def url(self, protocol):
        return f"{protocol}://127.0.0.1:{self.ports[protocol]}"

    async def _serve(self):
        for protocol, port in self.ports.items():
            forward = functools.partial(self._forward, protocol)
            await asyncio.start_server(forward, "127.0.0.1", port, backlog=512)
        self._opened.set()
        while True:
            for number, server in enumerate(self.servers):
                self.ready[number] = await asyncio.to_thread(server.ready)
            await asyncio.sleep(LOOK_EVERY)

    async def _forward(self, protocol, reader, writer):
        for number, server in enumerate(self.servers):
            if not self.ready[number]:
                continue
            host, port = (server.grpc if protocol == "grpc" else server.http).split(":")
            try:
                far_reader, far_writer = await asyncio.open_connection(host, int(port))
            except OSError:
                continue
            self.connections[number] += 1
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
            return
        writer.close()


async def _pour(reader, writer):
    """Until the end of one direction, which is passed on."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


def prove(bench):
    result = Result("drain")
    rps = 100.0 if bench.smoke else 2000.0
    duration = bench.seconds(20.0, 6.0)
    going_at = duration * 0.4
    options = ["--server.shutdown-delay", DELAY]
    with Server(bench, bench.store, options=options) as going, Server(bench, bench.store, options=options) as staying:
        balancer = Balancer([going, staying])
        say(f"drain: {rps:.0f}/s over gRPC and over HTTP for {duration:.0f} s, SIGTERM after {going_at:.0f} s")
        loads = {
            protocol: Load(bench, f"drain-{protocol}", balancer.url(protocol), bench.mix(), rps=rps, duration=duration,
                           options=["--connections", "8"])
            for protocol in ("grpc", "http")
        }
        time.sleep(1.0 + going_at)
        all_there = balancer.connections[1] == 0
        signalled = time.monotonic()
        going.child.send_signal(signal.SIGTERM)
        code = going.child.wait(60)
        took = time.monotonic() - signalled
        say(f"  the server ended after {took:.2f} s")
        reports = {protocol: load.report() for protocol, load in loads.items()}
        served = [line for line in ask(staying.metrics()).splitlines() if line.startswith("larder_requests_total")]
    result.check("all connections were with the server that went", str(all_there), "yes", all_there)
    for protocol, report in reports.items():
        result.tell(f"{protocol}: offered", report["summary"]["offered"])
        result.exactly(f"{protocol}: failed requests", report["summary"]["errors"], 0)
        for error, entry in report["errors"].items():
            result.note(f"{protocol}: {entry['count']} x {error}: {entry['example']}")
        result.tell(f"{protocol}: sent again, because the server had not begun", report["retries"])
        result.tell(f"{protocol}: slowest answer", f"{report['summary']['max_ms']:.3g} ms")
        lag(result, report)
    result.tell("new connections at the server that stayed", balancer.connections[1])
    result.check("the server that stayed answered", str(bool(served)), "yes", bool(served))
    result.exactly("exit code of the server that went", code, 0)
    result.tell("it ended after", f"{took:.3g} s")
    return result, HOW
