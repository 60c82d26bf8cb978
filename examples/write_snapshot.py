"""Writes a store that Larder serves, with pyarrow and nothing else: python3 write_snapshot.py DIRECTORY"""
import hashlib, json, pathlib, sys
from datetime import datetime, timezone
import pyarrow as pa, pyarrow.parquet as pq

now = datetime.now(timezone.utc)
version = now.strftime("%Y%m%dT%H%M%SZ") + "-pyarrow"
store = pathlib.Path(sys.argv[1])
folder = store / "snapshots" / version
folder.mkdir(parents=True)
items = [("mug", "Stoneware mug", 12.5, True), ("pot", "Cast-iron teapot", 48.0, True),
         ("tea", "Darjeeling, 100 g", 9.9, True), ("tin", "Tea tin", 7.0, False)]
pairs = [("mug", "pot", 0.9), ("mug", "tea", 0.6), ("pot", "tea", 0.8), ("pot", "tin", 0.7), ("tea", "tin", 0.5)]
pairs += [(b, a, score) for a, b, score in pairs]

ids, titles, prices, stock = zip(*items)
left, right, scores = zip(*pairs)
tables = {
    "catalog": ("catalog", {"item_id": ids, "title": titles, "price": prices, "in_stock": stock}),
    "popularity": ("popularity", {"item_id": ids, "score": [40.0, 30.0, 20.0, 10.0]}),
    "similar": ("item_neighbors", {"item_id": left, "neighbor_id": right, "score": scores}),
}
for name, (_, columns) in tables.items():
    pq.write_table(pa.table({key: list(cells) for key, cells in columns.items()}), folder / f"{name}.parquet")
(folder / "placements.toml").write_text("""[placements."pdp.similar"]
sources  = [ { kind = "neighbors", artifact = "similar" } ]
filter   = "in_stock"
exclude  = ["seeds"]
fallback = [ { kind = "popular", artifact = "popularity" } ]
""")
listed = [(name, kind, f"{name}.parquet") for name, (kind, _) in tables.items()]
artifacts = [{"name": name, "kind": kind, "path": path, "bytes": (folder / path).stat().st_size,
              "sha256": hashlib.sha256((folder / path).read_bytes()).hexdigest()}
             for name, kind, path in [*listed, ("placements", "placements", "placements.toml")]]
(folder / "manifest.json").write_text(json.dumps({"format_version": 1, "snapshot": version,
    "created_at": now.isoformat(), "artifacts": artifacts}, indent=2))  # after everything that it lists
(store / "channels").mkdir(exist_ok=True)
(store / "channels" / "production.json").write_text(json.dumps({"snapshot": version, "published_at": now.isoformat()}))
