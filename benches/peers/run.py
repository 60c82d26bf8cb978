#!/usr/bin/env python3
"""Larder beside the libraries that do the same, on the same data in one run: prints one table of ratios.

    python3 benches/peers/run.py [--quick] [--only sessions trees vectors]

Needs cargo, Python 3.11 with venv, gcc, and the network the first time (crates.io and PyPI). The Python side goes into a
virtual environment, data and the peers' tuned indexes into a folder, both outside the repository; the second run finds
them there. Writes results.json beside this file (not with --quick, unless --out says where).
"""

import argparse
import datetime
import hashlib
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "larder-peers"
PARTS = ("sessions", "trees", "vectors")
VECTORS = ("mix-100k-64", "mf-100k-64", "mix-100k-128", "mix-1m-64", "mf-1m-64")
VECTORS_QUICK = ("mix-100k-64", "mf-100k-64")
PEERS = ("scann", "voyager", "hnswlib-augmented", "faiss-ivf-sq8", "faiss-ivf-pq", "faiss-flat")
RECALL = 0.95


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def stop(text):
    sys.exit(f"run.py: {text}")


def run_text(command):
    """Runs a program and returns what it prints; its progress goes to our stderr."""
    command = [str(part) for part in command]
    say("$ " + shlex.join(command))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        stop(f"{Path(command[0]).name} ended with {done.returncode}; what it said stands above")
    return done.stdout.strip()


def run_json(command):
    """A program whose whole output, or last line, is JSON."""
    text = run_text(command)
    for candidate in (text, text.splitlines()[-1] if text else ""):
        try:
            return json.loads(candidate)
        except ValueError:
            continue
    stop(f"{command[0]} printed no JSON: {text[:200]!r}")


def python_side(folder):
    """A virtual environment with exactly the pinned packages; made anew when the pins change."""
    python, mark = folder / "bin" / "python", folder / "larder-requirements.sha256"
    pins = (HERE / "requirements.txt").read_bytes()
    digest = hashlib.sha256(pins).hexdigest()
    if python.exists() and mark.exists() and mark.read_text() == digest:
        return python
    say(f"installing benches/peers/requirements.txt into {folder}")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
    if subprocess.run([*pip, "-r", str(HERE / "requirements.txt")]).returncode != 0:
        # One library without a wheel for this machine must not take the others with it.
        say("not all at once; trying one by one")
        for line in pins.decode().splitlines():
            name = line.split("#")[0].strip()
            if name and subprocess.run([*pip, name]).returncode != 0:
                say(f"{name} cannot be had here")
    else:
        mark.write_text(digest)
    return python


def rust_side():
    """Builds the package beside this file; program name -> path."""
    command = ["cargo", "build", "--release", "--manifest-path", str(HERE / "Cargo.toml")]
    command += ["--message-format", "json-render-diagnostics"]
    say("$ " + shlex.join(command))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        stop("the Rust side does not build; see above")
    messages = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    return {m["target"]["name"]: m["executable"] for m in messages if m.get("executable")}


def program(programs, name):
    return programs.get(name) or stop(f"benches/peers/Cargo.toml has no program {name}")


def row(question, data, ours, theirs, unit, **more):
    """One ratio. `ours` and `theirs` are lists, a figure from each round; each round's own ratio is kept beside."""
    pairs = [round(b / a, 2) for a, b in zip(ours, theirs)]
    a, b = statistics.median(ours), statistics.median(theirs)
    return {
        "question": question, "data": data, "ours": round(a, 2), "theirs": round(b, 2), "unit": unit,
        "ratio": round(b / a, 2), "rounds": pairs, **more,
    }


def sessions(programs, python, arguments):
    """Both sides live in one Rust program, which alternates them itself and prints a row a line."""
    text = run_text([program(programs, "peers-sessions")] + (["--small"] if arguments.quick else []))
    found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    rows = []
    for one in found:
        more = {key: value for key, value in one.items() if key not in ("question", "data", "ours", "theirs", "unit", "ratio")}
        rows.append(row(one["question"], one["data"], [one["ours"]], [one["theirs"]], one["unit"], **more))
    return rows, {}, []


def trees(programs, python, arguments):
    """trees.py times the libraries and runs our program in turn with them."""
    command = [python, HERE / "trees.py", "--data", arguments.data / "trees", "--ours", program(programs, "peers-trees")]
    result = run_json(command + ["--rounds", 3 if arguments.quick else 7])
    rows = []
    for kind, found in result["results"].items():
        ours = {model: [micros(one) for one in rounds] for model, rounds in found["ours"].items()}
        for peer, theirs in found["peers"].items():
            rows.append(row(f"trees/{peer}", f"{kind}, {result['rows']} rows", ours[theirs["model"]], theirs["rounds"], "us"))
    return rows, result, result["missing"]


def micros(result):
    """The microseconds of one call, by the first name that fits."""
    for key in ("us_p50", "us_median", "us", "us_mean"):
        if key in result:
            return float(result[key])
    stop(f"no time in what the program printed: {str(result)[:200]}")


def vectors(programs, python, arguments):
    """Peers and ours in turn, some rounds a data set. Tuning of the peers comes before, once, and is kept."""
    folder, ours_program = arguments.data / "vectors", program(programs, "peers-vectors")
    names = VECTORS_QUICK if arguments.quick else VECTORS
    subprocess.run([str(python), str(HERE / "vectors_data.py"), "--out", str(folder), "--only", *names], check=True)
    rows, details, missing = [], {}, set()
    for name in names:
        theirs, ours = {}, []
        for turn in range(2 if arguments.quick or "-1m-" in name else 3):
            say(f"vectors {name}: round {turn + 1}")
            peers = [peer for peer in PEERS if f"{peer}@{name}" not in arguments.leave_out]
            found = run_json([python, HERE / "vectors.py", "--data", folder, "--only", name, "--peers", *peers])
            missing.update(left for left in arguments.leave_out if left.endswith(f"@{name}"))
            missing.update(found["missing"])
            for peer, result in found["results"][name].items():
                theirs.setdefault(peer, []).append(result)
            ours.append(run_json([ours_program, "--data", folder, "--name", name, "--k", 100, "--json"]))
        details[name] = {"ours": ours, "peers": theirs}
        rows += vector_rows(name, ours, theirs)
    return rows, details, sorted(missing)


def vector_rows(name, ours, theirs):
    our_times, recall = [one["us_mean"] for one in ours], min(one["recall"] for one in ours)
    rows, named = [], []
    for peer, results in theirs.items():
        if peer == "faiss-flat":
            if all("exact" in one for one in ours):
                exact = [one["exact"]["us_mean"] for one in ours]
                rows.append(row("vectors/exact", f"{name}, faiss-flat", exact, [one["us_mean"] for one in results], "us"))
            continue
        peer_recall = min(one["recall"] for one in results)
        if peer_recall < RECALL:
            say(f"vectors {name}: {peer} never reached recall {RECALL}; its best is {peer_recall}")
            continue
        one = row(f"vectors/{peer}", name, our_times, [one["us_mean"] for one in results], "us",
                  index=ours[0].get("index"), recall=recall, recall_theirs=peer_recall, setting=results[0]["setting"])
        rows.append(one)
        if results[0]["named"]:
            named.append((one, peer))
    if named:
        best, peer = min(named, key=lambda pair: pair[0]["theirs"])
        rows.append({**best, "question": "vectors/best", "data": f"{name}, {peer}"})
    if recall < RECALL:
        for one in rows:
            if one["question"] != "vectors/exact":
                one["ratio"], one["void"] = 0.0, f"ours reached recall {recall} only"
    return rows


def filters(details):
    """Our time with filters as a multiple of our time without, for each data set: nothing of the peers in it."""
    lines = []
    for name, found in details.items():
        for share, one in found["ours"][-1].get("filtered", {}).items():
            if "us_mean" in one:
                times = one["us_mean"] / found["ours"][-1]["us_mean"]
                lines.append(f"  {name}, filter keeps {share}: {times:.2f} x unfiltered, recall {one.get('recall')}")
    return lines


def machine(python):
    def first(path, key):
        try:
            lines = Path(path).read_text().splitlines()
        except OSError:
            return "unknown"
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "unknown")

    memory = first("/proc/meminfo", "MemTotal").split()
    rustc = subprocess.run(["rustc", "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    installed = subprocess.run([str(python), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"],
                               stdout=subprocess.PIPE, text=True).stdout
    pinned = {line.split("==")[0].strip() for line in (HERE / "requirements.txt").read_text().splitlines() if "==" in line}
    flags = set(first("/proc/cpuinfo", "flags").split())
    return {
        "cpu": first("/proc/cpuinfo", "model name"), "cores": os.cpu_count(),
        "simd": [flag for flag in ("avx2", "avx512bw", "avx512_vnni") if flag in flags],
        "ram": f"{int(memory[0]) / 2**20:.0f} GiB" if memory[0].isdigit() else "unknown",
        "os": f"{platform.system()} {platform.release().split('-')[0]}", "date": datetime.date.today().isoformat(),
        "versions": {"rustc": rustc, "python": platform.python_version(),
                     **{p["name"]: p["version"] for p in json.loads(installed) if p["name"] in pinned}},
    }


def in_order(rows):
    """Questions by name; in each the smallest ratio first, marked."""
    ordered = []
    for question in sorted({one["question"] for one in rows}):
        same = sorted((one for one in rows if one["question"] == question), key=lambda one: one["ratio"])
        ordered += [{**one, "smallest": place == 0} for place, one in enumerate(same)]
    return ordered


def table(rows):
    lines = [("question", "data", "ours", "theirs", "unit", "ratio")]
    for one in rows:
        mark = "" if one["smallest"] else "  "
        ratio = "missed" if "void" in one else f"{one['ratio']:.2f}"
        lines.append((mark + one["question"], one["data"], f"{one['ours']:,.1f}", f"{one['theirs']:,.1f}", one["unit"], ratio))
    widths = [max(len(line[i]) for line in lines) for i in range(6)]
    text = []
    for line in lines:
        cells = [cell.rjust(width) if i in (2, 3, 5) else cell.ljust(width) for i, (cell, width) in enumerate(zip(line, widths))]
        text.append("  ".join(cells).rstrip())
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(text)


def kept(path, parts, here):
    """Ratios of other parts from an earlier run on this kind of machine."""
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        return [], {}
    if before["machine"]["cpu"] != here["cpu"] or before["machine"]["cores"] != here["cores"]:
        return [], {}
    return ([one for one in before["ratios"] if one["part"] not in parts],
            {part: run for part, run in before["runs"].items() if part not in parts})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="small data sets and few rounds; writes no results.json")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="PEER@DATA",
                        help="peers not to be tuned on a data set, such as voyager@mix-1m-64; the results name them as missing")
    parser.add_argument("--venv", type=Path, default=CACHE / "venv", help="Python packages (default: %(default)s)")
    parser.add_argument("--data", type=Path, default=CACHE / "data", help="generated data (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="where the results go (default: results.json beside this file)")
    arguments = parser.parse_args()
    begun = time.time()
    (arguments.data / "vectors").mkdir(parents=True, exist_ok=True)
    python, programs = python_side(arguments.venv), rust_side()
    here = machine(python)
    # Folders are this machine's own affair, and change nothing.
    chosen = (["--only", *arguments.only] if set(arguments.only) != set(PARTS) else []) + (["--quick"] if arguments.quick else [])
    command = shlex.join(["python3", "benches/peers/run.py", *chosen])
    rows, runs = [], {}
    for part in arguments.only:
        say(f"{part}: beginning, load {os.getloadavg()[0]:.1f}")
        load, start = os.getloadavg()[0], time.time()
        found, details, missing = globals()[part](programs, python, arguments)
        rows += [{"part": part, **one} for one in found]
        runs[part] = {"date": here["date"], "command": command, "seconds": round(time.time() - start),
                      "load_before": round(load, 2), "missing": missing, "details": details}
    print(table(in_order(rows)))
    if "vectors" in runs and (lines := filters(runs["vectors"]["details"])):
        print("ours alone:", *lines, sep="\n")
    absent = sorted({name for run in runs.values() for name in run["missing"]})
    if absent:
        print(f"not measured: {', '.join(absent)}")
    out = arguments.out or (None if arguments.quick else HERE / "results.json")
    if out:
        old_rows, old_runs = kept(out, arguments.only, here)
        results = {"machine": here, "command": command, "ratios": in_order(rows + old_rows), "runs": {**old_runs, **runs}}
        out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        say(f"written: {out}")
    say(f"done in {time.time() - begun:.0f} s")


if __name__ == "__main__":
    main()
