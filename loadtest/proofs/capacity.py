"""What one core carries, and what it spends on a request beside empty handlers that return the same bytes."""

import json
import statistics

from day import hurried
from machine import Unable, cpu_seconds
from programs import Baseline, Load, Server, say
from verdicts import Result

MODERATE = 2000.0
FIRST = 4000.0
P99_MS = 10.0
GRPC_SIMILAR, GRPC_MIX = 1.8, 4.0
BOTH_PROTOCOLS = ("mix", "pdp.similar")
HOW = (
    "Server on one CPU, generator on another. The highest rate is the highest that held p99 < 10 ms without "
    "errors, found by `--search` with trials of 3 s, each made once more if it did not hold. Requests are 10,000 "
    "made up from the sample shop's popularity, sent over and over; what of them depends on no person comes from "
    "the result cache. CPU per request is from the kernel's account of the server's threads, over alternating "
    "runs of Larder and of `larder-loadtest baseline` (a tonic service that clones and encodes a kept message; an"
    " axum handler that returns kept bytes) with the same requests at the same rate; the ratio's spread is that "
    "of the pairs."
)


def prove(bench):
    result = Result("capacity")
    figures = {}
    sends = {"mix": bench.mix()} | {name: bench.only(name) for name in bench.placements()}
    if bench.quick or bench.smoke:
        sends = {name: sent for name, sent in sends.items() if name in ("mix", "pdp.similar")}
    with Server(bench, bench.store) as server, Baseline(bench, server, bench.recording()) as baseline:
        for name, sent in sends.items():
            figures[name] = {}
            for protocol in ("grpc", "http") if name in BOTH_PROTOCOLS and not bench.quick else ("grpc",):
                rate, limited, hit_ratio = highest_rate(bench, server, protocol, sent, name)
                found = {"highest_rps": rate, "generators_limit": limited, "hit_ratio": hit_ratio, "moderate": None}
                moderate = min(MODERATE, 0.5 * rate)  # the same for all that can
                found["moderate"] = beside(bench, server, baseline, protocol, sent, name, moderate)
                if name in BOTH_PROTOCOLS:
                    found["at_80_percent"] = beside(bench, server, baseline, protocol, sent, name, 0.8 * rate)
                figures[name][protocol] = found
    with Server(bench, bench.store, options=["--limits.result-cache", "0"]) as server:
        with Baseline(bench, server, bench.recording()) as baseline:
            for name in BOTH_PROTOCOLS:
                rate = figures[name]["grpc"]["moderate"]["rps"]
                found = beside(bench, server, baseline, "grpc", sends[name], name, rate)
                figures[name]["grpc"]["without_cache"] = found
    (bench.out / "capacity.json").write_text(json.dumps(figures, indent=1) + "\n")
    for name, protocols in figures.items():
        for protocol, found in protocols.items():
            moderate = found["moderate"]
            bound = " or more" if found["generators_limit"] else ""
            result.tell(f"{name}, {protocol}: highest rate at p99 < 10 ms", f"{found['highest_rps']:,.0f}/s{bound}")
            result.tell(f"{name}, {protocol}: CPU per request, Larder and baseline",
                        f"{moderate['larder_us']:.1f} and {moderate['baseline_us']:.1f} us")
            most = {("pdp.similar", "grpc"): GRPC_SIMILAR, ("mix", "grpc"): GRPC_MIX}.get((name, protocol))
            if found["hit_ratio"] is not None:
                result.tell(f"{name}, {protocol}: from the result cache, of what it may keep",
                            f"{100 * found['hit_ratio']:.3g} %")
            for key, at in (("moderate", f"at {moderate['rps']:,.0f}/s"), ("at_80_percent", "at 80 %"),
                            ("without_cache", f"at {moderate['rps']:,.0f}/s without the result cache")):
                if key not in found:
                    continue
                low, high = found[key]["spread"]
                if found[key]["errors"]:
                    result.note(f"{name}, {protocol}, {at}: {found[key]['errors']} requests failed.")
                what = f"{name}, {protocol}: ratio {at} (spread {low:.2f} to {high:.2f})"
                if most and key != "at_80_percent":
                    result.at_most(what, found[key]["ratio"], most)
                else:
                    result.tell(what, found[key]["ratio"])
    if any(found["generators_limit"] for protocols in figures.values() for found in protocols.values()):
        result.note("\"Or more\": above this rate the generator itself sent late, so the server's limit may be higher.")
    return result, HOW


def known_rate(bench, server):
    """The highest rate of the mix over gRPC: as given, as the capacity proof found it here, or found now."""
    file = bench.out / "capacity.json"
    if bench.rate is None and file.exists():
        bench.rate = json.loads(file.read_text())["mix"]["grpc"]["highest_rps"]
    if bench.rate is None:
        bench.rate = highest_rate(bench, server, "grpc", bench.mix(), "mix")[0]
    return bench.rate


def highest_rate(bench, server, protocol, sent, name):
    """The highest rate at which p99 stays below the limit, without errors, and whether the generator set it."""
    trial = bench.seconds(3.0, 1.0)
    options = ["--search", f"p99<{P99_MS:.0f}ms,errors=0", "--trial", f"{trial:.0f}s", "--pause", "300ms"]
    run = f"search-{name}-{protocol}"
    say(f"{run}: doubling from {FIRST:,.0f}/s, then halving the gap")
    load = Load(bench, run, server.url(protocol), sent, rps=FIRST, duration=trial, warmup=0.5, options=options,
                keep=name == "mix", metrics=server.metrics())
    report = load.report(patience=40 * (trial + 5))
    if not report["search"]:
        raise Unable(f"no rate holds p99 < {P99_MS:.0f} ms over {protocol} for {name}; see {load.log}")
    rate = report["setup"]["rps"]
    limited = generators_limit(rate, report["search"])
    most = ", the most that the generator could send" if limited else ""
    say(f"  {rate:,.0f}/s in {len(report['search'])} trials{most}")
    if hurried(report):
        raise Unable(f"at {rate:,.0f}/s answers were degraded by time or failure: {report['causes']}")
    return rate, limited, report["server"]["cache_hit_ratio"]


def generators_limit(rate, trials):
    """Whether the lowest rate above that was not held was void: sent late."""
    broke = [trial for trial in trials if trial["rps"] > rate and (trial["void"] or not trial["held"])]
    return bool(broke) and min(broke, key=lambda trial: trial["rps"])["void"]


def beside(bench, server, baseline, protocol, sent, name, rate):
    """CPU per request of both, in alternation."""
    rounds = 2 if bench.smoke else 3
    duration = bench.seconds(3.0, 1.0)
    pairs, errors = [], 0
    for _ in range(rounds):
        pair = []
        for who, process in (("larder", server), ("baseline", baseline)):
            began = cpu_seconds(process.pid)
            run = f"cpu-{name}-{protocol}-{who}"
            report = bench.run(run, process.url(protocol), sent, rps=rate, duration=duration, warmup=0.0, keep=False)
            if report["summary"]["errors"] > 0.01 * report["summary"]["offered"]:
                raise Unable(f"{run} had errors: {report['errors']}")
            errors += report["summary"]["errors"]
            answered = max(1, report["summary"]["answered"])
            pair.append((cpu_seconds(process.pid) - began) * 1e6 / answered)
        pairs.append(pair)
    ratios = sorted(larder / empty for larder, empty in pairs)
    return {
        "rps": rate,
        "larder_us": statistics.median(larder for larder, _ in pairs),
        "baseline_us": statistics.median(empty for _, empty in pairs),
        "ratio": statistics.median(ratios),
        "spread": [ratios[0], ratios[-1]],
        "errors": errors,
        "pairs": pairs,
    }
