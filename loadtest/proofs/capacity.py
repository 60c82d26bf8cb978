"""What one core carries, and what it spends on a request beside the empty handlers that return the same bytes."""

import json
import statistics

from machine import cpu_seconds
from programs import Bare, Server, say
from verdicts import Result

MODERATE = 2000.0
P99_MS = 10.0
GRPC_SIMILAR, GRPC_MIX = 1.8, 4.0
HOW = (
    "Server on one CPU, generator on another. The highest rate is the highest that held p99 < 10 ms without errors, found by "
    "doubling and then halving the gap. CPU per request is from the kernel's account of the server's threads, over "
    "alternating runs of Larder and of `larder-loadtest bare` (a tonic service that clones and encodes a kept message; an "
    "axum handler that returns kept bytes) with the same requests at the same rate; the ratio's spread is that of the pairs."
)


def prove(bench):
    result = Result("capacity")
    figures = {}
    sends = {"mix": bench.mix()} | {name: bench.only(name) for name in bench.placements()}
    if bench.quick or bench.smoke:
        sends = {name: sent for name, sent in sends.items() if name in ("mix", "pdp.similar")}
    with Server(bench, bench.store) as server, Bare(bench, server, bench.recording()) as bare:
        for name, sent in sends.items():
            figures[name] = {}
            for face in ("grpc", "http"):
                rate = highest_rate(bench, server, face, sent, name)
                found = {"highest_rps": rate, "moderate": beside(bench, server, bare, face, sent, name, MODERATE)}
                if name in ("mix", "pdp.similar"):
                    found["at_80_percent"] = beside(bench, server, bare, face, sent, name, 0.8 * rate)
                figures[name][face] = found
    (bench.out / "capacity.json").write_text(json.dumps(figures, indent=1) + "\n")
    for name, faces in figures.items():
        for face, found in faces.items():
            moderate = found["moderate"]
            result.tell(f"{name}, {face}: highest rate at p99 < 10 ms", f"{found['highest_rps']:,.0f}/s")
            result.tell(f"{name}, {face}: CPU per request, Larder and empty",
                        f"{moderate['larder_us']:.1f} and {moderate['bare_us']:.1f} us")
            most = {("pdp.similar", "grpc"): GRPC_SIMILAR, ("mix", "grpc"): GRPC_MIX}.get((name, face))
            for key, at in (("moderate", f"at {moderate['rps']:,.0f}/s"), ("at_80_percent", "at 80 %")):
                if key not in found:
                    continue
                low, high = found[key]["spread"]
                what = f"{name}, {face}: ratio {at} (spread {low:.2f} to {high:.2f})"
                if most and key == "moderate":
                    result.at_most(what, found[key]["ratio"], most)
                else:
                    result.tell(what, found[key]["ratio"])
    return result, HOW


def highest_rate(bench, server, face, sent, name):
    """The highest rate at which p99 stays below the limit, without errors, to within 4 %."""
    duration = bench.seconds(3.0 if bench.quick else 4.0, 1.0)
    target = server.url(face)

    def holds(rate):
        report = bench.run(f"probe-{name}-{face}", target, sent, rps=rate, duration=duration, warmup=0.5, keep=False)
        summary = report["summary"]
        held = summary["errors"] == 0 and (summary["p99_ms"] or 1e9) < P99_MS
        late = report["lag"]["p99_ms"] or 0.0
        generator = ", and the generator sent late" if late > P99_MS / 2 else ""
        say(f"  {rate:,.0f}/s: p99 {summary['p99_ms'] or 0:.3g} ms, {summary['errors']} errors: "
            f"{'holds' if held else 'does not hold'}{generator}")
        return held

    low, high = 0.0, 2 * MODERATE
    while holds(high) or (not low and holds(high)):  # the first probe may meet a cold server
        low, high = high, high * 2
    if not low:
        while high > 20 and not holds(high / 2):
            high /= 2
        low = high / 2
    while high / low > (1.3 if bench.smoke else 1.04):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def beside(bench, server, bare, face, sent, name, rate):
    """CPU per request of both, in alternation."""
    rounds = 2 if bench.smoke else 3 if bench.quick else 5
    duration = bench.seconds(3.0, 1.0)
    pairs = []
    for _ in range(rounds):
        pair = []
        for who, process in (("larder", server), ("bare", bare)):
            began = cpu_seconds(process.pid)
            run = f"cpu-{name}-{face}-{who}"
            report = bench.run(run, process.url(face), sent, rps=rate, duration=duration, warmup=0.0, keep=False)
            answered = max(1, report["summary"]["answered"])
            pair.append((cpu_seconds(process.pid) - began) * 1e6 / answered)
        pairs.append(pair)
    ratios = sorted(larder / empty for larder, empty in pairs)
    return {
        "rps": rate,
        "larder_us": statistics.median(larder for larder, _ in pairs),
        "bare_us": statistics.median(empty for _, empty in pairs),
        "ratio": statistics.median(ratios),
        "spread": [ratios[0], ratios[-1]],
        "pairs": pairs,
    }
