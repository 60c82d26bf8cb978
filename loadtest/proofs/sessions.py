"""Sessions that the server remembers give the slates of those that requests tell."""

import random
import time

from epochs import Client
from feeds import Broker
from programs import Server
from sinks import fresh
from verdicts import Result

PLACEMENTS = ("session.next", "cart.complements")
HOW = (
    "Sessions of one to ten events on the sample shop's popular items. Each is asked for once with `session_events` and "
    "without a session's id, and once recorded by RecordEvents, with the session's id alone. Then sessions are recorded "
    "at one of two servers, which send what is recorded to a topic that both read, and asked for at the other half a "
    "second later."
)


def prove(bench):
    result = Result("sessions")
    count = 50 if bench.smoke else 1000
    folder = fresh(bench, "sessions")
    with Broker(bench, bench.kafka) as broker:
        broker.topic("did", partitions=4)
        file = folder / "larder.toml"
        where = f'kind = "kafka"\nbrokers = "{broker.brokers}"\ntopic = "did"\n'
        file.write_text(f'[spool]\ndir = "{folder}/spool-N"\n'
                        f'[[events.source]]\nname = "did"\n{where}[[events.sink]]\nname = "did-out"\n{where}'
                        'what = ["events"]\n')
        servers = []
        for number in (1, 2):
            each = folder / f"larder-{number}.toml"
            each.write_text(file.read_text().replace("spool-N", f"spool-{number}"))
            servers.append(Server(bench, bench.store, options=["--config", each]))
        one, two = (Client(server.http) for server in servers)
        items = [item["itemId"] for item in
                 one.post("/v1/placements/category.popular:recommend", {"pageSize": 100})["items"]]
        sessions = list(drawn(items, count))
        same = {placement: 0 for placement in PLACEMENTS}
        for session, events in sessions:
            record(one, session, events)
            for placement in PLACEMENTS:
                same[placement] += remembered(one, placement, session) == told(one, placement, events)
        for placement, equal in same.items():
            result.exactly(f"{placement}: sessions with the slate of the call that tells all", equal, count)
        equal = 0
        for first in range(0, count, 50):
            some = [(f"again-{session}", events) for session, events in sessions[first:first + 50]]
            for session, events in some:
                record(one, session, events)
            time.sleep(0.5)
            for session, events in some:
                equal += remembered(two, PLACEMENTS[0], session) == told(two, PLACEMENTS[0], events)
        result.at_least("on the other server after half a second", 100 * equal / count, 99.0, " %")
        for server in servers:
            server.stop()
    return result, HOW


def drawn(items, count):
    dice = random.Random(11)
    for number in range(count):
        now = int(time.time() * 1000) - 60_000
        chosen = dice.sample(items, dice.randint(1, 10))
        yield f"s{number}", [(item, dice.choice(["view", "add_to_cart"]), now + 1000 * n)
                             for n, item in enumerate(chosen)]


def record(client, session, events):
    events = [{"id": f"{session}-{time_ms}", "type": kind, "item_id": item, "session_id": session, "time": time_ms}
              for item, kind, time_ms in events]
    answer = client.post("/v1/events:record", {"events": events})
    if any(each["outcome"] != "ACCEPTED" for each in answer["results"]):
        raise RuntimeError(f"events were not taken: {answer}")


def remembered(client, placement, session):
    body = {"subject": {"sessionId": session}, "pageSize": 24}
    return slate(client.post(f"/v1/placements/{placement}:recommend", body))


def told(client, placement, events):
    events = [{"itemId": item, "eventType": kind, "eventTime": rfc3339(time_ms)} for item, kind, time_ms in events]
    return slate(client.post(f"/v1/placements/{placement}:recommend", {"sessionEvents": events, "pageSize": 24}))


def rfc3339(time_ms):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_ms // 1000)) + f".{time_ms % 1000:03}Z"


def slate(answer):
    return [item["itemId"] for item in answer["items"]]
