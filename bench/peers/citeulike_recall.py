"""Recall@100 of vectors: usage citeulike_recall.py FOLDER USERS.npy ITEMS.npy; one JSON line: recall and standard error over users.

vali and test: their own items alone, as if there were no others. warm: all items of the learn samples but those the user has there.
"""

import json
import pathlib
import sys

import numpy

folder, users, items = pathlib.Path(sys.argv[1]), numpy.load(sys.argv[2]), numpy.load(sys.argv[3])
K = 100


def read(name):
    return numpy.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1, dtype=int, usecols=(0, 1))


def by_user(pairs):
    pairs = pairs[numpy.argsort(pairs[:, 0], kind="stable")]
    who, first = numpy.unique(pairs[:, 0], return_index=True)
    return dict(zip(who.tolist(), numpy.split(pairs[:, 1], first[1:])))


def recall(held, ranked, met):
    place, found = {item: at for at, item in enumerate(ranked.tolist())}, []
    for user, liked in by_user(held).items():
        scores = items[ranked] @ users[user]
        scores[[place[item] for item in met.get(user, ()) if item in place]] = -numpy.inf
        found.append(numpy.isin(liked, ranked[numpy.argpartition(-scores, K)[:K]]).mean())
    return float(numpy.mean(found)), float(numpy.std(found) / len(found) ** .5)


learn = read("learn")
figures = {name: recall(read(name), numpy.unique(read(name)[:, 1]), {}) for name in ("vali", "test")}
figures["warm"] = recall(read("warm"), numpy.unique(learn[:, 1]), by_user(learn))
print(json.dumps(figures))
