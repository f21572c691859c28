"""quality-finetune: what pretrained vectors are worth in a scene with little data (The Complete Journey, given by --data).

The steps and samples are those of examples/dssm-finetune, three seeds of everything that is drawn (item2vec, the random vectors, the network).
Declared before anything was run: the stores are the three with most purchases before September of those that nobody had looked at (340, 367, 381 and 406 were); the
learning rate of each network is one of RATES, and the raw vectors' product one of inner and cosine, by the mean AUC over seeds on November. Only what was so
chosen is measured on December. Peer: the same network, samples, rates and stopping from random vectors.
"""

import pathlib
import random
import shutil
import statistics

import measure

STORES, SEEDS, RATES = ["356", "292", "361"], [1, 2, 3], ["1e-3", "3e-4"]
SPANS = {"train": ("2017-09-01", "2017-11-01"), "valid": ("2017-11-01", "2017-12-01"), "test": ("2017-12-01", "2018-02-01")}
EXAMPLE, TOP = measure.ROOT / "examples" / "dssm-finetune", 20
FIGURES = {"auc": "AUC", "gauc": "AUC per user", "recall": f"recall@{TOP}", "ndcg": f"NDCG@{TOP}"}


def verb(home, *words):
    return measure.last_json([measure.BINARY, "--home", home, "--json", *words])


def prepare(data, folder, stores):
    """Events, behaviour before each span, and each store's samples with the counts of its items."""
    home, files = folder / "home", folder / "import"
    files.mkdir(parents=True, exist_ok=True)
    for path in [EXAMPLE / "mapping.toml", data / "transactions.parquet", data / "products.parquet"]:
        (files / path.name).write_bytes(path.read_bytes())
    verb(home, "data", "import", files)
    for span, (begin, end) in SPANS.items():
        verb(home, "sample", "events", "--until", begin, "--out", folder / f"before-{span}.csv")
        for store in stores:
            verb(home, "sample", "events", "--context", store, "--from", begin, "--until", end, "--new", "--negatives", 4,
                 "--out", folder / f"{store}-{span}.csv", "--counts", folder / f"{store}-counts-{span}.txt")


def vectors(folder, seed, epochs):
    """Vectors of items learnt from everybody's purchases, and as many random ones."""
    home, learnt, drawn = folder / "home", folder / f"items-{seed}.txt", folder / f"random-{seed}.txt"
    name = f"item2vec-{seed}"
    verb(home, "train", EXAMPLE / "item2vec.toml", "--name", name, "--conf", EXAMPLE / "behaviour.feature.toml", "--train", folder / "before-train.csv",
         "--set", f"seed={seed}", "--set", f"item2vec.epochs={epochs}")
    verb(home, "embed", name, "--out", learnt)
    draw = random.Random(seed)
    head, *rows = learnt.read_text().splitlines()
    fresh = lambda row: " ".join([row.split(" ", 1)[0], *(f"{draw.random() - .5:.4f}" for _ in row.split(" ")[1:])])
    drawn.write_text("\n".join([head, *map(fresh, rows)]) + "\n")
    return {"fine-tuned": learnt, "from scratch": drawn}


def train(folder, store, items, name, seed):
    """A network for each rate: what `index measure` reads of each, by span."""
    home, found = folder / "home", {}
    mean = {span: folder / f"{name}-mean-{span}.txt" for span in SPANS}
    for span in SPANS:
        verb(home, "sample", "vectors", items, "--behaviour", folder / f"before-{span}.csv", "--users-out", mean[span],
             "--samples", folder / f"{store}-{span}.csv", "--out", folder / f"{name}-{span}.csv")
    for rate in RATES:
        model = f"{name}-{rate}"
        verb(home, "train", measure.ROOT / "examples/models/dssm-finetune.toml", "--name", model, "--train", folder / f"{name}-train.csv",
             "--valid", folder / f"{name}-valid.csv", "--set", f"seed={seed}", "--set", f"optimizer.dense.lr={rate}")
        found[rate] = {}
        for span in ["valid", "test"]:
            out = [folder / f"{model}-{side}-{span}.txt" for side in ("items", "users")]
            verb(home, "embed", model, "--items", items, "--out", out[0], "--users", mean[span], "--users-out", out[1])
            found[rate][span] = f"{out[0]},{out[1]}"
    return found, {span: f"{items},{mean[span]}" for span in SPANS}


def measured(folder, store, span, named):
    """The figures of each name on a store's span."""
    words = [word for name, files in named.items() for word in ("--vectors", f"{name}={files}")]
    report = verb(folder / "home", "index", "measure", folder / f"{store}-{span}.csv", "--candidates", folder / f"{store}-counts-{span}.txt",
                  "--seen", folder / f"before-{span}.csv", "--top", TOP, *words)
    return {line["name"]: line for line in report["lines"]}, report["samples"]


def options(folder, store, seed, items):
    """Everything that can be measured for a seed: arm, option, span → files."""
    found = {}
    for arm, file in items.items():
        found[arm], raw = train(folder, store, file, f"{arm.replace(' ', '-')}-{store}-{seed}", seed)
        if arm == "fine-tuned":
            found["raw"] = {"inner product": raw, "cosine": {span: files + ",cosine" for span, files in raw.items()}}
    found["popularity"] = {"": {span: folder / f"{store}-counts-{span}.txt" for span in SPANS}}
    return found


def chosen(folder, store, seeds):
    """Each arm's option with the best mean AUC over seeds on November."""
    figures = {}
    for found in seeds:
        named = {f"{arm}|{option}": spans["valid"] for arm, all in found.items() for option, spans in all.items()}
        for name, line in measured(folder, store, "valid", named)[0].items():
            figures.setdefault(name, []).append(line["auc"])
    means = {name: statistics.mean(values) for name, values in figures.items()}
    best = lambda arm: max((name for name in means if name.split("|")[0] == arm), key=means.get)
    return {arm: best(arm).split("|")[1] for arm in seeds[0]}, {name: round(mean, 4) for name, mean in means.items()}


def run(asked, emit):
    measure.build()
    if not asked.data:
        raise SystemExit("quality-finetune needs --data FOLDER with transactions.parquet and products.parquet")
    folder = measure.WORK / "finetune"
    shutil.rmtree(folder, ignore_errors=True)
    stores, seeds, epochs = (STORES[:1], SEEDS[:2], 1) if asked.quick else (STORES, SEEDS, 3)
    prepare(pathlib.Path(asked.data), folder, stores)
    items = {seed: vectors(folder, seed, epochs) for seed in seeds}
    for store in stores:
        found = [options(folder, store, seed, items[seed]) for seed in seeds]
        choice, valid = chosen(folder, store, found)
        tested = [measured(folder, store, "test", {arm: all[choice[arm]]["test"] for arm, all in one.items()}) for one in found]
        for figure, name in FIGURES.items():
            of = {arm: [lines[arm][figure] for lines, _ in tested] for arm in choice}
            mean = {arm: round(statistics.mean(values), 4) for arm, values in of.items()}
            spread = {arm: round(statistics.stdev(values), 4) for arm, values in of.items()}
            emit(measure.line("quality-finetune", f"store {store}, {name}", "", of["fine-tuned"], "from scratch", of["from scratch"] if mean["from scratch"] else None,
                              mean=mean, spread=spread, chosen=choice, valid_auc=valid, samples=tested[0][1]))
