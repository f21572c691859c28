"""quality-sparrow --data FOLDER: test ROC-AUC of config/models/sparrow on SparrowRecSys's own split, three seeds.

Beside it: what SparrowRecSys's TensorFlow scripts reach on the same files, the trivial means, and a GBDT on the seven
numbers. The columns of these files are computed over all ratings and so leak the test labels: a comparison of models.
"""

import re
import shutil

import measure
from peers import sparrow_samples

SCRIPTS = {"embeddingmlp": 0.7567, "widedeep": 0.7671, "neuralcf": 0.7274}
TARGETS = {"embeddingmlp": 0.795, "widedeep": 0.795, "neuralcf": 0.77}
GBDT = 0.7962
SEEDS = [1, 2, 3]


def train(kind, seed, files):
    home = measure.WORK / "quality-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    config = measure.ROOT / "config"
    model = home / f"{kind}.toml"
    model.write_text(re.sub(r"(?m)^seed = \d+$", f"seed = {seed}", (config / "models" / "sparrow" / f"{kind}.toml").read_text()))
    done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", model, "--conf", config / "sparrow.feature.toml",
                              "--train", files[0], "--test", files[1]])
    return {line["name"]: line["measures"]["roc_auc"] for line in done["evaluation"]["lines"]}


def run(options, emit):
    if options.data is None:
        raise SystemExit("quality-sparrow needs --data FOLDER with trainingSamples.csv(.gz) and testSamples.csv(.gz)")
    measure.build()
    files = sparrow_samples.folder(options.data, measure.WORK)
    for kind, script in SCRIPTS.items():
        results = [train(kind, seed, files) for seed in (SEEDS[:1] if options.quick else SEEDS)]
        ours = [r[kind] for r in results]
        means = {name: round(auc, 4) for name, auc in results[0].items() if name != kind}
        emit(measure.line("quality-sparrow", kind, "test ROC-AUC", ours, "SparrowRecSys's TensorFlow script", [script],
                          by_seed=[round(a, 4) for a in ours], target=TARGETS[kind], gbdt_on_seven_numbers=GBDT, baselines=means))
