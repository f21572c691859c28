"""citeulike-a as our files: usage citeulike_data.py DATA OUT [FACTORS]; prints the baselines' recall@100 of cold items as one JSON line.

Without FACTORS: samples (learn, warm, vali, test) and rows of ids. Warm test, cut from train by this rule: of every user each
tenth of his pairs in the file's order. OUT/choosing has the same to choose numbers on: its warm is each tenth of what is learnt,
its learn the rest, its test vali. With the folder of factors of OUT's learn samples (users.npy, items.npy): the dictionaries
that `confs/citeulike.feature.toml` reads, factors scaled to length SCALE. An item's content are its tags alone: tf-idf of tags,
and of the words in them, each as 256 numbers (a truncated SVD fitted on warm items).
"""

import json
import pathlib
import re
import sys

import numpy
import pyarrow
import pyarrow.parquet
import scipy.sparse
from scipy.sparse.linalg import svds

data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
K, DIM, IDF, LAMBDA, SCALE = 100, 256, 1.5, 10.0, 3.0
pairs = {name: numpy.loadtxt(data / f"{name}.csv", delimiter=",", skiprows=1, dtype=int) for name in ("train", "vali", "test")}
tags = [[int(tag) for tag in line.split()[1:]] for line in open(data / "item-tag.dat")]
names = [line.strip().lower() for line in open(data / "tags.dat", errors="replace")]
USERS, ITEMS = 1 + max(p[:, 0].max() for p in pairs.values()), len(tags)


def cut(train):
    """Learn and warm test: each tenth pair of a user."""
    place = numpy.zeros(USERS, int)
    held = numpy.zeros(len(train), bool)
    for row, (user, _) in enumerate(train):
        place[user] += 1
        held[row] = place[user] % 10 == 0
    learn, warm = train[~held], train[held]
    known = numpy.isin(warm[:, 1], learn[:, 1])
    return numpy.concatenate([learn, warm[~known]]), warm[known]


def lengths(x):
    """Rows of length 1."""
    if scipy.sparse.issparse(x):
        length = numpy.sqrt(numpy.asarray(x.multiply(x).sum(1)).ravel())
        return (scipy.sparse.diags(1 / numpy.where(length > 0, length, 1)) @ x).tocsr()
    return (x / numpy.maximum(numpy.linalg.norm(x, axis=1, keepdims=True), 1e-9)).astype("f4")


def matrix(lists, columns):
    rows = numpy.repeat(numpy.arange(len(lists)), [len(l) for l in lists])
    made = scipy.sparse.csr_matrix((numpy.ones(len(rows)), (rows, numpy.concatenate([numpy.array(l, int) for l in lists]))), (len(lists), columns))
    made.sum_duplicates()
    return made


def words(name):
    """A tag, its words, and these without a common ending."""
    found = {"=" + name}
    for word in filter(None, re.split(r"[^a-z0-9]+", name)):
        ends = [e for e in ("s", "es", "ing", "ed", "al", "ic", "ics", "ation") if word.endswith(e) and len(word) - len(e) >= 4]
        found |= {word, word + "~"} | {word[:-len(e)] + "~" for e in ends}
    return sorted(found)


def tfidf(counts, warm, power):
    df = numpy.asarray((counts[warm] > 0).sum(0)).ravel()
    return lengths(counts @ scipy.sparse.diags((numpy.log((1 + len(warm)) / (1 + df)) + 1) ** power))


def recall(score, held):
    """Mean over users of the share of what they have in `held` among the first K of its items."""
    items = numpy.unique(held[:, 1])
    found = []
    for user in numpy.unique(held[:, 0]):
        best = items[numpy.argpartition(-score(user, items), K)[:K]]
        found.append(numpy.isin(held[held[:, 0] == user, 1], best).mean())
    return round(float(numpy.mean(found)), 4)


def vectors(x):
    return pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numpy.ascontiguousarray(x, "f4").ravel()), x.shape[1])


def write(folder, **parts):
    """Samples, and a row of every user and item."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        (folder / f"{name}.csv").write_text("user,item,label\n" + "".join(f"{u},{i},1\n" for u, i in part))
    for name, count in (("user", USERS), ("item", ITEMS)):
        pyarrow.parquet.write_table(pyarrow.table({name: numpy.arange(count)}), folder / f"{name}s.parquet")


if len(sys.argv) == 3:
    learn, warm = cut(pairs["train"])
    fit, choose = cut(learn)
    write(out, learn=learn, warm=warm, vali=pairs["vali"], test=pairs["test"])
    write(out / "choosing", learn=fit, warm=choose, vali=pairs["vali"], test=pairs["vali"])
    print(json.dumps({"learn": len(learn), "warm": len(warm), "users": int(USERS), "items": ITEMS}))
    sys.exit()

learn, test = (numpy.loadtxt(out / f"{name}.csv", delimiter=",", skiprows=1, dtype=int, usecols=(0, 1)) for name in ("learn", "test"))
met = scipy.sparse.csr_matrix((numpy.ones(len(learn)), (learn[:, 0], learn[:, 1])), (USERS, ITEMS))
warm = numpy.unique(learn[:, 1])
factors = {side: SCALE * lengths(numpy.load(pathlib.Path(sys.argv[3]) / f"{side}.npy")) for side in ("users", "items")}
by_tag = matrix(tags, len(names))
places = {}
split = [[places.setdefault(word, len(places)) for word in words(name)] for name in names]
by_word = (by_tag @ matrix(split, len(places))).tocsr()
by_word.data = numpy.log1p(by_word.data)
by_word = by_word[:, numpy.asarray((by_word[warm] > 0).sum(0)).ravel() >= 2]


def reduced(counts):
    x = tfidf(counts, warm, IDF).astype("f4")
    _, s, vt = svds(x[warm], k=DIM, random_state=0)
    return lengths(x @ vt[numpy.argsort(-s)].T)


content = lengths(numpy.concatenate([reduced(by_tag), reduced(by_word)], 1))
profile = lengths(met @ content)
raw = numpy.load(pathlib.Path(sys.argv[3]) / "items.npy")
w = numpy.linalg.solve(content[warm].T @ content[warm] + LAMBDA * numpy.eye(content.shape[1]), content[warm].T @ raw[warm])
cold = numpy.ones(ITEMS, "f4")
cold[warm] = 0
factors["items"][cold > 0] = 0
pyarrow.parquet.write_table(pyarrow.table({"user": numpy.arange(USERS), "profile": vectors(profile), "factors": vectors(factors["users"])}), out / "user-rows.parquet")
pyarrow.parquet.write_table(pyarrow.table({"item": numpy.arange(ITEMS), "content": vectors(content), "factors": vectors(factors["items"]), "cold": cold}), out / "item-rows.parquet")
plain = tfidf(by_tag, warm, 1.0)
taste, draw = (met @ plain).tocsr(), numpy.random.default_rng(1)
users = numpy.load(pathlib.Path(sys.argv[3]) / "users.npy")
by_ridge = content @ w
lines = {"random": lambda user, items: draw.random(len(items)),
         "tf-idf profile": lambda user, items: (plain[items] @ taste[user].T).toarray().ravel(),
         "ridge content to factors": lambda user, items: by_ridge[items] @ users[user]}
print(json.dumps({name: recall(score, test) for name, score in lines.items()}))
