"""A store with several snapshots, each trained a little differently, so that a swap loads everything anew."""

import json
import os
import shutil
import subprocess
import time

from machine import Unable
from programs import ask, say

SNAPSHOTS = 3


class RotatingStore:
    """A store of its own, whose channel names one snapshot after the other."""

    def __init__(self, bench):
        self.folder = bench.work / "store"
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "snapshots").mkdir(parents=True)
        (self.folder / "channels").mkdir()
        self.versions = []
        for number in range(SNAPSHOTS):
            source = trained(bench, number)
            os.symlink(source, self.folder / "snapshots" / source.name)
            self.versions.append(source.name)
        self.turn = -1
        self.next()

    def next(self):
        """Points the channel at the next snapshot, as `larder snapshot publish` does at its end."""
        self.turn += 1
        version = self.versions[self.turn % len(self.versions)]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        draft = self.folder / "channels" / "draft"
        draft.write_text(json.dumps({"snapshot": version, "published_at": now}))
        draft.rename(self.folder / "channels" / "production.json")
        return version

    def swap(self, server):
        """The next snapshot, served; how long that took."""
        version = self.next()
        began = time.monotonic()
        ask(f"http://{server.admin}/snapshots:refresh", post=True, patience=60.0)
        status = ask(f"http://{server.admin}/status")
        if version not in status:
            raise Unable(f"the server does not serve {version}: {status[:500]}")
        took = time.monotonic() - began
        say(f"  swapped to {version} in {took:.2f} s")
        return took


def trained(bench, number):
    """The folder of a snapshot; made once and kept in target/proofs."""
    folder = bench.work / f"trained-{number}"
    kept = sorted(folder.glob("snapshots/*/manifest.json"))
    if kept:
        return kept[0].parent
    sample = bench.work / "sample"
    if not (sample / "events.parquet").exists():
        _larder(bench, "sample", "--out", sample)
    say(f"training snapshot {number + 1} of {SNAPSHOTS}")
    shutil.rmtree(folder, ignore_errors=True)
    _larder(bench, "train", "--events", sample / "events.parquet", "--catalog", sample / "catalog.parquet",
            "--users", sample / "users.parquet", "--neighbors", 30 - number, "--factors", 32,
            "--max-sessions", 12000 - 10 * number, "--out", folder)
    return trained(bench, number)


def _larder(bench, *arguments):
    command = [str(part) for part in (bench.larder, *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=bench.work)
    if done.returncode != 0:
        raise Unable(f"{' '.join(command[:2])} failed: {done.stderr[-1000:]}")
