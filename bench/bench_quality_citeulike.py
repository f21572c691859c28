"""quality-citeulike: recall@100 of papers that nobody has met (citeulike-a, its own train, vali and test; given by --data).

Beside chance, the tf-idf profile, a ridge from content to factors and the figure of an independent DropoutNet run. Plain factorisation is the best of PLAIN by
our iALS, chosen on the tenth of what is learnt that OUT/choosing sets apart (peers/citeulike_data.py) and fitted again on all of it. Ours: kind `dropoutnet` over content
from tags alone and the factors of that very factorisation; its numbers were chosen by choose_citeulike.py. A rate of 0 must collapse on cold papers; recall of warm ones
(a tenth of train, cut by the rule there) stands beside the factorisation's. Vectors are those of `rankine embed`, which an exact search ranks.
"""

import shutil
import statistics

import measure

CONFS, PEERS = measure.ROOT / "bench" / "confs", measure.ROOT / "bench" / "peers"
PACKAGES = ["numpy", "scipy", "pyarrow"]
REFERENCE, SEEDS, NONE = 0.590, [1, 2, 3], {"tower.item.preference.dropout": 0}
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
PLAIN = [{"matrix.dim": dim, "matrix.unobserved": unobserved, "matrix.reg": reg} for dim in (256, 128, 64) for unobserved in (0.03, 0.1, 0.3) for reg in (0.003, 0.01, 0.03)]
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


def prepare(data, quick):
    """Samples, and the numbers of the best of PLAIN where numbers are chosen."""
    folder = measure.WORK / "citeulike"
    shutil.rmtree(folder, ignore_errors=True)
    measure.last_json([measure.python(PACKAGES), "-B", PEERS / "citeulike_data.py", data, folder])
    for home in (folder, folder / "choosing"):
        for name, text in (("ids.feature.toml", IDS), ("ials.toml", IALS), ("server.toml", DICTIONARIES)):
            (home / name).write_text(text)
    told = [(plain(folder / "choosing", numbers)[0], numbers) for numbers in (PLAIN[:1] if quick else PLAIN)]
    return folder, max(told, key=lambda pair: pair[0])[1]


def read(data, home, numbers):
    """Fits a factorisation with these numbers, and the dictionaries of its factors; the baselines' figures, and its warm recall with error."""
    warm = plain(home, numbers)
    baselines = measure.last_json([measure.python(PACKAGES), "-B", PEERS / "citeulike_data.py", data, home, home])
    (home / "dictionaries").mkdir(exist_ok=True)
    for name in ("user-rows", "item-rows"):
        (home / f"{name}.parquet").rename(home / "dictionaries" / f"{name}.parquet")
    conf = (CONFS / "citeulike.feature.toml").read_text().replace("vector<256>", f"vector<{numbers['matrix.dim']}>")
    (home / "citeulike.feature.toml").write_text(conf)
    return baselines, warm


def recalls(home, model, words=()):
    """Recall@100 with its standard error on vali, test and warm of a model's vectors."""
    verb(home, "embed", model, "--items", home / "items.parquet", "--out", home / "items.npy", "--users", home / "users.parquet",
         "--users-out", home / "users.npy", *words)
    return measure.last_json([measure.python(PACKAGES), "-B", PEERS / "citeulike_recall.py", home, home / "users.npy", home / "items.npy"])


def train(home, model, conf, numbers, words=()):
    sets = [word for key, value in numbers.items() for word in ("--set", f"{key}={value}")]
    verb(home, "train", model, "--conf", conf, "--train", home / "learn.csv", "--valid", home / "vali.csv", *sets, *words)


def plain(home, numbers):
    """Warm recall with its error of a factorisation with these numbers."""
    train(home, home / "ials.toml", home / "ids.feature.toml", numbers)
    return recalls(home, "ials")["warm"]


def ours(home, numbers):
    """Trains with these numbers beside those of the file; cold recall on vali and test, warm recall."""
    shutil.copy(CONFS / "citeulike.toml", home / "dropoutnet.toml")
    reads = ["--dictionaries", home / "server.toml"]
    train(home, home / "dropoutnet.toml", home / "citeulike.feature.toml", numbers, reads)
    return recalls(home, "dropoutnet", reads)


def run(options, emit):
    if options.data is None:
        raise SystemExit("quality-citeulike needs --data FOLDER with train.csv, vali.csv, test.csv, item-tag.dat and tags.dat")
    measure.build()
    folder, numbers = prepare(options.data, options.quick)
    baselines, best = read(options.data, folder, numbers)
    for name, recall in baselines.items():
        emit(measure.line("quality-citeulike", f"{name}, cold", "recall@100", [recall], None, None))
    runs = [ours(folder, {"seed": seed}) for seed in (SEEDS[:1] if options.quick else SEEDS)]
    by_seed = {test: [round(run[test][0], 4) for run in runs] for test in runs[0]}
    emit(measure.line("quality-citeulike", "dropoutnet, cold", "recall@100", by_seed["test"], "an independent DropoutNet", [REFERENCE],
                      error=round(runs[0]["test"][1], 4), mean=round(statistics.mean(by_seed["test"]), 4), by_seed=by_seed))
    none = ours(folder, NONE)
    emit(measure.line("quality-citeulike", "dropoutnet without dropout, cold", "recall@100", [none["test"][0]], "dropout .5", by_seed["test"][:1],
                      vali=round(none["vali"][0], 4), warm=round(none["warm"][0], 4)))
    emit(measure.line("quality-citeulike", "dropoutnet, warm", "recall@100", by_seed["warm"], "our iALS, chosen", [best[0]], error=round(best[1], 4),
                      mean=round(statistics.mean(by_seed["warm"]), 4), chosen=numbers, without_dropout=round(none["warm"][0], 4)))
