"""choose_movielens KIND [--write]: picks the numbers of config/models/KIND.toml on the bundled MovieLens' validation samples.

The test samples are replaced by the validation samples before anything is trained, so no figure of theirs can be seen. Starts
from the first value of each number and takes them in turn: all values of one, the others as they are, the best mean
validation ROC-AUC over the seeds wins (early stopping picks the epoch). --write puts the winner into the model file. One JSON
line per setting.
"""

import json
import re
import shutil
import statistics
import subprocess
import sys

import measure

SEEDS = (1, 2)
#: Name of a number: where it stands in the model file, {} being the number, and its values.
NUMBERS = {
    "lr": {
        "l2": ("l2 = {}", [1, 30, 100]), "rate": ('"ftrl", lr = {}', [0.05, 0.02, 0.1]), "l1": ("l1 = {}", [0.1, 1]),
    },
    "fm": {
        "factor l2": ("factor = {{ lr = [^,]*, l2 = {}", ["3e-3", "1e-2", "1e-3"]), "rate": ('"adagrad", lr = {}', [0.02, 0.01, 0.05]),
        "factor rate": ("factor = {{ lr = {}", [0.03, 0.06, 0.015]), "k": ("k = {}", [8, 4, 16]), "init": ("init = {}", [0.03, 0.1]),
    },
    "ffm": {
        "factor l2": ("factor = {{ lr = [^,]*, l2 = {}", ["3e-3", "1e-2", "1e-3"]), "rate": ('"adagrad", lr = {}', [0.02, 0.01, 0.05]),
        "factor rate": ("factor = {{ lr = {}", [0.03, 0.06, 0.015]), "k": ("k = {}", [4, 8, 2]), "init": ("init = {}", [0.03, 0.1]),
    },
    "deepfm": {
        "rate": ('"adam", lr = {}', ["1e-3", "5e-4"]), "dropout": ("hidden = {} }}", [0.2, 0.4]), "dim": ("dim = {}", [10, 6]),
    },
}


def placed(text, pattern, value):
    """The text with the number of every match replaced."""
    before, after = pattern.format("\0").split("\0")
    found, count = re.subn(rf"({before})[-0-9.e]+(?:, [0-9]+)*({after})", rf"\g<1>{value}\g<2>", text)
    assert count, pattern
    return found


def home():
    """A home with the bundled samples, the test samples replaced."""
    root = measure.WORK / "choose-movielens"
    if not (root / "ready").exists():
        shutil.rmtree(root, ignore_errors=True)
        for arguments in (["data", "import", measure.ROOT / "data" / "movielens-small"], ["sample", "build"]):
            subprocess.run([measure.BINARY, "--home", root, *arguments], capture_output=True, check=True)
        samples = root / "samples" / "movielens"
        for part in ("train", "valid"):
            shutil.copy(samples / f"{part}.parquet", root / f"{part}.parquet")
        shutil.rmtree(samples)
        (root / "ready").touch()
    return root


def judged(root, kind, text, folder):
    """Mean validation ROC-AUC, logloss and best epoch of a model file over the seeds."""
    figures = []
    for seed in SEEDS:
        path = folder / "m.toml"
        path.write_text(re.sub(r"seed = \d+", f"seed = {seed}", text))
        done = measure.last_json([measure.BINARY, "--home", root, "--json", "train", path, "--train", root / "train.parquet",
                                  "--valid", root / "valid.parquet", "--name", f"m-{kind}"])
        best = done["history"][done["best_epoch"] - 1]
        figures.append((best["valid_auc"], best["valid_loss"], done["best_epoch"]))
        shutil.rmtree(root / "models", ignore_errors=True)
        shutil.rmtree(root / "logs", ignore_errors=True)
    return [statistics.mean(f) for f in zip(*figures)]


def main(kind, write):
    path = measure.ROOT / "config" / "models" / f"{kind}.toml"
    text, root, numbers = path.read_text(), home(), NUMBERS[kind]
    folder = root / kind
    folder.mkdir(exist_ok=True)
    chosen, known = {name: values[0] for name, (_, values) in numbers.items()}, {}

    def figure(setting):
        key = json.dumps(setting)
        if key not in known:
            changed = text
            for name, value in setting.items():
                changed = placed(changed, numbers[name][0], value)
            known[key] = judged(root, kind, changed, folder)
            auc, loss, epoch = known[key]
            print(json.dumps({"kind": kind, **setting, "auc": round(auc, 5), "logloss": round(loss, 5), "epoch": epoch}), flush=True)
        return known[key][0]

    for name, (_, values) in numbers.items():
        chosen[name] = max(values, key=lambda value: figure({**chosen, name: value}))
    print(json.dumps({"kind": kind, "chosen": chosen, "auc": known[json.dumps(chosen)][0]}))
    if write:
        for name, value in chosen.items():
            text = placed(text, numbers[name][0], value)
        path.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1], "--write" in sys.argv)
