"""quality-coldusers: recall@100 of what households buy whose purchases nobody has learnt (The Complete Journey, given by --data).

Cold users, products, and what is relevant: peers/coldusers_data.py says by which rule. Demographics are all that is known of a cold household; in a second
row also what it bought on its first day, whose factors' mean stands for its own (DropoutNet's inference transform). Baselines: chance,
popularity, the profile of demographics, a ridge from demographics to factors. Ours: factors by our iALS and kind `dropoutnet`, the setting of CHOICES with the best recall
on vali by demographics alone (seed 1); only that one is trained with further seeds and read on test. Peer: the better of popularity and ridge on vali.
"""

import shutil
import statistics

import measure
from bench_quality_citeulike import IALS, IDS, verb

CONFS, PEERS = measure.ROOT / "bench" / "confs", measure.ROOT / "bench" / "peers"
PACKAGES = ["numpy", "pyarrow"]
SEEDS = [1, 2, 3]
CHOICES = [{"tower.user.preference.dropout": dropout, "train.epochs": epochs, "optimizer.dense.lr": rate, "optimizer.embedding.lr": rate}
           for dropout in (0.5, 0.8) for epochs in (1, 2, 4) for rate in (1e-3, 3e-4)]
DICTIONARIES = "".join(f'[[dictionary]]\nname = "{n}s"\nkind = "items"\npath = "dictionaries/{n}-rows.parquet"\n' for n in ("user", "item"))


def prepare(data, python):
    """Pairs, factors, dictionaries, samples; the folder and what the second script tells."""
    folder = measure.WORK / "coldusers"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "dictionaries").mkdir(parents=True)
    script = [python, "-B", PEERS / "coldusers_data.py", data, folder]
    counts = measure.last_json(script)
    for name, text in (("ids.feature.toml", IDS), ("ials.toml", IALS), ("server.toml", DICTIONARIES)):
        (folder / name).write_text(text)
    verb(folder, "train", folder / "ials.toml", "--conf", folder / "ids.feature.toml", "--train", folder / "pairs.csv")
    verb(folder, "embed", "ials", "--items", folder / "items.parquet", "--out", folder / "items.npy", "--users", folder / "users.parquet",
         "--users-out", folder / "users.npy")
    told = measure.last_json([*script, folder])
    for name in ("user-rows", "item-rows"):
        (folder / f"{name}.parquet").rename(folder / "dictionaries" / f"{name}.parquet")
    return folder, {**counts, **told}


def ours(folder, python, choice, seed):
    """Trains; recall with its error by part, of households by demographics alone ("cold") and with their first day ("acted")."""
    shutil.copy(CONFS / "coldusers.toml", folder / "dropoutnet.toml")
    reads = ["--dictionaries", folder / "server.toml"]
    sets = [word for key, value in {**choice, "seed": seed}.items() for word in ("--set", f"{key}={value}")]
    verb(folder, "train", folder / "dropoutnet.toml", "--conf", CONFS / "coldusers.feature.toml", "--train", folder / "learn.parquet", "--hold-out", 0.01, *sets, *reads)
    verb(folder, "embed", "dropoutnet", "--items", folder / "items.parquet", "--out", folder / "i.npy", *reads)
    found = {}
    for name in ("cold", "acted"):
        verb(folder, "embed", "dropoutnet", "--side", "user", "--users", folder / f"users-{name}.parquet", "--users-out", folder / "u.npy", *reads)
        found[name] = measure.last_json([python, "-B", PEERS / "coldusers_recall.py", folder, folder / "u.npy", folder / "i.npy"])
    return found


def run(options, emit):
    if options.data is None:
        raise SystemExit("quality-coldusers needs --data FOLDER with transactions.parquet and demographics.parquet")
    measure.build()
    python = measure.python(PACKAGES)
    folder, told = prepare(options.data, python)
    lines = told["lines"]
    for name, recall in lines.items():
        emit(measure.line("quality-coldusers", name, "recall@100", [recall["test"]], None, None, vali=recall["vali"]))
    choices, seeds = (CHOICES[:1], SEEDS[:1]) if options.quick else (CHOICES, SEEDS)
    tried = [(choice, ours(folder, python, choice, 1)) for choice in choices]
    best, first = max(tried, key=lambda pair: pair[1]["cold"]["vali"][0])
    runs = [first] + [ours(folder, python, best, seed) for seed in seeds[1:]]
    peer = max(("popularity", "ridge content to factors"), key=lambda name: lines[name]["vali"])
    for name, what in (("cold", "dropoutnet, demographics alone"), ("acted", "dropoutnet, first day averaged into the preference")):
        by_seed = {part: [round(run[name][part][0], 4) for run in runs] for part in ("vali", "test")}
        emit(measure.line("quality-coldusers", what, "recall@100", by_seed["test"], peer, [lines[peer]["test"]], error=round(runs[0][name]["test"][1], 4),
                          mean=round(statistics.mean(by_seed["test"]), 4), by_seed=by_seed, chosen=best,
                          vali_of_choices=[round(found[name]["vali"][0], 4) for _, found in tried]))
    none = ours(folder, python, {**best, "tower.user.preference.dropout": 0.0}, 1)
    emit(measure.line("quality-coldusers", "dropoutnet without dropout, demographics alone", "recall@100", [round(none["cold"]["test"][0], 4)], "with dropout",
                      [round(first["cold"]["test"][0], 4)], users=told["users"], items=told["items"], samples=told["samples"], asked=told["test"]))
