"""Scoring 500 candidates with 500 trees of 31 leaves over 50 features, one thread: LightGBM, XGBoost, lleaves, tl2cgen.

Trains seeded models on generated data with the real libraries, keeps them in the data folder (LightGBM text, XGBoost
JSON, and a block of 500 rows as raw f32), and times every library on the same rows. With `--ours BINARY`, that program
is run on the same files in turn with them, round by round, so that both sides of a ratio come from one run.
Prints JSON to stdout, progress to stderr.
"""

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time

os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")})

import numpy as np

TREES, LEAVES, FEATURES, ROWS = 500, 31, 50, 500
TRAINING_ROWS, QUERY_SIZE = 40_000, 50
SEED = 21
FORMAT = 2
# The first features of the `shop` data are categories, the next have missing values.
CATEGORIES = (8, 20, 60, 200)
MISSING = range(4, 14)
DATA = {
    "numeric": "regression; 50 numeric features, none missing",
    "shop": "lambdarank on grades 0-4; a fifth missing in 10 features; for LightGBM 4 features are categories",
}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def generate(kind):
    """Rows of features as a ranker sees them (scores, counts with long tails, flags, noise), and the target."""
    rng = np.random.default_rng(SEED if kind == "numeric" else SEED + 1)
    count = TRAINING_ROWS + ROWS
    x = np.empty((count, FEATURES))
    x[:, :20] = rng.standard_normal((count, 20))
    x[:, 20:32] = rng.lognormal(1.0, 1.2, (count, 12))
    x[:, 32:40] = np.floor(rng.exponential(5.0, (count, 8)))
    x[:, 40:44] = rng.random((count, 4)) < 0.3
    x[:, 44:] = rng.random((count, 6))  # noise only
    weights = rng.normal(0, 1, 40) / np.sqrt(1 + np.arange(40))
    scaled = np.where(np.arange(40) < 20, x[:, :40], np.log1p(np.abs(x[:, :40])))
    target = scaled @ weights + 0.8 * np.sin(2 * x[:, 0]) * x[:, 3] + 0.5 * (x[:, 40] > 0) * x[:, 5]
    if kind == "shop":
        for column, size in enumerate(CATEGORIES):
            which = np.minimum(rng.zipf(1.4, count) - 1, size - 1)
            x[:, column] = which
            target += rng.normal(0, 0.7, size)[which]
        for column in MISSING:
            x[rng.random(count) < 0.2, column] = np.nan
    target += rng.normal(0, 1.0, count)
    x = x.astype(np.float32)  # what every library and the server sees
    if kind == "shop":
        grades = np.searchsorted(np.quantile(target, [0.5, 0.75, 0.9, 0.97]), target)
        target = grades.astype(np.float64)
    return x[:TRAINING_ROWS], target[:TRAINING_ROWS], np.ascontiguousarray(x[TRAINING_ROWS:])


def train(kind, folder):
    """Trains what is not in the folder yet."""
    paths = {part: os.path.join(folder, f"{kind}.v{FORMAT}.{part}") for part in ("lightgbm.txt", "xgboost.json", "rows.f32")}
    if all(os.path.exists(path) for path in paths.values()):
        return paths
    import lightgbm
    import xgboost

    x, y, rows = generate(kind)
    say(f"{kind}: training LightGBM")
    parameters = {
        "objective": "regression" if kind == "numeric" else "lambdarank", "num_leaves": LEAVES, "learning_rate": 0.05,
        "min_data_in_leaf": 20, "seed": SEED, "deterministic": True, "force_row_wise": True, "num_threads": 2, "verbose": -1,
    }
    categories = list(range(len(CATEGORIES))) if kind == "shop" else "auto"
    group = [QUERY_SIZE] * (len(x) // QUERY_SIZE) if kind == "shop" else None
    model = lightgbm.train(parameters, lightgbm.Dataset(x, y, group=group, categorical_feature=categories), TREES)
    model.save_model(paths["lightgbm.txt"])
    say(f"{kind}: training XGBoost")
    parameters = {
        "objective": "reg:squarederror" if kind == "numeric" else "rank:ndcg", "tree_method": "hist", "max_leaves": LEAVES,
        "max_depth": 0, "grow_policy": "lossguide", "eta": 0.05, "min_child_weight": 20 if kind == "numeric" else 0.1,
        "seed": SEED, "nthread": 2,
    }
    table = xgboost.DMatrix(x, y)
    if group:
        table.set_group(group)
    xgboost.train(parameters, table, TREES).save_model(paths["xgboost.json"])
    rows.tofile(paths["rows.f32"])
    return paths


def shape_of(paths):
    """Trees and mean leaves of the two models, to show that they are the size they should be."""
    with open(paths["lightgbm.txt"]) as file:
        leaves = [int(line.split("=")[1]) for line in file if line.startswith("num_leaves=")]
    with open(paths["xgboost.json"]) as file:
        trees = json.load(file)["learner"]["gradient_booster"]["model"]["trees"]
    theirs = [sum(1 for left in tree["left_children"] if left == -1) for tree in trees]
    return {
        "lightgbm": {"trees": len(leaves), "mean_leaves": round(statistics.mean(leaves), 1)},
        "xgboost": {"trees": len(theirs), "mean_leaves": round(statistics.mean(theirs), 1)},
    }


class LightGbm:
    """The C API as C and C++ servers call it: LGBM_BoosterPredictForMat with one thread."""

    package, model = "lightgbm", "lightgbm.txt"

    def __init__(self, path, rows, cache):
        import lightgbm

        where = os.path.join(os.path.dirname(lightgbm.__file__), "lib", "lib_lightgbm.so")
        self.library = ctypes.CDLL(where)
        self.handle, trees = ctypes.c_void_p(), ctypes.c_int()
        self.check(self.library.LGBM_BoosterCreateFromModelfile(path.encode(), ctypes.byref(trees), ctypes.byref(self.handle)))
        assert trees.value == TREES, f"{trees.value} trees"
        self.out, self.written = np.empty(len(rows)), ctypes.c_int64()
        self.rows = rows
        self.arguments = (
            self.handle, ctypes.c_void_p(rows.ctypes.data), ctypes.c_int(0), ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]), ctypes.c_int(1), ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(-1),
            b"num_threads=1", ctypes.byref(self.written), ctypes.c_void_p(self.out.ctypes.data),
        )

    def check(self, code):
        if code != 0:
            self.library.LGBM_GetLastError.restype = ctypes.c_char_p
            raise RuntimeError(self.library.LGBM_GetLastError().decode())

    def score(self):
        self.check(self.library.LGBM_BoosterPredictForMat(*self.arguments))
        return self.out


class XgBoost:
    """`inplace_predict` on a numpy block, one thread: no DMatrix is made."""

    package, model = "xgboost", "xgboost.json"

    def __init__(self, path, rows, cache):
        import xgboost

        self.booster = xgboost.Booster(model_file=path)
        self.booster.set_param({"nthread": 1})
        self.rows = rows

    def score(self):
        return self.booster.inplace_predict(self.rows)


class Lleaves:
    """LightGBM's model compiled by LLVM, called on rows that are doubles already."""

    package, model = "lleaves", "lightgbm.txt"

    def __init__(self, path, rows, cache):
        import lleaves

        self.compiled = lleaves.Model(model_file=path)
        self.compiled.compile(cache=cache + ".lleaves.o")
        self.rows = rows.astype(np.float64)

    def score(self):
        return self.compiled.predict(self.rows, n_jobs=1)


class Tl2cgen:
    """LightGBM's model compiled to C with quantised thresholds, called on a DMatrix that is made already."""

    package, model = "tl2cgen", "lightgbm.txt"

    def __init__(self, path, rows, cache):
        import tl2cgen
        import treelite

        library = cache + ".tl2cgen.so"
        if not os.path.exists(library):
            model = treelite.frontend.load_lightgbm_model(path)
            tl2cgen.export_lib(model, toolchain="gcc", libpath=library, params={"quantize": 1, "parallel_comp": 8}, nthread=2)
        self.predictor = tl2cgen.Predictor(library, nthread=1)
        self.table = tl2cgen.DMatrix(rows)

    def score(self):
        return self.predictor.predict(self.table)


PEERS = {"lightgbm": LightGbm, "xgboost": XgBoost, "lleaves": Lleaves, "tl2cgen": Tl2cgen}


def version(package):
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def timed(peer, repeats):
    """Microseconds of one call: the median of `repeats`."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        peer.score()
        taken.append(time.perf_counter_ns() - start)
    return statistics.median(taken) / 1000


def run_ours(binary, model, rows):
    command = [binary, model, rows, "--rows", str(ROWS), "--features", str(FEATURES)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def bench(kind, arguments, missing):
    paths = train(kind, arguments.data)
    rows = np.fromfile(paths["rows.f32"], np.float32).reshape(ROWS, FEATURES)
    peers, firsts = {}, {}
    for name, make in PEERS.items():
        if name not in arguments.peers or make.package in missing:
            continue
        begun = time.time()
        try:
            peers[name] = make(paths[make.model], rows, paths[make.model])
            first = np.asarray(peers[name].score(), np.float64).ravel()
        except Exception as error:  # a library that cannot load this model is said, and does not stop the rest
            say(f"{kind}: {name} cannot be measured: {error}")
            missing.append(f"{name} on {kind} ({type(error).__name__})")
            peers.pop(name, None)
            continue
        firsts[name] = first[:3]
        say(f"{kind}: {name} ready in {time.time() - begun:.1f} s, first scores {np.round(first[:3], 5).tolist()}")
    results = {name: {"rounds": []} for name in peers}
    ours = {}
    for turn in range(arguments.rounds):
        for name, peer in peers.items():
            timed(peer, 2)  # back into the caches
            results[name]["rounds"].append(round(timed(peer, arguments.repeats), 2))
        for model in ("lightgbm.txt", "xgboost.json") if arguments.ours else ():
            library = model.split(".")[0]
            found = run_ours(arguments.ours, paths[model], paths["rows.f32"])
            ours.setdefault(library, []).append(found)
            # A fast wrong answer is no answer.
            if library in firsts and not np.allclose(found["first_scores"], firsts[library], rtol=1e-5, atol=1e-5):
                sys.exit(f"{kind}: ours scores {found['first_scores']}, {library} {firsts[library].tolist()}")
        say(f"{kind}: round {turn + 1} of {arguments.rounds}: " + ", ".join(f"{n} {r['rounds'][-1]} us" for n, r in results.items()))
    for name, result in results.items():
        result["us"] = statistics.median(result["rounds"])
        result["model"] = PEERS[name].model.split(".")[0]
    return {"about": DATA[kind], "shape": shape_of(paths), "peers": results, "ours": ours}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder for models and rows; what is there already is kept")
    parser.add_argument("--only", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=7, help="turns of every side; the median counts")
    parser.add_argument("--repeats", type=int, default=20, help="calls in each turn; the median counts")
    parser.add_argument("--ours", help="the program peers-trees")
    arguments = parser.parse_args()
    os.makedirs(arguments.data, exist_ok=True)
    packages = {make.package: version(make.package) for make in PEERS.values()}
    missing = [package for package, found in packages.items() if found is None]
    results = {kind: bench(kind, arguments, missing) for kind in arguments.only}
    print(json.dumps({"rows": ROWS, "trees": TREES, "leaves": LEAVES, "features": FEATURES, "missing": missing,
                      "versions": packages, "results": results}))


if __name__ == "__main__":
    main()
