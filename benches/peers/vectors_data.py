"""Generates the vectors on which every index is compared: two kinds of data, seeded, with the exact answer.

`mix`: clusters of directions with Zipf sizes, times log-normal norms (text or image encoders, two-tower models).
`mf`: item factors of a matrix factorisation trained on generated interactions; the queries are user factors.

Files per data set, raw little-endian, row by row: NAME.base.f32 (n x dim), NAME.queries.f32 (queries x dim),
NAME.truth.u32 (queries x 100, best first by inner product, found by an exact scan), NAME.json (the shape).
"""

import argparse
import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: implicit warns otherwise, with reason

import numpy as np

QUERIES = 1000
TRUTH = 100
SETS = {
    # name: (kind, n, dim, seed)
    "mix-100k-64": ("mix", 100_000, 64, 11),
    "mf-100k-64": ("mf", 100_000, 64, 12),
    "mix-100k-128": ("mix", 100_000, 128, 13),
    "mix-1m-64": ("mix", 1_000_000, 64, 14),
    "mf-1m-64": ("mf", 1_000_000, 64, 15),
}
# A change in what a name means changes this number, so that folders kept from before are made anew.
FORMAT = 1


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def zipf_weights(n, exponent, offset=1.0):
    weights = 1.0 / np.power(np.arange(n) + offset, exponent)
    return weights / weights.sum()


def mix(n, dim, seed):
    """Points around 1,000-4,000 centres: centre + isotropic noise, made unit length, times a log-normal norm."""
    rng = np.random.default_rng(seed)
    clusters = 2000 if n <= 100_000 else 4000
    centres = rng.standard_normal((clusters, dim)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    # Each cluster has its own width, so that some are tight (near-duplicates) and some run into their neighbours.
    widths = rng.uniform(0.4, 1.0, clusters).astype(np.float32)
    weights = zipf_weights(clusters, 0.7, 10.0)

    def draw(count):
        which = rng.choice(clusters, size=count, p=weights)
        noise = rng.standard_normal((count, dim)).astype(np.float32)
        noise *= (widths[which] / np.sqrt(dim))[:, None]
        noise += centres[which]
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        return noise

    base = draw(n)
    base *= rng.lognormal(0.0, 0.4, n).astype(np.float32)[:, None]
    return base, draw(QUERIES)


def interactions(n, rng):
    """Users who live in one to three of several hundred groups; items with Zipf popularity, each in one group."""
    from scipy.sparse import csr_matrix

    users = n // 2 if n <= 100_000 else n // 5
    groups = 400
    popularity = zipf_weights(n, 0.9, 20.0)
    group_of = rng.integers(0, groups, n)
    order = np.lexsort((np.arange(n), group_of))  # items by group, the popular ones first
    cumulative = np.concatenate([[0.0], np.cumsum(popularity[order])])
    bounds = np.searchsorted(group_of[order], np.arange(groups + 1))

    lengths = np.clip(rng.lognormal(3.2, 0.7, users), 5, 300).astype(np.int64)
    who = np.repeat(np.arange(users), lengths)
    tastes = rng.integers(0, groups, (users, 3))
    slot = rng.choice(3, size=len(who), p=[0.6, 0.25, 0.15])
    group = tastes[who, slot]
    low, high = cumulative[bounds[group]], cumulative[bounds[group + 1]]
    anywhere = rng.random(len(who)) < 0.15  # what everybody buys
    low[anywhere], high[anywhere] = 0.0, cumulative[-1]
    spot = low + rng.random(len(who)) * (high - low)
    what = order[np.clip(np.searchsorted(cumulative, spot, side="right") - 1, 0, n - 1)]
    # Two users for every item, so that none has a factor of nothing but zeros.
    extra_item = np.repeat(np.arange(n), 2)
    extra_user = rng.integers(0, users, 2 * n)
    rows = np.concatenate([who, extra_user])
    columns = np.concatenate([what, extra_item])
    matrix = csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=(users, n))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix


def mf(n, dim, seed):
    """Item factors of implicit ALS; the queries are the factors of users drawn at random."""
    from implicit.cpu.als import AlternatingLeastSquares

    rng = np.random.default_rng(seed)
    matrix = interactions(n, rng)
    sweeps = 12 if n <= 100_000 else 6
    say(f"  {matrix.shape[0]:,} users x {n:,} items, {matrix.nnz:,} interactions, {sweeps} sweeps of ALS")
    model = AlternatingLeastSquares(
        factors=dim, regularization=0.05, alpha=10.0, iterations=sweeps, num_threads=1, random_state=seed
    )
    model.fit(matrix, show_progress=False)
    users = rng.choice(matrix.shape[0], QUERIES, replace=False)
    return np.ascontiguousarray(model.item_factors), np.ascontiguousarray(model.user_factors[users])


def exact(base, queries):
    """The TRUTH best rows for each query by inner product, in blocks, ties by row number."""
    scores = np.full((len(queries), 0), 0, np.float32)
    rows = np.full((len(queries), 0), 0, np.uint32)
    for start in range(0, len(base), 50_000):
        block = queries @ base[start : start + 50_000].T
        best = np.argpartition(-block, min(TRUTH, block.shape[1]) - 1, axis=1)[:, :TRUTH]
        scores = np.hstack([scores, np.take_along_axis(block, best, axis=1)])
        rows = np.hstack([rows, (best + start).astype(np.uint32)])
        keep = np.lexsort((rows, -scores), axis=1)[:, :TRUTH]
        scores = np.take_along_axis(scores, keep, axis=1)
        rows = np.take_along_axis(rows, keep, axis=1)
    return rows


def complete(out, name):
    kind, n, dim, seed = SETS[name]
    sizes = {"base.f32": n * dim * 4, "queries.f32": QUERIES * dim * 4, "truth.u32": QUERIES * TRUTH * 4}
    try:
        with open(os.path.join(out, f"{name}.json")) as file:
            header = json.load(file)
    except (OSError, ValueError):
        return False
    return header.get("format") == FORMAT and header.get("seed") == seed and all(
        os.path.exists(path := os.path.join(out, f"{name}.{part}")) and os.path.getsize(path) == size
        for part, size in sizes.items()
    )


def make(out, name):
    kind, n, dim, seed = SETS[name]
    begun = time.time()
    say(f"{name}: making")
    base, queries = (mix if kind == "mix" else mf)(n, dim, seed)
    say(f"{name}: finding the exact answers")
    truth = exact(base, queries)
    for part, values, kind_of in (("base.f32", base, "<f4"), ("queries.f32", queries, "<f4"), ("truth.u32", truth, "<u4")):
        values.astype(kind_of, copy=False).tofile(os.path.join(out, f"{name}.{part}"))
    norms = np.linalg.norm(base, axis=1)
    header = {
        "format": FORMAT, "name": name, "kind": kind, "n": n, "dim": dim, "queries": QUERIES, "truth": TRUTH, "seed": seed,
        "metric": "inner_product", "norms": [round(float(v), 5) for v in np.percentile(norms, [1, 50, 99])],
    }
    with open(os.path.join(out, f"{name}.json"), "w") as file:
        json.dump(header, file, indent=1)
    say(f"{name}: done in {time.time() - begun:.0f} s, norms p1/p50/p99 {header['norms']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder for the files; what is there already is kept")
    parser.add_argument("--only", nargs="+", choices=list(SETS), default=list(SETS))
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    for name in arguments.only:
        if complete(arguments.out, name):
            say(f"{name}: there already")
        else:
            make(arguments.out, name)


if __name__ == "__main__":
    main()
