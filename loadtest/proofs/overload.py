"""Three times what the server can do, for a minute, with a quiet stretch before and after."""

import statistics
import time

from capacity import known_rate
from day import lag
from programs import Server
from verdicts import Result

DEADLINE_MS = 100.0
HOW = (
    "Three runs back to back against one server on one CPU, the mix over gRPC, every request with a deadline of "
    "100 ms: half of the capacity, three times the capacity, half of it again. The last one has no warm-up: its "
    "first seconds are the recovery. Refusals are timed from sending to the refusal."
)


def prove(bench):
    result = Result("overload")
    normal_for, overload_for = bench.seconds(10.0, 3.0), bench.seconds(20.0 if bench.quick else 60.0, 4.0)
    # More connections than usual: a client that waits for one of its streams would not offer the load.
    options = ["--deadline", f"{DEADLINE_MS:.0f}ms", "--connections", "8"]
    with Server(bench, bench.store) as server:
        capacity = known_rate(bench, server)
        target, sent = server.url("grpc"), bench.mix()

        def run(name, rate, duration, warmup):
            return bench.run(name, target, sent, rps=rate, duration=duration, warmup=warmup, options=options,
                             metrics=server.metrics())

        with server.watch() as watch:
            before = run("overload-before", 0.5 * capacity, normal_for, 2.0)
            began = time.monotonic()
            overload = run("overload", 3.0 * capacity, overload_for, 0.0)
            ended = time.monotonic()
            scraped = server.scrape()
            gap = time.monotonic() - ended
            after = run("overload-after", 0.5 * capacity, normal_for, 0.0)
    summary = overload["summary"]
    result.tell("capacity", f"{capacity:,.0f}/s")
    result.tell("offered", f"{summary['offered'] / overload_for:,.0f}/s")
    result.tell("answered", f"{summary['answered'] / overload_for:,.0f}/s")
    result.at_least("answered in time, of capacity", 100 * summary["in_time"] / overload_for / capacity, 90.0, " %")
    result.at_most("p99 of what was answered", summary["p99_ms"], DEADLINE_MS, " ms")
    result.exactly("never sent", overload["errors"].get("NOT_SENT", {"count": 0})["count"], 0)
    refused = overload["errors"].get("RESOURCE_EXHAUSTED", {"count": 0})["count"]
    result.at_least("refused", refused, 1)
    if refused:
        result.at_most("p99 of the refusals, from sending", overload["refusals"]["p99_ms"], 1.0, " ms")
        result.tell("median of the refusals, from sending", f"{overload['refusals']['p50_ms']:.3g} ms")
        result.tell("refused within 1 ms of the request's head, by the server", f"{share_within_1_ms(scraped):.3g} %")
    others = {code: error["count"] for code, error in overload["errors"].items() if code != "RESOURCE_EXHAUSTED"}
    result.tell("other errors", ", ".join(f"{code} {count}" for code, count in sorted(others.items())) or "none")
    third = (ended - began) / 3
    early = statistics.median(watch.resident(began, began + third))
    late = statistics.median(watch.resident(ended - third, ended))
    result.tell("resident memory in the first third", f"{early / 2**20:.1f} MiB")
    result.at_most("resident memory in the last third, of that", 100 * late / early, 105.0, " %")
    result.at_most("back to normal after", gap + normal_after(before, after), 2.0, " s")
    degraded = ", ".join(f"{cause} {count}" for cause, count in sorted(overload["causes"].items()))
    result.tell("causes of degraded answers during", degraded or "none")
    result.tell("p99 before, after", f"{before['summary']['p99_ms']:.3g}, {after['summary']['p99_ms']:.3g} ms")
    result.exactly("errors before", before["summary"]["errors"], 0)
    lag(result, overload, 1.0)
    return result, HOW


def share_within_1_ms(metrics):
    """Of the server's refusals, by its own histogram, added up over whatever labels it has."""
    def count(name, label=""):
        lines = [line for line in metrics.splitlines() if line.startswith(name) and label in line]
        return sum(float(line.split()[-1]) for line in lines)
    return 100 * count("larder_refusal_seconds_bucket", 'le="0.001"') / max(1.0, count("larder_refusal_seconds_count"))


def normal_after(before, after):
    """Seconds until three in a row fail and degrade nothing, with a median near that of those before the overload."""
    limit = 1.5 * statistics.median(second["p50_ms"] for second in before["seconds"] if second["p50_ms"] is not None)

    def normal(second):
        return not second["errors"] and second["p50_ms"] is not None and second["p50_ms"] <= limit

    seconds = [normal(second) for second in after["seconds"]]
    for number in range(len(seconds)):
        if all(seconds[number:number + 3]):
            return float(number)
    return float(len(seconds))
