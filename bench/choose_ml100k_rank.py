"""choose_ml100k_rank KIND FOLDER [--write]: picks the numbers of bench/confs/ml100k/KIND.toml on the validation samples.

The test samples are never opened: a run is given the validation samples in their place. Takes the numbers in turn from their
first values: all values of one, the others as they are; the best mean validation ROC-AUC over the seeds wins (early stopping
picks the epoch). --write puts the winners into the model file. One JSON line per setting.
"""

import json
import re
import shutil
import statistics
import sys
from pathlib import Path

import measure
from peers import ml100k

SEEDS = (1, 2)
DEEP = {
    "l2": ('"adam", lr = [^,]*, l2 = {}', ["3", "1", "10"]), "dim": ("dim = {} }}", ["32", "16", "64"]),
    "average": ("average = {}", ["0.7", "0.9", "0"]), "batch": ("batch = {}", ["128", "256"]),
    "dropout": ("dropout = {{ hidden = {}", ["0.3", "0.1", "0.5"]), "rate": ('"adam", lr = {}', ["1e-3", "5e-4", "2e-3"]),
}
#: The others begin where DeepFM ended and take fewer values.
SHORT = {"l2": (DEEP["l2"][0], ["10", "3"]), "dim": (DEEP["dim"][0], ["64", "32"]),
         "dropout": (DEEP["dropout"][0], ["0.3", "0.1"]), "batch": (DEEP["batch"][0], ["128", "256"])}
#: Kinds that take minutes a run.
SLOW = {name: SHORT[name] for name in ("l2", "dropout")}
NUMBERS = {
    "lr": {"rate": ('"ftrl", lr = {}', ["0.05", "0.1", "0.03"]), "l2": ('"ftrl", lr = [^,]*, l2 = {}', ["2", "5", "1", "10"])},
    "fm": {"factor l2": ("factor = {{ lr = [^,]*, l2 = {}", ["5e-2", "4e-2", "6e-2", "7e-2"]),
           "k": ("k = {} }}", ["32", "16", "64"]), "factor rate": ("factor = {{ lr = {}", ["0.1", "0.05", "0.2"]),
           "init": ("init = {}", ["0.1", "0.2", "0.05"]),
           "l2": ('"adagrad", lr = [^,]*, l2 = {}', ["1e-3", "3e-4", "3e-3"]), "rate": ('"adagrad", lr = {}', ["0.05", "0.03", "0.1"])},
    "deepfm": DEEP, **{kind: SHORT for kind in ("widedeep", "dssm", "dcn")},
    **{kind: SLOW for kind in ("din", "dien", "autoint")},
}


def placed(text, pattern, value):
    """The text with the number of every match replaced."""
    before, after = pattern.format("\0").split("\0")
    found, count = re.subn(rf"({before})[-0-9.e]+({after})", rf"\g<1>{value}\g<2>", text)
    assert count, pattern
    return found


def judged(kind, text, files):
    """Mean validation ROC-AUC and best epoch of a model file over the seeds."""
    home, figures = measure.WORK / f"choose-ml100k-rank-{kind}", []
    for seed in SEEDS:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        path = home / f"{kind}.toml"
        path.write_text(re.sub(r"seed = \d+", f"seed = {seed}", text))
        done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", path,
                                  "--conf", measure.ROOT / "bench" / "confs" / "ml100k.feature.toml",
                                  "--train", files["train"], "--valid", files["valid"]])
        best = done["history"][done["best_epoch"] - 1]
        figures.append((best["valid_auc"], done["best_epoch"]))
    return [statistics.mean(f) for f in zip(*figures)]


def main(kind, folder, write):
    path = measure.ROOT / "bench" / "confs" / "ml100k" / f"{kind}.toml"
    text, numbers = path.read_text(), NUMBERS[kind]
    files = ml100k.write(Path(folder), measure.WORK / f"ml100k-{kind}")
    files.pop("test").unlink()
    chosen, known = {name: values[0] for name, (_, values) in numbers.items()}, {}

    def figure(setting):
        key = json.dumps(setting)
        if key not in known:
            changed = text
            for name, value in setting.items():
                changed = placed(changed, numbers[name][0], value)
            known[key] = judged(kind, changed, files)
            auc, epoch = known[key]
            print(json.dumps({"kind": kind, **setting, "auc": round(auc, 5), "epoch": epoch}), flush=True)
        return known[key][0]

    for name, (_, values) in numbers.items():
        chosen[name] = max(values, key=lambda value: figure({**chosen, name: value}))
    print(json.dumps({"kind": kind, "chosen": chosen, "auc": known[json.dumps(chosen)][0]}))
    if write:
        for name, value in chosen.items():
            text = placed(text, numbers[name][0], value)
        path.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "--write" in sys.argv)
