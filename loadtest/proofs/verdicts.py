"""Targets and figures: judged, printed as a table, kept as JSON, and listed in the folder's README."""

import json
import shlex
import sys
import time

NAMES = ("reference-day", "capacity", "overload", "swaps", "drain", "slow-clients", "soak", "events", "events-agree",
         "epochs", "loop", "sessions", "outage", "kills")
FORMER_NAMES = {"siege": "slow-clients"}


class Result:
    """What one proof found."""

    def __init__(self, name):
        self.name, self.rows, self.notes = name, [], []

    def check(self, what, figure, target, held):
        """A figure with a target. `figure` is text or a number; a figure that is not there holds nothing."""
        self.rows.append({"what": what, "figure": shown(figure), "target": target, "held": bool(held)})

    def at_most(self, what, figure, most, unit=""):
        self.check(what, measured(figure, unit), f"<= {shown(most)}{unit}", figure is not None and figure <= most)

    def at_least(self, what, figure, least, unit=""):
        self.check(what, measured(figure, unit), f">= {shown(least)}{unit}", figure is not None and figure >= least)

    def exactly(self, what, figure, wanted):
        self.check(what, figure, f"= {wanted}", figure == wanted)

    def tell(self, what, figure):
        """A figure without a target."""
        self.rows.append({"what": what, "figure": shown(figure), "target": "", "held": None})

    def note(self, text):
        self.notes.append(text)

    @property
    def held(self):
        judged = [row["held"] for row in self.rows if row["held"] is not None]
        return bool(judged) and all(judged)

    def table(self):
        width = max([len(row["what"]) for row in self.rows] + [6])
        figures = max([len(row["figure"]) for row in self.rows] + [6])
        lines = [f"{self.name}: {'held' if self.held else 'MISSED'}"]
        for row in self.rows:
            mark = {True: "ok", False: "MISSED", None: ""}[row["held"]]
            lines.append(f"  {row['what']:<{width}}  {row['figure']:>{figures}}  {row['target']:<14} {mark}".rstrip())
        return "\n".join(lines + [f"  note: {note}" for note in self.notes])


def measured(figure, unit):
    return "not measured" if figure is None else f"{shown(figure)}{unit}"


def shown(figure):
    if figure is None:
        return "not measured"
    if isinstance(figure, float):
        return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"
    return f"{figure:,}" if isinstance(figure, int) and not isinstance(figure, bool) else str(figure)


def keep(folder, result, versions, how):
    """Adds the result to the folder's verdicts and writes its README anew."""
    file = folder / "verdicts.json"
    verdicts = json.loads(file.read_text()) if file.exists() else {}
    verdicts = {FORMER_NAMES.get(name, name): verdict for name, verdict in verdicts.items()}
    verdicts[result.name] = {
        "held": result.held,
        "rows": result.rows,
        "notes": result.notes,
        "command": shlex.join(["python3", "loadtest/proofs/prove.py", *sys.argv[1:]]),
        "ended_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": versions,
        "how": how,
    }
    file.write_text(json.dumps(verdicts, indent=1) + "\n")
    (folder / "README.md").write_text(readme(folder.name, verdicts))


def readme(title, verdicts):
    lines = [f"# {title}", ""]
    lines += ["Written by `loadtest/proofs/prove.py`. Misses are written, too; the last run of a proof counts."]
    lines += ["`larder-loadtest page RUN.json --out RUN.html` draws a report.", ""]
    lines += ["| proof | verdict | ended |", "| --- | --- | --- |"]
    known = [name for name in NAMES if name in verdicts]
    for name in known:
        held = "held" if verdicts[name]["held"] else "**missed**"
        lines.append(f"| [{name}](#{name}) | {held} | {verdicts[name]['ended_at']} |")
    for name in known:
        verdict = verdicts[name]
        lines += ["", f"## {name}", "", f"`{verdict['command']}`", "", f"{verdict['how']}"]
        versions = ", ".join(f"{key} {value}" for key, value in verdict["versions"].items())
        lines += ["", versions, "", "| figure | measured | target | |", "| --- | --- | --- | --- |"]
        for row in verdict["rows"]:
            mark = {True: "held", False: "**missed**", None: ""}[row["held"]]
            lines.append(f"| {row['what']} | {row['figure']} | {row['target']} | {mark} |")
        lines += ["", *verdict["notes"]] if verdict["notes"] else []
    return "\n".join(lines) + "\n"
