"""quality-movielens: `rankine eval` of the demo's models, and of lr, fm and ffm trained there, on the bundled MovieLens, per-user time split, point-in-time features.

The difference to each trivial baseline comes with its bootstrap 95 % interval over users.
"""

import measure
from bench_recommend import home


def run(_options, emit):
    measure.build()
    where = home()
    for model in ["lr", "fm", "ffm"]:
        measure.last_json([measure.BINARY, "--home", where, "--json", "train", measure.ROOT / "config" / "models" / f"{model}.toml"])
    for model in ["embeddingmlp", "widedeep", "neuralcf", "lr", "fm", "ffm"]:
        done = measure.last_json([measure.BINARY, "--home", where, "--json", "eval", model])
        aucs = {line["name"]: line["measures"]["roc_auc"] for line in done["lines"]}
        baselines = {name: auc for name, auc in aucs.items() if name != model}
        strongest = max(baselines, key=baselines.get)
        intervals = {d["baseline"]: [round(d["interval"][k], 4) for k in ("low", "difference", "high")]
                     for d in done["differences"] if d["model"] == model}
        emit(measure.line("quality-movielens", model, "test ROC-AUC", [aucs[model]], strongest, [baselines[strongest]],
                          difference_95=intervals, baselines={n: round(a, 4) for n, a in baselines.items()}))
