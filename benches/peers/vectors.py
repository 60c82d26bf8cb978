"""Top-100 by inner product, one thread, one query at a time: what faiss, ScaNN, voyager and hnswlib need for recall 0.95.

For each data set of `vectors_data.py` every peer is built in several ways; for each way the smallest effort (probes,
leaves, ef) that reaches the recall is found by bisection, and the fastest of all is kept. The winning index and its
setting stay in the data folder, so that a second run only searches. Prints JSON to stdout, progress to stderr.
Each peer runs in a process of its own: the libraries bring their own OpenMP, and memory can be told apart.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

RECALL = 0.95
K = 100
FORMAT = 1
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")}
# With AVX-512 some of faiss's kernels are slower than with AVX2 on some machines: both are tried, the faster counts.
FAISS_LEVELS = {"": {}, "avx2": {"FAISS_SIMD_LEVEL": "AVX2"}}
BUILD_THREADS = 2
# Links per node worth trying, by kind of data and whether there are many rows. ef cannot be less than k: where that is more
# than enough, only a leaner graph is faster.
GRAPH_DEGREES = {("mf", False): (8, 16), ("mf", True): (16,), ("mix", False): (16,), ("mix", True): (16,)}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Data:
    def __init__(self, folder, name):
        import numpy as np

        with open(os.path.join(folder, f"{name}.json")) as file:
            header = json.load(file)
        self.header = header
        self.n, self.dim, self.kind = header["n"], header["dim"], header["kind"]
        path = os.path.join(folder, name)
        self.base = np.fromfile(path + ".base.f32", "<f4").reshape(self.n, self.dim)
        self.queries = np.fromfile(path + ".queries.f32", "<f4").reshape(-1, self.dim)
        self.truth = np.fromfile(path + ".truth.u32", "<u4").reshape(len(self.queries), -1)[:, :K]
        self.by_norm = np.argsort(-np.linalg.norm(self.base, axis=1), kind="stable")


class Peer:
    """One library. `ways` are the builds to try; `effort` is one whole number, more of which finds more."""

    named = True  # one of the four that the target names; the others are shown, and count for nothing

    def ways(self, data):
        """Yields (build parameters, search parameters to try on that build)."""

    def build(self, data, way): ...
    def save(self, path): ...
    def load(self, path, data): ...
    def searcher(self, data, extra, effort):
        """A function from a row of queries to row numbers."""

    def efforts(self, data, way):
        """Smallest and largest effort that makes sense."""


class FaissIvfSq8(Peer):
    def ways(self, data):
        for nlist in (1024, 2048) if data.n <= 200_000 else (4096,):
            yield {"nlist": nlist}, [{}]

    def key(self, data, way):
        return f"IVF{way['nlist']},SQ8"

    def build(self, data, way):
        import faiss

        faiss.omp_set_num_threads(BUILD_THREADS)
        index = faiss.index_factory(data.dim, self.key(data, way), faiss.METRIC_INNER_PRODUCT)
        index.train(data.base)
        index.add(data.base)
        faiss.omp_set_num_threads(1)
        self.index = index

    def save(self, path):
        import faiss

        faiss.write_index(self.index, path)

    def load(self, path, data):
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(path)

    def efforts(self, data, way):
        return 1, way["nlist"]

    def parameters(self, extra, effort):
        import faiss

        return faiss.SearchParametersIVF(nprobe=effort)

    def searcher(self, data, extra, effort):
        # The C++ call itself, into arrays made beforehand: Python's wrapper would cost it some microseconds.
        import faiss
        import numpy as np

        scores, rows = np.empty((1, K), np.float32), np.empty((1, K), np.int64)
        into_scores, into_rows = faiss.swig_ptr(scores), faiss.swig_ptr(rows)
        parameters, search = self.parameters(extra, effort), self.index.search_c
        pointers = {id(row): faiss.swig_ptr(row) for row in data.rows}

        def one(query):
            search(1, pointers[id(query)], K, into_scores, into_rows, parameters)
            return rows[0]

        return one


class FaissIvfPq(FaissIvfSq8):
    """4-bit product quantisation with fast-scan inside the partitions, and exact re-scoring of the best."""

    named = False

    def ways(self, data):
        for nlist in (512,) if data.n <= 200_000 else (2048,):
            yield {"nlist": nlist}, [{"refine": refine} for refine in (8, 16)]

    def key(self, data, way):
        return f"IVF{way['nlist']},PQ{data.dim // 2}x4fsr,RFlat"

    def parameters(self, extra, effort):
        import faiss

        self.inner = faiss.SearchParametersIVF(nprobe=effort)
        return faiss.IndexRefineSearchParameters(k_factor=float(extra["refine"]), base_index_params=self.inner)


class FaissFlat(FaissIvfSq8):
    """The exact scan over f32, as the measure of every other exact scan."""

    named = False

    def ways(self, data):
        yield {"nlist": 1}, [{}]

    def key(self, data, way):
        return "Flat"

    def efforts(self, data, way):
        return 1, 1

    def parameters(self, extra, effort):
        return None


class Scann(Peer):
    def ways(self, data):
        # One dimension a block is twice the bytes to scan, and needs far fewer candidates to score again.
        # Many rows want many leaves and many candidates scored again; matrix factors are found in few leaves.
        if data.n > 200_000:
            tries = ((4000, 1, (700, 1500, 3000)), (2000, 1, (1200, 2500)), (4000, 2, (2000, 4000)))
        elif data.kind == "mf":
            tries = ((300, 1, (400, 700, 1200)), (150, 1, (700, 1200)), (300, 2, (1000, 2000)))
        else:
            tries = ((600, 1, (250, 400, 700)), (1200, 1, (250, 400, 700)), (600, 2, (1000, 2000)))
        for leaves, block, reorders in tries:
            way = {"leaves": leaves, "dims_per_block": block, "threshold": 0.2}
            yield way, [{"reorder": reorder} for reorder in reorders]

    def build(self, data, way):
        import scann

        builder = scann.scann_ops_pybind.builder(data.base, K, "dot_product")
        builder.set_n_training_threads(BUILD_THREADS)
        builder.tree(way["leaves"], 50, training_sample_size=min(data.n, 250_000))
        builder.score_ah(way["dims_per_block"], anisotropic_quantization_threshold=way["threshold"]).reorder(400)
        self.index = builder.build()

    def save(self, path):
        os.makedirs(path, exist_ok=True)
        self.index.serialize(path)

    def load(self, path, data):
        import scann

        self.index = scann.scann_ops_pybind.load_searcher(path)

    def efforts(self, data, way):
        return 1, way["leaves"]

    def searcher(self, data, extra, effort):
        search, reorder = self.index.search, extra["reorder"]
        return lambda query: search(query, K, reorder, effort)[0]


class Voyager(Peer):
    """Augments the norms itself. Inserted by descending norm, which is what serves its graph best."""

    def ways(self, data):
        for m in GRAPH_DEGREES[data.kind, data.n > 200_000]:
            yield {"M": m, "ef_construction": 200}, [{}]

    def build(self, data, way):
        import voyager

        self.index = voyager.Index(
            voyager.Space.InnerProduct, data.dim, M=way["M"], ef_construction=way["ef_construction"], max_elements=data.n,
            storage_data_type=voyager.StorageDataType.Float32,
        )
        self.index.add_items(data.base[data.by_norm], ids=data.by_norm, num_threads=BUILD_THREADS)

    def save(self, path):
        self.index.save(path)

    def load(self, path, data):
        import voyager

        self.index = voyager.Index.load(path)

    def efforts(self, data, way):
        return K, 4000

    def searcher(self, data, extra, effort):
        query_one = self.index.query
        return lambda query: query_one(query, K, 1, effort)[0]


class HnswAugmented(Peer):
    """hnswlib in L2 over one dimension more, sqrt(largest norm^2 - norm^2): the order of inner products, as a metric."""

    def ways(self, data):
        for m in GRAPH_DEGREES[data.kind, data.n > 200_000]:
            yield {"M": m, "ef_construction": 200}, [{}]

    def build(self, data, way):
        import hnswlib
        import numpy as np

        squares = np.einsum("ij,ij->i", data.base, data.base, dtype=np.float64)
        last = np.sqrt(np.maximum(squares.max() - squares, 0.0)).astype(np.float32)
        augmented = np.hstack([data.base, last[:, None]])
        self.index = hnswlib.Index("l2", data.dim + 1)
        self.index.init_index(data.n, M=way["M"], ef_construction=way["ef_construction"], random_seed=7)
        self.index.add_items(augmented[data.by_norm], data.by_norm, num_threads=BUILD_THREADS)

    def save(self, path):
        self.index.save_index(path)

    def load(self, path, data):
        import hnswlib

        self.index = hnswlib.Index("l2", data.dim + 1)
        self.index.load_index(path)

    def efforts(self, data, way):
        return K, 4000

    def searcher(self, data, extra, effort):
        import numpy as np

        self.index.set_ef(effort)
        search = self.index.knn_query
        augmented = {id(row): np.append(row, np.float32(0.0)) for row in data.rows}
        return lambda query: search(augmented[id(query)], K, 1)[0][0]


PEERS = {
    "faiss-flat": (FaissFlat, "faiss-cpu", "faiss"),
    "faiss-ivf-sq8": (FaissIvfSq8, "faiss-cpu", "faiss"),
    "faiss-ivf-pq": (FaissIvfPq, "faiss-cpu", "faiss"),
    "scann": (Scann, "scann", "scann"),
    "voyager": (Voyager, "voyager", "voyager"),
    "hnswlib-augmented": (HnswAugmented, "hnswlib", "hnswlib"),
}


def measure(data, one, every=1, limit_us=None):
    """Recall and microseconds per query over one pass. None when far slower than `limit_us`.

    `us_*` are by the clock and are what is compared in the end; `cpu_us` is the processor's time of the whole process,
    by which the settings are chosen: it does not mind what else the machine is doing, and shows a second thread.
    """
    import numpy as np

    which = range(0, len(data.rows), every)
    found = np.full((len(which), K), -1, np.int64)
    taken = np.empty(len(which))
    clock = time.perf_counter_ns
    cpu, wall = time.process_time(), time.perf_counter()
    for i, query in enumerate(data.rows[::every]):
        start = clock()
        rows = one(query)
        taken[i] = clock() - start
        found[i, : len(rows)] = rows[:K]
        if limit_us and i == 100 and (time.process_time() - cpu) * 1e4 > limit_us:
            return None
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    hits = sum(len(np.intersect1d(row, data.truth[q])) for row, q in zip(found, which))
    micros = np.sort(taken) / 1000
    return {
        "recall": round(hits / found.size, 4), "us_mean": round(float(micros.mean()), 2),
        "us_p50": round(float(np.median(micros)), 2), "us_p99": round(float(np.percentile(micros, 99)), 2),
        "cpu_us": round(cpu / len(which) * 1e6, 2), "threads": round(cpu / wall, 2),
    }


def passes(data, one, count):
    """Several passes; the one with the median mean stands for all, and the least processor time is kept beside it."""
    runs = sorted((measure(data, one) for _ in range(count)), key=lambda run: run["us_mean"])
    return {**runs[len(runs) // 2], "cpu_us": min(run["cpu_us"] for run in runs)}


def smallest_effort(peer, data, way, extra, best_us):
    """The smallest effort that reaches the recall, or the largest that was tried when none does; None when hopeless."""
    low, high = peer.efforts(data, way)
    tried, effort, reached = {}, low, None
    while True:  # upwards in steps over a few queries, so that slow settings are met last
        # What is already slower than the best by half, and still too poor, cannot win.
        result = measure(data, peer.searcher(data, extra, effort), every=4, limit_us=best_us and 1.5 * best_us)
        if result is None:
            return None
        tried[effort] = result
        if result["recall"] >= RECALL:
            reached = effort
            break
        # Where more effort brings nothing any more (the quantisation is the limit), stop.
        earlier = [e for e in tried if e * 2 <= effort]
        if effort == high or (effort > 8 * low and earlier and result["recall"] - tried[max(earlier)]["recall"] < 0.001):
            return effort, measure(data, peer.searcher(data, extra, effort))
        effort = min(high, max(effort + 1, int(effort * 1.5)))
    floor = max((e for e in tried if e < reached), default=low - 1)
    results = {}
    while reached - floor > max(1, reached // 50):
        middle = (reached + floor) // 2
        results[middle] = measure(data, peer.searcher(data, extra, middle))
        if results[middle]["recall"] >= RECALL:
            reached = middle
        else:
            floor = middle
    result = results.get(reached) or measure(data, peer.searcher(data, extra, reached))
    while result["recall"] < RECALL and reached < high:  # the few queries of the first phase promised too much
        reached = min(high, reached + 1 + reached // 30)
        result = measure(data, peer.searcher(data, extra, reached))
    return reached, result


def better(new, old):
    """Reaching the recall counts first, then speed; among those that miss it, the recall."""
    if old is None:
        return True
    if (new["recall"] >= RECALL) != (old["recall"] >= RECALL):
        return new["recall"] >= RECALL
    return new["cpu_us"] < old["cpu_us"] if new["recall"] >= RECALL else new["recall"] > old["recall"]


def tune(peer, data, path, label):
    """Tries all ways; leaves the winner's index at `path`."""
    best = None
    for way, extras in peer.ways(data):
        begun = time.time()
        say(f"{label}: building {way}")
        peer.build(data, way)
        build_s = round(time.time() - begun, 1)
        say(f"{label}: built {way} in {build_s} s")
        for extra in extras:
            limit = best["cpu_us"] if best and best["recall"] >= RECALL else None
            found = smallest_effort(peer, data, way, extra, limit)
            if found is None:
                continue
            effort, result = found
            say(f"{label}: {way} {extra} effort {effort}: recall {result['recall']}, {result['cpu_us']} cpu us")
            if better(result, best):
                if best is None or best["way"] != way:
                    save(peer, path)
                best = {"way": way, "extra": extra, "effort": effort, "build_s": build_s, **result}
    return best


def save(peer, path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    peer.save(path)


def size_of(path):
    if os.path.isdir(path):
        return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path))
    return os.path.getsize(path)


def child(arguments):
    """One peer on one data set: tunes if it has not been tuned, loads, searches."""
    import warnings

    warnings.filterwarnings("ignore")
    kind, _, _ = PEERS[arguments.child]
    name, label = arguments.only[0], f"{arguments.only[0]} {arguments.child}"
    data = Data(arguments.data, name)
    data.rows = [row.copy() for row in data.queries]
    folder = os.path.join(arguments.data, "peers", name)
    os.makedirs(folder, exist_ok=True)
    index, record = os.path.join(folder, f"{arguments.child}.index"), os.path.join(folder, f"{arguments.child}.json")
    peer = kind()
    known = None
    if not arguments.retune and os.path.exists(record) and os.path.exists(index):
        with open(record) as file:
            known = json.load(file)
    # An index belongs to the very data that it was built on.
    if known is None or known.get("format") != FORMAT or known.get("data") != data.header:
        known = {"format": FORMAT, "data": data.header, **tune(peer, data, index, label)}
        with open(record, "w") as file:
            json.dump(known, file)
    peer.load(index, data)
    result = passes(data, peer.searcher(data, known["extra"], known["effort"]), arguments.passes)
    setting = {**known["way"], **known["extra"], "effort": known["effort"], "build_s": known["build_s"]}
    print(json.dumps({**result, "setting": setting, "index_bytes": size_of(index), "reached": result["recall"] >= RECALL}))


def run_child(arguments, name, peer, environment):
    command = [sys.executable, os.path.abspath(__file__), "--data", arguments.data, "--only", name, "--child", peer]
    command += ["--passes", str(arguments.passes)] + (["--retune"] if arguments.retune else [])
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD, **environment}, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def installed(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder that vectors_data.py filled")
    parser.add_argument("--only", nargs="+", metavar="NAME", required=True, help="data sets, such as mix-100k-64")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--passes", type=int, default=3, help="passes over the queries; the median counts")
    parser.add_argument("--retune", action="store_true", help="forget the settings found before")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments)
    missing = [package for package in dict.fromkeys(p for _, p, _ in PEERS.values())
               if not installed(next(m for _, p, m in PEERS.values() if p == package))]
    results = {}
    for name in arguments.only:
        results[name] = {}
        for peer in arguments.peers:
            kind, package, _ = PEERS[peer]
            if package in missing:
                continue
            levels = FAISS_LEVELS if package == "faiss-cpu" else {"": {}}
            for level, environment in levels.items():
                result = run_child(arguments, name, peer, environment)
                if result is None:
                    say(f"{name} {peer}: failed; see above")
                    missing.append(f"{peer} on {name} (failed)")
                    break
                result["level"], result["named"] = level or "default", kind.named
                say(f"{name} {peer} {level}: recall {result['recall']}, {result['us_mean']} us ({result['cpu_us']} cpu us), {result['setting']}")
                if better(result, results[name].get(peer)):
                    results[name][peer] = result
    print(json.dumps({"k": K, "recall": RECALL, "missing": missing, "results": results}))


if __name__ == "__main__":
    main()
