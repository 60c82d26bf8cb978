"""What was shown and what became of it: a shop whose clicks are known, its report, and what other engines count."""

import json
import random
import shutil
import subprocess
import time
import uuid
from collections import Counter

from epochs import Client
from machine import Unable
from programs import Server, say
from verdicts import Result

RANKS = 12
HOW = (
    "Slates of the sample shop are asked for over HTTP; each place of a slate is clicked with a chance that depends on "
    "its rank alone, 0.4 / (1 + rank), and the click names the slate. `larder report --by rank` reads the server's "
    "own JSON lines and its Parquet. Truth are the clicks that were drawn. Duplicates: the files of events and of "
    "exposures are given twice."
)


def prove(bench):
    result = Result("loop")
    slates = 300 if bench.smoke else 4000 if bench.quick else 20_000
    folder = bench.work / "loop"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = folder / "larder.toml"
    settings.write_text(f'[exposure]\ndir = "{folder}/lines"\nlake = "{folder}/lake"\n[spool]\ndir = "{folder}/spool"\n')
    with Server(bench, bench.store, options=["--config", settings]) as server:
        drawn, clicks = shop(server, slates)
    with (folder / "events.jsonl").open("w") as file:
        file.writelines(json.dumps(click) + "\n" for click in clicks)
    shutil.copy(folder / "events.jsonl", folder / "again.jsonl")
    lines = report(bench, folder, "lines", "events.jsonl")
    result.exactly("impressions in the report", sum(row["impressions"] for row in lines), slates * RANKS)
    result.exactly("clicks in the report, rank by rank", [row["clicks"] for row in lines],
                   [drawn[rank] for rank in range(RANKS)])
    worst = max(abs(row["ctr"]["rate"] / (drawn[rank] / slates) - 1) for rank, row in enumerate(lines))
    result.at_most("CTR by rank, furthest from truth", 100 * worst, 2.0, " %")
    outside = sum(not row["ctr"]["low"] <= chance(rank) <= row["ctr"]["high"] for rank, row in enumerate(lines))
    result.at_most("ranks whose 95 % interval leaves out the chance that was drawn from", outside, 2)
    twice = report(bench, folder, "lines", "events.jsonl", "again.jsonl", exposures=("lines", "lake"))
    result.exactly("with every event and exposure twice: the same", twice == lines, True)
    result.exactly("from Parquet: the same", report(bench, folder, "lake", "events.jsonl") == lines, True)
    for name, count in ENGINES.items():
        found = count(folder)
        result.check(f"{name}: impressions and clicks", found or "not there", f"= {slates * RANKS:,}, {len(clicks):,}",
                     found == f"{slates * RANKS:,}, {len(clicks):,}")
    return result, HOW


def chance(rank):
    return 0.4 / (1 + rank)


def shop(server, slates):
    """Asks for slates and draws clicks; how many by rank, and the clicks as events."""
    client, dice, drawn, clicks = Client(server.http), random.Random(5), Counter(), []
    # Synthetic traffic is not exposed.
    first = client.post("/v1/placements/category.popular:recommend", {"pageSize": 100, "trafficClass": "SYNTHETIC"})
    items = [item["itemId"] for item in first["items"]]
    say(f"  {slates:,} slates")
    while slates:
        body = {"seedItems": [{"itemId": dice.choice(items)}], "pageSize": RANKS,
                "subject": {"visitorId": f"v{dice.randrange(500)}"}}
        answer = client.post("/v1/placements/pdp.similar:recommend", body)
        if len(answer["items"]) < RANKS:
            continue
        slates -= 1
        for rank, item in enumerate(answer["items"]):
            if dice.random() < chance(rank):
                drawn[rank] += 1
                clicks.append({"id": str(uuid.UUID(int=dice.getrandbits(128))), "type": "view",
                               "item_id": item["itemId"], "visitor_id": body["subject"]["visitorId"],
                               "recommendation_id": answer["recommendationId"], "time": time.time_ns() // 1_000_000})
    return drawn, clicks


def report(bench, folder, kind, *events, exposures=None):
    """The rows of `larder report` by rank."""
    command = [bench.larder, "report", "--exposures", *(folder / each for each in exposures or (kind,))]
    command += ["--events", *(folder / each for each in events), "--by", "rank", "--json"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise Unable(f"larder report failed: {done.stderr[-1000:]}")
    rows = json.loads(done.stdout)["rows"]
    return sorted(rows, key=lambda row: int(row["key"][0]))


COUNTS = """
    SELECT count(DISTINCT (s.recommendation_id, s."rank")), count(DISTINCT e.id)
    FROM shown s LEFT JOIN events e ON e.recommendation_id = s.recommendation_id AND e.item_id = s.item_id
"""


def duckdb_counts(folder):
    try:
        import duckdb
    except ImportError:
        return None
    base = duckdb.connect()
    base.execute(f"CREATE VIEW shown AS SELECT * FROM read_parquet('{folder}/lake/**/*.parquet', hive_partitioning=true)")
    base.execute(f"CREATE VIEW events AS SELECT * FROM read_json('{folder}/*.jsonl')")
    return "{:,}, {:,}".format(*base.execute(COUNTS).fetchone())


def spark_counts(folder):
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        return None
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    spark.read.parquet(f"{folder}/lake/exposures").createOrReplaceTempView("shown")
    spark.read.json([f"{folder}/events.jsonl", f"{folder}/again.jsonl"]).createOrReplaceTempView("events")
    row = spark.sql(COUNTS.replace('"rank"', "`rank`")).collect()[0]
    spark.stop()
    return "{:,}, {:,}".format(*row)


ENGINES = {"DuckDB": duckdb_counts, "Spark": spark_counts}
