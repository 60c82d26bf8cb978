"""The reference day: 200 to 800 to 200 requests a second, on the smallest machine that can be rented."""

from machine import ControlGroup
from programs import Server, say
from verdicts import Result

CORES, MEMORY = 0.25, 512 << 20
# Causes that lie in the request, whatever the load: the user or the item is unknown, or there is little to choose from.
OF_THE_REQUEST = {"unknown_user", "unknown_items", "no_signal", "few_candidates", "filtered", "exclusions_relaxed"}
HOW = (
    "The server in a control group of 0.25 vCPU (25 ms of every 100 ms) and 512 MiB, on one CPU; the generator on"
    " another. `scenarios/reference-day.toml` over gRPC, 200 to 800 to 200 requests a second. Peak CPU is the "
    "most over any five seconds, from the kernel's own account of the server's threads. Degraded are answers "
    "whose quality was lowered by time or failure; slates that are short because the shopper or the item is "
    "unknown are counted beside them."
)


def prove(bench):
    result = Result("reference-day")
    profile = "diurnal:200..800"
    duration = bench.seconds(360.0 if not bench.quick else 120.0, 8.0)
    group = ControlGroup(CORES, MEMORY)
    try:
        with Server(bench, bench.store, group=group) as server:
            sent = bench.day()
            bench.run("day-warmup", server.url("grpc"), sent, rps=200, duration=3.0, keep=False)
            before = group.figures()
            with server.watch() as watch:
                report = bench.run("reference-day", server.url("grpc"), sent, profile=profile, duration=duration,
                                   metrics=server.metrics())
            after = group.figures()
    finally:
        group.remove()
    summary = report["summary"]
    share = 100 * watch.peak_cores() / CORES
    result.tell("offered", summary["offered"])
    result.exactly("errors", summary["errors"], 0)
    result.exactly("degraded by time or failure", hurried(report), 0)
    result.at_most("p50", summary["p50_ms"], 2.0, " ms")
    result.at_most("p99", summary["p99_ms"], 10.0, " ms")
    result.tell("p99.9", f"{summary['p999_ms']:.3g} ms")
    result.at_most("peak CPU, of the quota", share, 60.0, " %")
    result.tell("mean CPU, of the quota", f"{100 * watch.cpu() / (duration + 1) / CORES:.3g} %")
    result.tell("CPU per request", f"{watch.cpu() * 1e6 / max(1, summary['answered']):.3g} us")
    throttled, periods = after["throttled"] - before["throttled"], after["periods"] - before["periods"]
    result.at_least("periods that the kernel counted for the group", periods, 9 * duration)
    result.tell("periods in which the quota ran out", throttled)
    result.tell("stopped by the quota", f"{after['throttled_s'] - before['throttled_s']:.3g} s")
    if after["peak_bytes"]:
        result.tell("peak memory of the group, with file cache", f"{after['peak_bytes'] / 2**20:.0f} MiB")
    result.at_most("peak resident memory", max(watch.resident()) / 2**20, MEMORY / 2**20, " MiB")
    ratio = report["server"]["cache_hit_ratio"]
    if ratio is not None:
        result.tell("from the result cache, of what it may keep", f"{100 * ratio:.3g} %")
    short(result, report)
    lag(result, report)
    return result, HOW


def hurried(report):
    """Answers that were lowered by anything but the request itself. One with several such causes counts for each."""
    if report["degraded"] and not report["causes"]:
        return sum(report["degraded"].values())  # nobody says why
    return sum(count for cause, count in report["causes"].items() if cause not in OF_THE_REQUEST)


def short(result, report):
    """Slates that are not in full because of the requests themselves, whatever the load."""
    summary = report["summary"]
    result.tell("in full, of the answered", f"{100 * (1 - summary['degraded'] / summary['answered']):.4g} %")
    if report["degraded"]:
        levels = ", ".join(f"{level} {count}" for level, count in sorted(report["degraded"].items()))
        causes = ", ".join(f"{cause} {count}" for cause, count in sorted(report["causes"].items()))
        result.note(f"Answers that were not in full, by level: {levels}; by cause: {causes}.")


def lag(result, report, most_ms=2.0):
    """Says so if the generator was what was slow."""
    late = report["lag"]["p99_ms"]
    if late is not None and late > most_ms:
        result.note(f"The generator sent late (p99 {late:.3g} ms, contained in the latencies): it lacked CPU itself.")
        say(result.notes[-1])
