"""Trains small models with LightGBM and XGBoost, and writes down what the libraries themselves predict with them.

    python3 train_models.py DIRECTORY

For each model NAME: NAME.model, NAME.rows (f32, row by row), NAME.predictions and NAME.raw (f64, row by row), NAME.leaves (i32, row
by row), and a line of index.json.
"""

import json
import sys
from pathlib import Path

import lightgbm
import numpy
import pandas
import xgboost

OUT = Path(sys.argv[1])
NAN = numpy.nan
RANDOM = numpy.random.default_rng(20261120)
COLORS = [f"colour {number}" for number in range(12)] + ["süß"]
index = []


def features(rows, strange):
    """Six inputs: two smooth, one with ties and zeros, a small and a large categorical one, one with many missing values."""
    table = numpy.empty((rows, 6), dtype=numpy.float32)
    table[:, 0] = RANDOM.normal(size=rows)
    table[:, 1] = RANDOM.exponential(size=rows)
    table[:, 2] = RANDOM.integers(-3, 6, size=rows)
    table[:, 3] = RANDOM.integers(0, len(COLORS), size=rows)
    table[:, 4] = RANDOM.integers(0, 400, size=rows)
    table[:, 5] = RANDOM.normal(size=rows)
    table[RANDOM.random(rows) < 0.4, 5] = NAN
    table[RANDOM.random(rows) < 0.1, 0] = NAN
    table[RANDOM.random(rows) < 0.1, 3] = NAN
    if strange:
        table[RANDOM.random(rows) < 0.1, 1] = NAN
        table[RANDOM.random(rows) < 0.1, 2] = NAN
        table[RANDOM.random(rows) < 0.1, 4] = NAN
        for column in (0, 1, 2, 5):
            table[RANDOM.random(rows) < 0.1, column] = 0.0
            table[RANDOM.random(rows) < 0.02, column] = 1e-36
            table[RANDOM.random(rows) < 0.05, column] = numpy.float32(1e30)
        table[RANDOM.random(rows) < 0.1, 3] = len(COLORS) + 3
        table[RANDOM.random(rows) < 0.1, 4] = 5000
    return table


def target(table):
    x = numpy.nan_to_num(table)
    noise = RANDOM.normal(size=len(x)) * 0.2
    return x[:, 0] + numpy.sin(3 * x[:, 1]) + (x[:, 2] == 0) + numpy.sin(x[:, 3] * 1.7) + (x[:, 4] % 7 < 3) + 0.5 * x[:, 5] + noise


ROWS = 500
TRAIN = features(ROWS, False)
Y = target(TRAIN)
POSITIVE = numpy.exp(Y / 3)
TEST = features(150, True)
GROUPS = [10] * (ROWS // 10)
CATEGORICAL = [3, 4]


def write(name, kind, rows, predictions, raw, leaves, **more):
    rows.astype("<f4").tofile(OUT / f"{name}.rows")
    outputs = 1 if predictions.ndim == 1 else predictions.shape[1]
    predictions.astype("<f8").tofile(OUT / f"{name}.predictions")
    raw.astype("<f8").tofile(OUT / f"{name}.raw")
    leaves.reshape(len(rows), -1).astype("<i4").tofile(OUT / f"{name}.leaves")
    index.append({"name": name, "format": kind, "rows": len(rows), "inputs": rows.shape[1], "outputs": outputs} | more)


def labels(objective):
    if objective in ("poisson", "count:poisson"):
        return numpy.round(POSITIVE)
    if objective in ("gamma", "tweedie", "reg:gamma", "reg:tweedie", "mape", "reg:squaredlogerror", "survival:aft", "survival:cox"):
        return POSITIVE
    if "multi" in objective:
        return numpy.digitize(Y, [0.0, 1.5])
    if objective in ("cross_entropy", "cross_entropy_lambda", "reg:logistic"):
        return 1 / (1 + numpy.exp(-Y))
    if objective in ("lambdarank", "rank_xendcg") or objective.startswith("rank:"):
        return numpy.digitize(Y, [0.0, 1.0, 2.0])
    if objective.startswith("binary"):
        return (Y > 0.7).astype(float)
    return Y


def light(name, objective, rounds=8, train=TRAIN, test=TEST, categorical=CATEGORICAL, **params):
    ranked = objective in ("lambdarank", "rank_xendcg")
    parameters = {"objective": objective, "num_leaves": 15, "min_data_in_leaf": 5, "min_data_per_group": 5, "cat_smooth": 1,
                  "learning_rate": 0.2, "verbose": -1, "seed": 1, "num_threads": 1, "deterministic": True, "force_row_wise": True} | params
    y = labels("regression" if callable(objective) else objective)
    data = lightgbm.Dataset(train, label=y, group=GROUPS if ranked else None, categorical_feature=categorical or "auto",
                            free_raw_data=False)
    model = lightgbm.train(parameters, data, num_boost_round=rounds)
    model.save_model(OUT / f"{name}.model")
    write(name, "lightgbm", test, model.predict(test), model.predict(test, raw_score=True),
          model.predict(test, pred_leaf=True), objective="custom" if callable(objective) else objective)


def lightgbm_models():
    wild = TEST.copy()
    for column in (3, 4):
        pick = RANDOM.random(len(wild)) < 0.3
        wild[pick, column] = RANDOM.choice(numpy.float32([-1, -0.5, 2.7, 1e10, -1e10, -0.0]), pick.sum())
    wild[RANDOM.random(len(wild)) < 0.1, 0] = numpy.inf
    wild[RANDOM.random(len(wild)) < 0.1, 1] = -numpy.inf
    for objective in ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson", "gamma", "tweedie", "binary",
                      "cross_entropy", "cross_entropy_lambda", "lambdarank", "rank_xendcg"):
        light(f"lightgbm-{objective}", objective, test=wild)
    for objective in ("multiclass", "multiclassova"):
        light(f"lightgbm-{objective}", objective, num_class=3, rounds=4)
    for objective in ("regression", "regression_l1", "huber", "fair", "quantile", "mape", "poisson"):
        light(f"lightgbm-root-{objective}", objective, reg_sqrt=True)
    light("lightgbm-steep", "binary", sigmoid=0.7)
    light("lightgbm-dart", "binary", boosting="dart", drop_rate=0.5, rounds=12)
    light("lightgbm-forest", "binary", boosting="rf", bagging_freq=1, bagging_fraction=0.7)
    light("lightgbm-forest-regression", "regression", boosting="rf", bagging_freq=1, bagging_fraction=0.7)
    light("lightgbm-forest-multiclass", "multiclass", boosting="rf", bagging_freq=1, bagging_fraction=0.7, num_class=3, rounds=3)
    light("lightgbm-zero-missing", "regression", zero_as_missing=True)
    light("lightgbm-never-missing", "regression", use_missing=False)
    light("lightgbm-one-hot", "regression", max_cat_to_onehot=500)
    light("lightgbm-large", "regression", num_leaves=400, min_data_in_leaf=1, min_sum_hessian_in_leaf=0, rounds=3)
    light("lightgbm-hundred", "regression", num_leaves=100, min_data_in_leaf=1, rounds=3)
    light("lightgbm-stump", "regression", num_leaves=2)
    light("lightgbm-leaf", "regression", min_data_in_leaf=1000, rounds=1)
    light("lightgbm-many-cuts", "regression", max_bin=2000, min_data_in_bin=1, num_leaves=60, min_data_in_leaf=1, rounds=12)
    light("lightgbm-numbers", "regression", categorical=[])
    light("lightgbm-custom", lambda scores, data: (scores - data.get_label(), numpy.ones_like(scores)))

    def frame(table):
        colours = [None if numpy.isnan(code) or code >= len(COLORS) else COLORS[int(code)] for code in table[:, 3]]
        sizes = [None if numpy.isnan(code) or code >= 400 else int(code) for code in table[:, 4]]
        return pandas.DataFrame({"smooth": table[:, 0], "colour": pandas.Categorical(colours, categories=COLORS),
                                 "size": pandas.Categorical(sizes, categories=list(range(399, -1, -1))), "gap": table[:, 5]})

    def coded(table):
        codes = [table["colour"].cat.codes, table["size"].cat.codes]
        columns = [table["smooth"], *(code.where(code >= 0).astype("float32") for code in codes), table["gap"]]
        return numpy.column_stack(columns).astype("float32")

    train, test = frame(TRAIN), frame(TEST)
    parameters = {"objective": "binary", "min_data_per_group": 5, "cat_smooth": 1, "verbose": -1, "num_threads": 1, "num_leaves": 15}
    model = lightgbm.train(parameters, lightgbm.Dataset(train, label=labels("binary")), num_boost_round=8)
    model.save_model(OUT / "lightgbm-pandas.model")
    write("lightgbm-pandas", "lightgbm", coded(test), model.predict(test), model.predict(test, raw_score=True),
          model.predict(test, pred_leaf=True), objective="binary", names=list(test.columns))

    parameters = {"objective": "binary:logistic", "max_depth": 5, "max_cat_to_onehot": 1, "nthread": 1}
    model = xgboost.train(parameters, xgboost.DMatrix(train, label=labels("binary"), enable_categorical=True), 8)
    xgb_write("xgboost-pandas", model, xgboost.DMatrix(test, enable_categorical=True), coded(test), "binary:logistic",
              names=list(test.columns))


def xgb_write(name, model, data, rows, objective, **more):
    predictions = model.predict(data)
    raw = model.predict(data, output_margin=True)
    if objective == "multi:softmax":  # which the library turns into the number of the class
        shares = numpy.exp(raw - raw.max(axis=1, keepdims=True))
        predictions = shares / shares.sum(axis=1, keepdims=True)
    leaves = model.predict(data, pred_leaf=True)
    for kind, ending in (("xgboost_json", "json"), ("xgboost_ubj", "ubj")):
        model.save_model(OUT / f"{name}.{ending}")
        (OUT / f"{name}.{ending}").rename(OUT / f"{name}-{ending}.model")
        write(f"{name}-{ending}", kind, rows, predictions, raw, leaves, objective=objective, **more)


def xgb(name, objective, rounds=8, categorical=True, y=None, **params):
    y = labels(objective) if y is None else y
    types = ["q", "q", "q", "c", "c", "q"] if categorical else None
    if objective.startswith("reg:quantile"):
        params["quantile_alpha"] = [0.2, 0.5, 0.9]
    parameters = {"objective": objective, "max_depth": 5, "eta": 0.3, "nthread": 1, "seed": 1, "tree_method": "hist"} | params
    data = xgboost.DMatrix(TRAIN, label=y, feature_types=types, enable_categorical=categorical)
    if objective.startswith("rank:"):
        data.set_group(GROUPS)
    if objective == "rank:map":
        data.set_label((y > 1).astype(float))
    if objective == "survival:aft":
        data.set_float_info("label_lower_bound", y)
        data.set_float_info("label_upper_bound", y * 1.3)
    model = xgboost.train(parameters, data, num_boost_round=rounds)
    xgb_write(name, model, xgboost.DMatrix(TEST, feature_types=types, enable_categorical=categorical), TEST, objective)


def xgboost_models():
    for objective in ("reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:quantileerror",
                      "reg:logistic", "reg:gamma", "reg:tweedie", "count:poisson", "binary:logistic", "binary:logitraw", "binary:hinge",
                      "rank:ndcg", "rank:pairwise", "rank:map", "survival:cox", "survival:aft"):
        xgb("xgboost-" + objective.replace(":", "-"), objective)
    for objective in ("multi:softprob", "multi:softmax"):
        xgb("xgboost-" + objective.replace(":", "-"), objective, num_class=3, rounds=4)
    xgb("xgboost-dart", "binary:logistic", booster="dart", rate_drop=0.5, rounds=12)
    xgb("xgboost-parallel", "reg:squarederror", num_parallel_tree=3, subsample=0.6, rounds=4)
    xgb("xgboost-one-hot", "reg:squarederror", max_cat_to_onehot=1000)
    xgb("xgboost-partition", "reg:squarederror", max_cat_to_onehot=1)
    xgb("xgboost-leafwise", "reg:squarederror", grow_policy="lossguide", max_leaves=31, max_depth=0)
    xgb("xgboost-large", "reg:squarederror", max_depth=14, min_child_weight=0, rounds=2, reg_lambda=0)
    xgb("xgboost-exact", "reg:squarederror", categorical=False, tree_method="exact", max_depth=8, rounds=20)
    xgb("xgboost-base", "reg:squarederror", base_score=3.25)
    xgb("xgboost-targets", "reg:squarederror", y=numpy.column_stack([Y, -Y, Y * Y]), rounds=4)


lightgbm_models()
xgboost_models()
(OUT / "index.json").write_text(json.dumps(index))
