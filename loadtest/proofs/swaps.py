"""Snapshot swaps under load: ten within minutes, or one a minute for twenty minutes."""

import statistics
import time

import trend
from capacity import known_rate
from day import lag
from programs import Load, Server, later, say
from stores import SNAPSHOTS, RotatingStore
from verdicts import Result

SWAPS = (
    "Half of the capacity over gRPC while the channel goes round three snapshots that were trained apart and "
    "share no artifact. Memory's level, before and after, is the median over two rounds of all three, after a "
    "first one that does not count. A swap's window is its second and two on either side."
)
SOAK = (
    "Half of the capacity over gRPC, with a swap every minute. By minute: the median of resident memory, and the "
    "median of the seconds' p99. The slope is Theil's and Sen's with its 95 % interval; a trend is a slope whose "
    "interval leaves out zero and that would change the figure by more than the tolerance over the run."
)


class Swapper:
    """Swaps at fixed times after its start, in a thread."""

    def __init__(self, store, server, moments):
        self.failures = []
        self.done = 0
        self.slowest = 0.0
        self.timers = [later(moment, lambda: self._swap(store, server)) for moment in moments]

    def _swap(self, store, server):
        try:
            self.slowest = max(self.slowest, store.swap(server))
            self.done += 1
        except Exception as error:  # in a timer's thread: the proof reports it
            self.failures.append(str(error))
            say(f"  a swap failed: {error}")

    def join(self):
        for timer in self.timers:
            timer.join(90)


def prove(bench):
    result = Result("swaps")
    swaps, every = (3, 3.0) if bench.smoke else (10, 12.0)
    store = RotatingStore(bench)
    with Server(bench, store.folder, options=["--snapshot.poll-interval", "1h"]) as server:
        rate = 0.5 * known_rate(bench, server)
        target, sent = server.url("grpc"), bench.mix()
        bench.run("swaps-warmup", target, sent, rps=rate, duration=bench.seconds(5.0, 1.0), keep=False)
        with server.watch() as watch:
            level = statistics.median(rounds(bench, store, server, watch, target, sent, rate))
            began = time.monotonic()
            duration = (swaps + 1) * every
            say(f"swaps: {rate:,.0f}/s for {duration:.0f} s, {swaps} swaps")
            load = Load(bench, "swaps", target, sent, rps=rate, duration=duration, metrics=server.metrics())
            swapper = Swapper(store, server, [load.warmup + every * (n + 0.75) for n in range(swaps)])
            report = load.report()
            swapper.join()
            after = statistics.median(rounds(bench, store, server, watch, target, sent, rate))
            peak = max(watch.resident(began))
    summary, windows = report["summary"], report["swap_windows"]
    result.exactly("swaps seen in the answers", len(report["swaps"]), swaps)
    result.exactly("failed refreshes", len(swapper.failures), 0)
    result.at_most("slowest swap, from the request to the new snapshot's service", swapper.slowest, 2.0, " s")
    result.tell("offered", summary["offered"])
    result.exactly("errors", summary["errors"], 0)
    result.tell("p99 outside the windows", ms(windows["p99_outside_ms"]))
    result.tell("p99 inside the windows", ms(windows["p99_inside_ms"]))
    result.at_most("inside over outside", windows["ratio"], 1.2)
    worst = [swap["ratio"] for swap in report["swaps"] if swap["ratio"] is not None]
    result.tell("worst single swap over its own before", max(worst, default=None))
    result.tell("resident memory: level before", f"{level / 2**20:.1f} MiB")
    result.tell("resident memory: peak during", f"{peak / 2**20:.1f} MiB")
    result.at_most("resident memory: after, of the level before", 100 * after / level, 103.0, " %")
    lag(result, report)
    return result, SWAPS


def rounds(bench, store, server, watch, target, sent, rate):
    """Serves every snapshot in turn under load; resident memory of each after a while, from the second round on."""
    levels = []
    for _ in range(3 * SNAPSHOTS):
        store.swap(server)
        bench.run("swaps-level", target, sent, rps=rate, duration=bench.seconds(4.0, 1.0), warmup=0.0, keep=False)
        levels.append(statistics.median(watch.resident(time.monotonic() - 2.0)))
    return levels[SNAPSHOTS:]


def soak(bench):
    result = Result("soak")
    minute = 6.0 if bench.smoke else 60.0
    minutes = 4 if bench.smoke else 5 if bench.quick else 20
    store = RotatingStore(bench)
    with Server(bench, store.folder, options=["--snapshot.poll-interval", "1h"]) as server:
        rate = 0.5 * known_rate(bench, server)
        target, sent = server.url("grpc"), bench.mix()
        with server.watch() as watch:
            rounds(bench, store, server, watch, target, sent, rate)
            say(f"soak: {rate:,.0f}/s for {minutes * minute / 60:.0f} min, a swap every {minute:.0f} s")
            load = Load(bench, "soak", target, sent, rps=rate, duration=minutes * minute, metrics=server.metrics())
            began = load.began + load.warmup
            swapper = Swapper(store, server, [load.warmup + minute * (n + 0.5) for n in range(minutes)])
            report = load.report()
            swapper.join()
    result.tell("offered", report["summary"]["offered"])
    result.exactly("errors", report["summary"]["errors"], 0)
    result.exactly("swaps seen in the answers", len(report["swaps"]), minutes)
    memory, slow = [], []
    for n in range(minutes):
        resident = watch.resident(began + n * minute, began + (n + 1) * minute)
        memory.append(statistics.median(resident) / 2**20)
        seconds = report["seconds"][int(n * minute):int((n + 1) * minute)]
        slow.append(statistics.median(s["p99_ms"] for s in seconds if s["p99_ms"] is not None))
    for what, unit, values, tolerance in (("resident memory", "MiB", memory, 2.0), ("p99", "ms", slow, 10.0)):
        slope, low, high = trend.theil_sen(values)
        change = 100 * slope * (len(values) - 1) / statistics.median(values)
        result.tell(f"{what}: first and last minute", f"{values[0]:.3g}, {values[-1]:.3g} {unit}")
        result.tell(f"{what}: slope a minute (95 %)", f"{slope:.2g} ({low:.2g} to {high:.2g}) {unit}")
        none = low <= 0.0 <= high or abs(change) <= tolerance
        result.check(f"{what}: change over the run by the slope", f"{change:.2g} %",
                     f"no trend ({tolerance:.0f} %)", none)
    lag(result, report)
    return result, SOAK


def ms(value):
    return None if value is None else f"{value:.3g} ms"
