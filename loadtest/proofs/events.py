"""Events from a stream while slates are asked for: what they cost, how soon they show, and what servers agree on."""

import json
import re
import statistics
import subprocess
import time
from pathlib import Path

from feeds import Broker, Feed
from machine import Unable
from programs import Server, ask, say
from stores import RotatingStore
from verdicts import Result

RPS = 800.0
UPDATES = 10_000
BURST = 100_000
BACKLOG = 1_000_000
ITEMS = {"full": 1_000_000, "smoke": 10_000}

# As the mix: product pages can come from the result cache, the rest is personal.
SENT = """
[placements."pdp.similar"]
weight = 60
personal = false

[placements."session.next"]
weight = 20

[placements."home.for_you"]
weight = 20
"""

BESIDE = (
    "A generated shop of a million items (`larder sample --scale 1m`), server on one CPU; generator, broker and the "
    "writer of updates on the other. Prices and stock of random items are written to a topic of four partitions, in "
    "turn to one that the server does not read and to the one that it does, with the same requests beside it; ratios "
    "are those of the pairs, their median. Freshness is the server's histogram from an event's own time to the epoch "
    "that it is in; buckets are interpolated. CPU of threads is the kernel's. The burst counts as taken when "
    "larder_events_total has all of it."
)
AGREE = (
    "The same updates at the same rate to two servers, with swaps through three snapshots and a rollback on one of "
    "them, under requests. Digests are `live_digest` of /status; then a third server starts from the newest snapshot "
    "and the whole topic, and must not be ready before it knows all of it."
)


class Shop:
    """A generated shop of a million items, as a store; made once and kept in target/proofs."""

    def __init__(self, bench):
        self.items = ITEMS["smoke" if bench.smoke else "full"]
        folder = bench.work / f"scale-{self.items}"
        self.store, self.ids = folder / "store", folder / "items.txt"
        if not (self.store / "channels" / "production.json").exists():
            say(f"making a shop of {self.items:,} items")
            _run(bench, "sample", "--scale", self.items, "--out", folder / "artifacts")
            _run(bench, "snapshot", "build", folder / "artifacts")
            _run(bench, "snapshot", "publish", folder / "artifacts", "--store", self.store)
        if not self.ids.exists():
            self.ids.write_text("\n".join(items_of(folder / "artifacts" / "catalog.parquet")) + "\n")


def prove(bench):
    """Updates beside requests, and a burst."""
    result = Result("events")
    shop = Shop(bench)
    rounds, seconds = (1, 3.0) if bench.smoke else (2, 20.0) if bench.quick else (3, 60.0)
    with Broker(bench, bench.kafka) as broker:
        topics = [broker.topic("elsewhere"), broker.topic("stock")]
        with Server(bench, shop.store, options=source(bench, "beside", broker, "stock")) as server:
            sent = requests(bench, shop)
            bench.run("events-warmup", server.url("grpc"), sent, rps=RPS, duration=bench.seconds(10.0, 1.0), keep=False)
            pairs = []
            for number in range(rounds):
                pair = {}
                for topic in topics:
                    pair[topic] = beside(bench, server, broker, shop, topic, sent, seconds, number)
                pairs.append(pair)
            judge(result, pairs)
            burst(bench, result, server, broker, shop)
    result.tell("broker", broker.name)
    return result, BESIDE


def beside(bench, server, broker, shop, topic, sent, seconds, number):
    """One run with updates to a topic; what the server's metrics and threads say of it."""
    before, threads = scrape(server), thread_seconds(server.pid)
    feed = Feed(bench, broker, topic, shop.ids, UPDATES, seconds + 2.0, seed=number)
    report = bench.run(f"events-{topic}-{number + 1}", server.url("grpc"), sent, rps=RPS, duration=seconds)
    written = feed.result()
    wait_until(lambda: lag(server) == 0.0, 30.0)
    after, spent = scrape(server), thread_seconds(server.pid)
    took = written["seconds"]
    return {
        "summary": report["summary"],
        "written": written,
        "applied": events(after) - events(before),
        "hits": hit_rate(before, after),
        "cores": {name: (spent[name] - threads.get(name, 0.0)) / took for name in spent},
        "fresh": quantiles(before, after, "larder_event_end_to_end_seconds"),
        "apply": quantiles(before, after, "larder_event_apply_seconds"),
    }


def judge(result, pairs):
    quiet, busy = [pair["elsewhere"] for pair in pairs], [pair["stock"] for pair in pairs]
    for run in busy:
        result.exactly("updates applied, of those written", run["applied"], run["written"]["written"])
    result.exactly("errors", sum(run["summary"]["errors"] for run in quiet + busy), 0)
    for name, most in (("p50", None), ("p99", 1.1)):
        both = [(a["summary"][f"{name}_ms"], b["summary"][f"{name}_ms"]) for a, b in zip(quiet, busy)]
        result.tell(f"{name} without and with", ", ".join(f"{a:.3g} and {b:.3g} ms" for a, b in both))
        ratio = statistics.median(b / a for a, b in both)
        result.at_most(f"{name}, with over without", ratio, most) if most else result.tell(f"{name}, ratio", ratio)
    result.at_most("event to epoch, p50", _middle(busy, "fresh", 0.5), 60.0, " ms")
    result.at_most("event to epoch, p99", _middle(busy, "fresh", 0.99), 150.0, " ms")
    result.tell("arrival to epoch, p50 and p99",
                f"{_middle(busy, 'apply', 0.5):.3g} and {_middle(busy, 'apply', 0.99):.3g} ms")
    result.at_most("applier, of a core", 100 * _median(busy, lambda run: run["cores"]["larder-apply"]), 20.0, " %")
    result.tell("reader and decoder, of a core",
                f"{100 * _median(busy, lambda run: run['cores']['larder-events-0']):.3g} %")
    quiet_hits, busy_hits = (_median(runs, lambda run: run["hits"]) for runs in (quiet, busy))
    result.tell("result cache, hits without and with", f"{100 * quiet_hits:.3g} and {100 * busy_hits:.3g} %")
    result.at_least("result cache, hits with over without", busy_hits / quiet_hits, 0.5)


def burst(bench, result, server, broker, shop):
    rate, seconds = (BURST // 10, 2.0) if bench.smoke else (BURST, 10.0)
    before = events(scrape(server))
    written = Feed(bench, broker, "stock", shop.ids, rate, seconds, seed=99).result()
    began = time.monotonic()
    wait_until(lambda: events(scrape(server)) - before >= written["written"], 60.0)
    result.tell("burst: written, and in how long", f"{written['written']:,} in {written['seconds']:.1f} s")
    result.at_most("burst: time from its end until all is applied", time.monotonic() - began, 30.0, " s")
    result.exactly("burst: applied", events(scrape(server)) - before, written["written"])


def agree(bench):
    """Two servers, swaps and a rollback on one; then one that starts with the whole topic as its backlog."""
    result = Result("events-agree")
    seconds = bench.seconds(60.0, 5.0)
    shop, store = Shop(bench), RotatingStore(bench)
    ids = bench.work / "sample-items.txt"
    ids.write_text("\n".join(items_of(bench.work / "sample" / "catalog.parquet")) + "\n")
    shop.ids = ids
    with Broker(bench, bench.kafka) as broker:
        broker.topic("stock")
        options = [*source(bench, "agree", broker, "stock", "earliest"), "--snapshot.poll-interval", "1h"]
        with Server(bench, store.folder, options=options) as one, Server(bench, store.folder, options=options) as two:
            feed = Feed(bench, broker, "stock", ids, UPDATES, seconds)
            swapped = 0
            while feed.child.poll() is None:
                store.swap(one)
                swapped += 1
                if swapped % 3 == 0:
                    ask(f"http://{one.admin}/snapshots:rollback", post=True, patience=60.0)
                load = bench.run("events-agree", one.url("grpc"), bench.mix(), rps=RPS, duration=3.0, warmup=0.0,
                                 keep=False)
                result.exactly(f"errors in 3 s after swap {swapped}", load["summary"]["errors"], 0)
            written = feed.result()
            began = time.monotonic()
            ask(f"http://{two.admin}/snapshots:refresh", post=True, patience=60.0)
            ask(f"http://{one.admin}/snapshots:refresh", post=True, patience=60.0)
            same = wait_until(lambda: digest(one) == digest(two), 10.0)
            result.at_most("two servers agree after the stream ended", same and time.monotonic() - began, 2.0, " s")
            result.tell("swaps of one of them, every third rolled back", swapped)
            with Server(bench, store.folder, options=options) as fresh:
                result.exactly("a server that starts then: its digest is theirs", digest(fresh) == digest(one), True)
                result.exactly("applied by it before it was ready", events(scrape(fresh)), written["written"])
    backlog(bench, result, store, ids)
    return result, AGREE


def backlog(bench, result, store, ids):
    size = BACKLOG // 100 if bench.smoke else BACKLOG
    with Broker(bench, bench.kafka) as broker:
        broker.topic("stock")
        Feed(bench, broker, "stock", ids, size // 10, 10.0).result()
        began = time.monotonic()
        options = source(bench, "backlog", broker, "stock", "earliest")
        with Server(bench, store.folder, options=options) as server:
            result.at_most(f"ready with a backlog of {size:,}", time.monotonic() - began, 20.0, " s")
            result.exactly("applied when it was ready", events(scrape(server)), size)
            result.exactly("lag when it was ready", lag(server), 0.0)


def source(bench, name, broker, topic, start="watermark"):
    """Flags for a server that reads a topic."""
    file = bench.work / f"{name}.toml"
    file.write_text(f'[[events.source]]\nname = "stock"\nkind = "kafka"\nbrokers = "{broker.brokers}"\n'
                    f'topic = "{topic}"\nstart = "{start}"\n')
    return ["--config", file]


def requests(bench, shop):
    """Requests drawn from the shop, as a file, so that every run sends the same."""
    file = bench.work / f"requests-{shop.items}.jsonl"
    if not file.exists():
        scenario = bench.work / f"requests-{shop.items}.toml"
        scenario.write_text(f'snapshot = "{shop.store}"\nanonymous = 0.4\nnew_users = 0.0\nnew_items = 0.0\n' + SENT)
        _checked(bench, [bench.loadtest, "record", "--scenario", scenario, "--count", 50_000, "--out", file])
    return ["--requests", file]


def items_of(catalog):
    try:
        import pyarrow.parquet
    except ImportError:
        raise Unable("pyarrow is not there: python3 -m pip install pyarrow") from None
    return pyarrow.parquet.read_table(catalog, columns=["item_id"])["item_id"].to_pylist()


def scrape(server):
    """Metrics by name with labels."""
    lines = (line for line in server.scrape().splitlines() if line and line[0] != "#")
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def events(metrics):
    return round(sum(value for name, value in metrics.items() if name.startswith("larder_events_total{")))


def hit_rate(before, after):
    found = {outcome: sum(after[name] - before.get(name, 0.0) for name in after
                          if name.startswith("larder_cache_requests_total") and f'"{outcome}"' in name)
             for outcome in ("hit", "miss")}
    return found["hit"] / max(1.0, sum(found.values()))


def lag(server):
    lags = [value for name, value in scrape(server).items() if name.startswith("larder_event_lag_seconds")]
    return max(lags, default=0.0)


def quantiles(before, after, name):
    """Quantiles of what a histogram got in between, in milliseconds, interpolated in its buckets."""
    pattern = re.compile(rf'{name}_bucket{{le="([^"]+)"}}')
    counts = [(float(match[1].replace("+Inf", "inf")), after[key] - before.get(key, 0.0))
              for key in after if (match := pattern.fullmatch(key))]
    return {share: quantile(sorted(counts), share) for share in (0.5, 0.99)}


def quantile(counts, share):
    wanted, below, least = share * counts[-1][1] if counts else 0.0, 0.0, 0.0
    for bound, count in counts:
        if count >= wanted and count > below:
            return 1000 * (least + (bound - least) * (wanted - below) / (count - below))
        below, least = count, bound
    return None


def digest(server):
    return json.loads(ask(f"http://{server.admin}/status"))["live_digest"]


def thread_seconds(pid):
    """CPU seconds by the names of threads."""
    spent = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name, stat = (task / "comm").read_text().strip(), (task / "stat").read_text().rsplit(")", 1)[1].split()
        spent[name] = spent.get(name, 0.0) + (int(stat[11]) + int(stat[12])) / 100.0
    return spent


def wait_until(holds, patience):
    deadline = time.monotonic() + patience
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _median(runs, figure):
    return statistics.median(figure(run) for run in runs)


def _middle(runs, histogram, share):
    return _median(runs, lambda run: run[histogram][share])


def _run(bench, *arguments):
    _checked(bench, [bench.larder, *arguments])


def _checked(bench, command):
    command = [str(part) for part in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, cwd=bench.work)
    if done.returncode != 0:
        raise Unable(f"{' '.join(command[:3])} failed: {done.stderr[-1000:]}")
