"""No answer has an item whose delisting is in the epoch that it was made in: asked on every way in, during swaps."""

import bisect
import http.client
import json
import multiprocessing
import random
import time

from programs import Server, ask, later
from stores import RotatingStore
from verdicts import Result

ASKERS = 3
SHOWN = 300  # the most popular items, which are the ones that come and go
HELD = 40  # calls between an item's delisting and its listing
PRICES = 50  # changes of prices that go along with each
HOW = (
    "One client delists and lists items by RecordEvents, fifty changes of prices with each call, and notes the "
    "`live_epoch` of every answer to it. Three others ask at the same time, for single slates, cacheable GETs, batches "
    "of 20 slots, lists of candidates with delisted items among them, and slates that only a fallback can give, while "
    "the channel goes round three snapshots and back. An item is wrong in an answer whose `liveEpoch` is at least that "
    "of the answer to its delisting, and at most the last one known before its listing was sent."
)


def prove(bench):
    result = Result("epochs")
    wanted = 20_000 if bench.smoke else 200_000 if bench.quick else 1_000_000
    store = RotatingStore(bench)
    options = ["--snapshot.poll-interval", "1h"]
    with Server(bench, store.folder, options=options) as server:
        items = popular(server)
        stop, answers = multiprocessing.Event(), multiprocessing.Queue()
        askers = [multiprocessing.Process(target=asker, args=(server.http, items, seed, wanted // ASKERS, answers))
                  for seed in range(ASKERS)]
        toggler = multiprocessing.Process(target=toggle, args=(server.http, items, stop, answers))
        swaps = [later(4.0 * (n + 1), lambda: store.swap(server)) for n in range(4)]
        swaps.append(later(22.0, lambda: ask(f"http://{server.admin}/snapshots:rollback", post=True, patience=60.0)))
        for child in [toggler, *askers]:
            child.start()
        seen, total, per_way = [], 0, {}
        for _ in askers:
            _, found, counts = answers.get()
            seen += found
            for way, count in counts.items():
                per_way[way] = per_way.get(way, 0) + count
        stop.set()
        calls, gone = answers.get()[1:]
        for child in [toggler, *askers]:
            child.join(10.0)
        total = sum(per_way.values())
        for timer in swaps:
            timer.cancel()
    wrong = sum(is_gone(gone, item, epoch) for epoch, item in seen)
    for way, count in sorted(per_way.items()):
        result.tell(f"answers: {way}", count)
    result.at_least("answers", total, wanted)
    result.tell("events", calls * (PRICES + 1))
    result.tell("delistings", sum(len(intervals) for intervals in gone.values()))
    result.tell("epochs", max(epoch for epoch, _ in seen) - min(epoch for epoch, _ in seen))
    result.at_least("places of answers that had one of these items", len(seen), 1000)
    result.exactly("of them, items that were gone in that epoch", wrong, 0)
    return result, HOW


def is_gone(gone, item, epoch):
    """Whether an epoch lies between an item's delisting and its listing."""
    intervals = gone.get(item, [])
    at = bisect.bisect_right(intervals, (epoch, float("inf"))) - 1
    return at >= 0 and intervals[at][0] <= epoch <= intervals[at][1]


def popular(server):
    client = Client(server.http)
    answer = client.post("/v1/placements/category.popular:recommend", {"pageSize": 100})
    items = {item["itemId"] for item in answer["items"]}
    dice = random.Random(1)
    while len(items) < SHOWN:
        seeds = [{"itemId": dice.choice(sorted(items))}]
        answer = client.post("/v1/placements/pdp.similar:recommend", {"seedItems": seeds, "pageSize": 100})
        items.update(item["itemId"] for item in answer["items"][:100])
    return sorted(items)[:SHOWN]


class Client:
    """Keeps one connection."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=20.0)

    def post(self, path, body):
        return self._answer("POST", path, json.dumps(body))

    def get(self, path):
        return self._answer("GET", path, None)

    def _answer(self, method, path, body):
        self.connection.request(method, path, body)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)


def toggle(address, items, stop, out):
    """Delists and lists items until told to stop; puts out the epochs from and until which each was gone."""
    client, dice, gone, held = Client(address), random.Random(7), {}, []
    epoch = calls = 0
    while not stop.is_set():
        now = int(time.time() * 1000)
        free = dice.choice([item for item in items if item not in {other for other, _ in held}])
        events = [{"type": "item.delisted", "item_id": free, "time": now}]
        if len(held) >= HELD:
            back, since = held.pop(0)
            gone.setdefault(back, []).append((since, epoch))
            events.append({"type": "item.listed", "item_id": back, "time": now})
        events += [{"type": "item.changed", "item_id": dice.choice(items), "time": now,
                    "set": {"price": dice.randrange(100, 9999) / 100}} for _ in range(PRICES)]
        epoch = int(client.post("/v1/events:record", {"events": events})["liveEpoch"])
        held.append((free, epoch))
        calls += 1
    for item, since in held:
        gone.setdefault(item, []).append((since, float("inf")))
    out.put(("toggler", calls, gone))


def asker(address, items, seed, wanted, out):
    """Asks for slates on all ways; puts out the (epoch, item) of those items that come and go."""
    client, dice, known = Client(address), random.Random(seed), set(items)
    seen, counts = [], {}
    while sum(counts.values()) < wanted:
        way = dice.choice(list(WAYS))
        for answer in WAYS[way](client, dice, items):
            epoch = int(answer["serving"]["liveEpoch"])
            seen += [(epoch, item["itemId"]) for item in answer["items"] if item["itemId"] in known]
            counts[way] = counts.get(way, 0) + 1
    out.put(("asker", seen, counts))


def single(client, dice, items):
    session = [{"itemId": item, "eventType": "view"} for item in dice.sample(items, 3)]
    body = {"sessionEvents": session, "pageSize": 24}
    return [client.post(f"/v1/placements/{dice.choice(['session.next', 'cart.complements'])}:recommend", body)]


def cacheable(client, dice, items):
    return [client.get(f"/v1/placements/pdp.similar/recommendations?seed={dice.choice(items[:40])}&n=24")]


def batch(client, dice, items):
    slots = [{"slotId": str(n), "placement": dice.choice(["pdp.similar", "category.popular"]), "pageSize": 24,
              "seedItems": [{"itemId": dice.choice(items)}]} for n in range(20)]
    answer = client.post("/v1/recommendations:batch", {"slots": slots})
    return [slot["response"] if "response" in slot else slot for slot in answer["slots"]]


def candidates(client, dice, items):
    body = {"candidateItemIds": dice.sample(items, 60), "seedItems": [{"itemId": dice.choice(items)}]}
    return [client.post("/v1/placements/pdp.similar:recommend", body | {"pageSize": 24})]


def fallback(client, dice, items):
    body = {"seedItems": [{"itemId": f"never-heard-of-{dice.random()}"}], "pageSize": 24}
    return [client.post("/v1/placements/cart.complements:recommend", body)]


WAYS = {"single": single, "GET": cacheable, "batch": batch, "candidates": candidates, "fallback": fallback}
