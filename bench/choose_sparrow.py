"""choose_sparrow FOLDER KIND [--write]: picks the numbers of config/models/sparrow/KIND.toml by cross-validation.

Reads trainingSamples alone; the folder's test file is never opened. Five folds of random rows, two seeds: a setting
learns from four folds (a tenth of them held out where it stops early) and is judged on the fifth. The grid below was
written down before the first run: all of STAGES' first product, then the other numbers one at a time around its winner.
(`average` came into the grid later, after a first test run.) The best mean wins; --write puts it into the model file. One JSON line per setting: mean ROC-AUC over folds and seeds.
"""

import concurrent.futures
import csv
import gzip
import itertools
import json
import pathlib
import random
import re
import shutil
import statistics
import sys
import tempfile

import measure
from peers import sparrow_samples

FOLDS, SEEDS = 5, (1, 2)
CONFIG = measure.ROOT / "config"
# Name of a number in a model file: the pattern around it, {} being the number.
PLACES = {
    "rate": ["optimizer.embedding = {{ kind = \"adam\", lr = {} }}", "optimizer.dense = {{ kind = \"adam\", lr = {}"],
    "user_l2": ["table = \"user\", dim = 10, l2 = {}", "gmf = {{ dim = 8, l2 = {}"],
    "movie_l2": ["table = \"movie\", dim = 10, l2 = {}"],
    "init": ["init = {} }}"],
    "bias_l2": ["bias = {{ l2 = {} }}"],
    "dense_l2": ["\"adam\", lr = 1e-3, l2 = {} }}", "\"adam\", lr = 3e-3, l2 = {} }}"],
    "dropout": ["dropout = {{ hidden = {} }}"],
    "batch": ["train = {{ batch = {},"],
    "patience": ["patience = {} }}"],
    "average": ["average = {},"],
}
# The first product, then each of the rest by itself.
STAGES = {
    "neuralcf": ({"user_l2": [5, 20, 60], "movie_l2": [1, 5, 20]},
                 {"rate": ["1e-3", "3e-3"], "init": [0.01, 0.05], "bias_l2": [1, 3], "dense_l2": [0, 0.01], "batch": [256, 512, 1024],
                  "patience": [2, 3], "average": [0, 0.5, 0.8, 0.9]}),
    "embeddingmlp": ({"rate": ["1e-3", "3e-4"], "dropout": [0.2, 0.4]}, {"batch": [256, 512], "patience": [2, 3]}),
    "widedeep": ({"rate": ["1e-3", "3e-4"], "dropout": [0.2, 0.4]}, {"batch": [256, 512], "patience": [2, 3]}),
}


def folds(folder):
    """(four folds, the fifth) as files, five times."""
    path = sparrow_samples.find(pathlib.Path(folder), "trainingSamples")
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="") as f:
        rows = list(csv.DictReader(f))
    place = [i % FOLDS for i in range(len(rows))]
    random.Random(20261122).shuffle(place)
    where = measure.WORK / "choose"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir(parents=True)
    files = []
    for fold in range(FOLDS):
        parts = (where / f"learn{fold}.csv", where / f"judge{fold}.csv")
        for path, judged in zip(parts, (False, True)):
            with open(path, "w", newline="") as f:
                out = csv.DictWriter(f, rows[0].keys(), lineterminator="\n")
                out.writeheader()
                out.writerows(r for r, p in zip(rows, place) if (p == fold) == judged)
        files.append(parts)
    return files


def fill(text, numbers):
    """The model file with these numbers in their places."""
    for name, number in numbers.items():
        found = 0
        for place in PLACES[name]:
            before, after = (re.escape(part.replace("{{", "{").replace("}}", "}")) for part in place.split("{}", 1))
            text, count = re.subn(f"({before})[-0-9.e]+(?={after})", lambda m: m.group(1) + str(number), text)
            found += count
        if not found:
            raise SystemExit(f"the model file has no place for {name}")
    return text


def judge(text, kind, files):
    """ROC-AUC on the fold left out, for every fold and seed."""
    def one(job):
        seed, (learn, left_out) = job
        with tempfile.TemporaryDirectory(dir=measure.WORK) as home:
            model = pathlib.Path(home) / f"{kind}.toml"
            model.write_text(re.sub(r"(?m)^seed = \d+$", f"seed = {seed}", text))
            done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", model, "--conf", CONFIG / "sparrow.feature.toml",
                                      "--train", learn, "--test", left_out])
        return next(line["measures"]["roc_auc"] for line in done["evaluation"]["lines"] if line["name"] == kind)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        return list(pool.map(one, itertools.product(SEEDS, files)))


def choose(kind, text, files):
    seen = {}

    def score(numbers):
        candidate = fill(text, numbers)
        if candidate not in seen:
            scores = judge(candidate, kind, files)
            seen[candidate] = statistics.mean(scores)
            print(json.dumps({"kind": kind, **numbers, "auc": round(seen[candidate], 5),
                              "deviation": round(statistics.stdev(scores), 5)}), flush=True)
        return seen[candidate]

    first, others = STAGES[kind]
    best = max((dict(zip(first, values)) for values in itertools.product(*first.values())), key=score)
    for name, values in others.items():
        best = max(({**best, name: value} for value in values), key=score)
    return best, fill(text, best)


def main():
    folder, kind = sys.argv[1:3]
    measure.build()
    path = CONFIG / "models" / "sparrow" / f"{kind}.toml"
    best, text = choose(kind, path.read_text(), folds(folder))
    print(json.dumps({"kind": kind, "chosen": best}))
    if "--write" in sys.argv:
        path.write_text(text)


if __name__ == "__main__":
    main()
