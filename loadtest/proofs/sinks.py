"""Exposures arrive: through an outage of their broker, and through servers that are killed."""

import json
import random
import shutil
import statistics
import threading
import time

from epochs import Client
from events import RPS, wait_until
from feeds import Broker, client
from programs import Load, Server, say
from verdicts import Result

OUTAGE = (
    "Requests over gRPC while the broker that exposures go to is stopped, and started again. Then the topic is read: "
    "`seq` of one boot has no gap where nothing was lost. Memory is resident memory in the outage's first and last "
    "tenth."
)
KILLS = (
    "Four clients ask over HTTP, one request after another, and note when each answer came; the server is killed "
    "(SIGKILL) at a random moment and started again on the same spool, and at last is stopped in order. Missing is "
    "what was answered and is not in the JSON lines; its age is from the answer to the kill."
)


def prove(bench):
    """An outage of the broker."""
    result = Result("outage")
    seconds = 8.0 if bench.smoke else 60.0 if bench.quick else 600.0
    folder = fresh(bench, "outage")
    with Broker(bench, bench.kafka) as broker:
        broker.topic("shown")
        sink = f'kind = "kafka"\nbrokers = "{broker.brokers}"\ntopic = "shown"\n'
        with Server(bench, bench.store, options=settings(folder, sink)) as server, server.watch() as watch:
            live = ("--traffic-class", "live")  # synthetic requests are not exposed
            bench.run("outage-before", server.url("grpc"), bench.mix(), rps=RPS, duration=bench.seconds(20.0, 3.0),
                      options=live, keep=False)
            broker.stop()
            began = time.monotonic()
            load = Load(bench, "outage", server.url("grpc"), bench.mix(), rps=RPS, duration=seconds, options=live)
            report = load.report()
            ended = time.monotonic()
            broker.resume()
            wanted = int(metric(server, "larder_exposures_total"))
            caught_up = wait_until(lambda: metric(server, "larder_sink_lag_seconds") == 0.0, 120.0)
            result.tell("time until all of it was sent", f"{time.monotonic() - ended:.1f} s" if caught_up else None)
        seqs = sequences(broker, "shown")
    tenth = (ended - began) / 10
    first, last = (statistics.median(watch.resident(*span)) / 2**20
                   for span in ((began, began + tenth), (ended - tenth, ended)))
    result.tell("outage", f"{ended - began:.0f} s")
    result.exactly("errors", report["summary"]["errors"], 0)
    result.exactly("boots", len(seqs), 1)
    found = next(iter(seqs.values()), set())
    result.at_least("exposures, of the outage's requests", len(found) / (RPS * seconds), 1.0)
    result.exactly("exposures lost: numbers that are missing", max(found, default=1) - len(found), 0)
    result.exactly("exposures made", wanted, len(found))
    result.at_most("resident memory: last tenth over first", last / first, 1.1)
    result.tell("resident memory: first and last tenth", f"{first:.1f} and {last:.1f} MiB")
    return result, OUTAGE


def kills(bench):
    """Servers that are killed."""
    result = Result("kills")
    rounds = 3 if bench.smoke else 15 if bench.quick else 50
    folder, dice = fresh(bench, "kills"), random.Random(3)
    options = settings(folder, f'kind = "jsonl"\ndir = "{folder}/lines"\n')
    answered, killed = [], {}
    for number in range(rounds):
        server = Server(bench, bench.store, options=options)
        askers = [Asker(server, number, seed) for seed in range(4)]
        time.sleep(dice.uniform(0.3, 1.5))
        server.child.kill()
        killed[number] = time.monotonic()
        server.child.wait(10.0)
        for asker in askers:
            asker.join()
            answered += asker.answers
        if number % 10 == 9:
            say(f"  {number + 1} kills, {len(answered):,} answers")
    with Server(bench, bench.store, options=options) as server:
        wait_until(lambda: metric(server, "larder_sink_lag_seconds") == 0.0, 60.0)
    there, seqs = set(), {}
    for file in (folder / "lines").iterdir():
        for line in file.read_text().splitlines():
            exposure = json.loads(line)
            there.add(exposure["recommendation_id"])
            seqs.setdefault(exposure["boot"], set()).add(exposure["seq"])
    missing = [(number, at) for number, at, name in answered if name not in there]
    oldest = max((killed[number] - at for number, at in missing), default=0.0)
    result.exactly("kills", len(killed), rounds)
    result.tell("answers", len(answered))
    result.tell("answers whose exposure is missing", len(missing))
    result.at_most("oldest of them when the server was killed", 1000 * oldest, 20.0, " ms")
    result.exactly("gaps inside of a boot's numbers", sum(max(seen) - len(seen) for seen in seqs.values()), 0)
    return result, KILLS


class Asker(threading.Thread):
    """Asks until the server is gone."""

    def __init__(self, server, number, seed):
        super().__init__(daemon=True)
        self.server, self.number, self.dice, self.answers = server, number, random.Random(seed), []
        self.start()

    def run(self):
        asking = Client(self.server.http)
        body = {"seedItems": [{"itemId": f"P{self.dice.randrange(2500):05}"}]}
        try:
            while True:
                answer = asking.post("/v1/placements/pdp.similar:recommend", body)
                self.answers.append((self.number, time.monotonic(), answer["recommendationId"]))
        except (OSError, ValueError, RuntimeError):
            pass  # it is killed; an answer that was cut off was not given
        except Exception as error:  # http.client's own
            say(f"  {error!r}") if "IncompleteRead" not in repr(error) and "BadStatus" not in repr(error) else None


def fresh(bench, name):
    folder = bench.work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def settings(folder, sink):
    file = folder / "larder.toml"
    file.write_text(f'[spool]\ndir = "{folder}/spool"\n[[events.sink]]\nname = "proof"\n{sink}')
    return ["--config", file]


def metric(server, name):
    values = [float(line.rsplit(" ", 1)[1]) for line in server.scrape().splitlines() if line.startswith(name)]
    return sum(values)


def sequences(broker, topic):
    """The numbers of the exposures in a topic, by boot."""
    kafka = client()
    consumer = kafka.Consumer({"bootstrap.servers": broker.brokers, "group.id": "proof", "enable.auto.commit": False,
                               "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    left, seqs = broker.held(topic), {}
    while left > 0:
        records = consumer.consume(10_000, timeout=10.0)
        if not records:
            break
        left -= len(records)
        for record in records:
            exposure = json.loads(record.value())
            seqs.setdefault(exposure["boot"], set()).add(exposure["seq"])
    consumer.close()
    return seqs
