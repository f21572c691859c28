"""quality-ml100k-rank --data FOLDER: test ROC-AUC of bench/confs/ml100k on MovieLens 100K, rating of 4 or more as label.

Each user's rows by (time, item): the last 20 % are the test, the 8 % before the validation samples. Beside each kind the
figure of an independent implementation on the same rows, and the trivial means. Numbers were chosen on validation samples
alone (bench/choose_ml100k_rank.py).
"""

import re
import shutil
import statistics

import measure
from peers import ml100k

#: Independent implementations, pooled test ROC-AUC (standard deviation over seeds .002).
REFERENCES = {"lr": 0.778, "fm": 0.778, "deepfm": 0.785, "dssm": 0.785, "widedeep": 0.778, "din": 0.776}
KINDS = ["lr", "fm", "deepfm", "widedeep", "dssm", "din", "dien", "dcn", "autoint"]
SEEDS = [1, 2, 3]


def train(kind, seed, files, test):
    home = measure.WORK / "ml100k-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    confs = measure.ROOT / "bench" / "confs"
    model = home / f"{kind}.toml"
    model.write_text(re.sub(r"(?m)^seed = \d+$", f"seed = {seed}", (confs / "ml100k" / f"{kind}.toml").read_text()))
    done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", model, "--conf", confs / "ml100k.feature.toml",
                              "--train", files["train"], "--valid", files["valid"], "--test", test])
    return {line["name"]: line["measures"]["roc_auc"] for line in done["evaluation"]["lines"]}


def run(options, emit):
    if options.data is None:
        raise SystemExit("quality-ml100k-rank needs --data FOLDER with ml-100k.inter, .item and .user (RecBole's atomic files)")
    measure.build()
    files = ml100k.write(options.data, measure.WORK / "ml100k")
    for kind in KINDS:
        results = [train(kind, seed, files, files["test"]) for seed in (SEEDS[:1] if options.quick else SEEDS)]
        ours = [r[kind] for r in results]
        means = {name: round(auc, 4) for name, auc in results[0].items() if name != kind}
        reference = REFERENCES.get(kind)
        emit(measure.line("quality-ml100k-rank", kind, "test ROC-AUC", ours, "an independent implementation",
                          [reference] if reference else None, by_seed=[round(a, 4) for a in ours], baselines=means,
                          mean=round(statistics.mean(ours), 4)))
