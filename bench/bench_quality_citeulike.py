"""quality-citeulike: recall@100 of papers that nobody has met (citeulike-a, its own train, vali and test; given by --data).

Beside chance, the tf-idf profile, a ridge from content to factors and the figure of an independent DropoutNet run. Ours: factors by our iALS,
content from tags alone (peers/citeulike_data.py says how), kind `dropoutnet`; its numbers were chosen on vali. A rate of 0 must collapse on cold papers; recall of warm ones (a tenth of train, cut by the rule there) stands beside that of plain
factorisations: the one whose factors are read, and the best of PLAIN, chosen on another tenth of what is learnt and fitted again on all of it. Vectors are those of `rankine embed`, which an exact search ranks.
"""

import shutil
import statistics

import measure

CONFS, PEERS = measure.ROOT / "bench" / "confs", measure.ROOT / "bench" / "peers"
PACKAGES = ["numpy", "scipy", "pyarrow"]
REFERENCE, SEEDS, K = 0.590, [1, 2, 3], 100
IDS = """format = 1
name = "citeulike-ids"
schema.user = [{ name = "user", type = "int" }]
schema.item = [{ name = "item", type = "int" }]
sample = { label = ["label"], group = "user" }
feature = [{ name = "f_user", class = "id", slot = 1, depend = ["user"] }, { name = "f_item", class = "id", slot = 2, depend = ["item"] }]
"""
IALS = """format = 1
kind = "ials"
conf = "citeulike-ids"
seed = 1
matrix = { user = 1, item = 2, dim = 64, unobserved = 0.1, reg = 0.003, solver = "cg" }
train = { epochs = 8 }
"""
PLAIN = [{"matrix.dim": dim, "matrix.unobserved": unobserved, "matrix.reg": reg} for dim in (64, 128, 256) for unobserved in (0.03, 0.1, 0.3) for reg in (0.003, 0.01, 0.03)]
DICTIONARIES = """[[dictionary]]
name = "users"
kind = "items"
path = "dictionaries/user-rows.parquet"
[[dictionary]]
name = "items"
kind = "items"
path = "dictionaries/item-rows.parquet"
"""


def verb(home, *words):
    return measure.last_json([measure.BINARY, "--home", home, "--json", *words])


def prepare(data, python):
    """Samples, factors, dictionaries; the folder, the baselines' figures and those of the factors."""
    folder = measure.WORK / "citeulike"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "dictionaries").mkdir(parents=True)
    script = [python, "-B", PEERS / "citeulike_data.py", data, folder]
    measure.last_json(script)
    for name, text in (("ids.feature.toml", IDS), ("ials.toml", IALS), ("server.toml", DICTIONARIES)):
        (folder / name).write_text(text)
    verb(folder, "train", folder / "ials.toml", "--conf", folder / "ids.feature.toml", "--train", folder / "learn.csv", "--valid", folder / "vali.csv")
    read = recalls(folder, "ials")
    baselines = measure.last_json([*script, folder])
    for name in ("user-rows", "item-rows"):
        (folder / f"{name}.parquet").rename(folder / "dictionaries" / f"{name}.parquet")
    return folder, baselines, read


def recalls(folder, model, choose=(), words=()):
    """Recall@100 with its standard error on vali, test and warm of a model's vectors; with `choose` of the pairs that choose."""
    verb(folder, "embed", model, "--items", folder / "items.parquet", "--out", folder / "items.npy", "--users", folder / "users.parquet",
         "--users-out", folder / "users.npy", *words)
    return measure.last_json([measure.python(PACKAGES), "-B", PEERS / "citeulike_recall.py", folder, folder / "users.npy", folder / "items.npy", *choose])


def plain(folder, numbers, learn, *choose):
    """Warm recall with its error of a factorisation with these numbers."""
    sets = [word for key, value in numbers.items() for word in ("--set", f"{key}={value}")]
    verb(folder, "train", folder / "ials.toml", "--name", "plain", "--conf", folder / "ids.feature.toml", "--train", folder / learn, "--valid", folder / "vali.csv", *sets)
    return recalls(folder, "plain", choose)["warm"]


def chosen(folder, quick):
    """The best of PLAIN on the pairs that choose, and its recall of warm papers when fitted on all that is learnt."""
    told = [(plain(folder, numbers, "fit.csv", "choose")[0], numbers) for numbers in (PLAIN[:1] if quick else PLAIN)]
    best = max(told, key=lambda pair: pair[0])
    return best[1], plain(folder, best[1], "learn.csv")


def ours(folder, seed, rate):
    """Trains with a rate; cold recall on vali and test, warm recall."""
    text = (CONFS / "citeulike.toml").read_text().replace("seed = 1", f"seed = {seed}").replace("dropout = 0.5", f"dropout = {rate}")
    (folder / "dropoutnet.toml").write_text(text)
    reads = ["--dictionaries", folder / "server.toml"]
    verb(folder, "train", folder / "dropoutnet.toml", "--conf", CONFS / "citeulike.feature.toml", "--train", folder / "learn.csv",
         "--valid", folder / "vali.csv", *reads)
    return recalls(folder, "dropoutnet", words=reads)


def run(options, emit):
    if options.data is None:
        raise SystemExit("quality-citeulike needs --data FOLDER with train.csv, vali.csv, test.csv, item-tag.dat and tags.dat")
    measure.build()
    folder, baselines, read = prepare(options.data, measure.python(PACKAGES))
    for name, recall in baselines.items():
        emit(measure.line("quality-citeulike", f"{name}, cold", "recall@100", [recall], None, None))
    runs = [ours(folder, seed, 0.5) for seed in (SEEDS[:1] if options.quick else SEEDS)]
    by_seed = {test: [round(run[test][0], 4) for run in runs] for test in runs[0]}
    emit(measure.line("quality-citeulike", "dropoutnet, cold", "recall@100", by_seed["test"], "an independent DropoutNet", [REFERENCE],
                      error=round(runs[0]["test"][1], 4), mean=round(statistics.mean(by_seed["test"]), 4), by_seed=by_seed))
    none = ours(folder, 1, 0)
    emit(measure.line("quality-citeulike", "dropoutnet without dropout, cold", "recall@100", [none["test"][0]], "dropout .5", by_seed["test"][:1],
                      warm=round(none["warm"][0], 4)))
    numbers, best = chosen(folder, options.quick)
    emit(measure.line("quality-citeulike", "dropoutnet, warm", "recall@100", by_seed["warm"], "our iALS, chosen", [best[0]], error=round(best[1], 4),
                      chosen=numbers, by_seed=by_seed["warm"], without_dropout=round(none["warm"][0], 4), ials_that_is_read=round(read["warm"][0], 4)))
