"""Recall@100 of vectors for cold users: usage coldusers_recall.py FOLDER USERS.npy ITEMS.npy; one JSON line: recall and standard error by part.

All products but those of the user's first day; users.npy has the rows of relevant.json's members.
"""

import json
import pathlib
import sys

import numpy

folder, users, items = pathlib.Path(sys.argv[1]), numpy.load(sys.argv[2]), numpy.load(sys.argv[3])
told, K = json.loads((folder / "relevant.json").read_text()), 100
row = {user: at for at, user in enumerate(told["members"])}
figures = {}
for part in ("vali", "test"):
    found = []
    for user, (acted, relevant) in told[part].items():
        scores = items @ users[row[int(user)]]
        scores[acted] = -numpy.inf
        found.append(numpy.isin(relevant, numpy.argpartition(-scores, K)[:K]).mean())
    figures[part] = float(numpy.mean(found)), float(numpy.std(found) / len(found) ** .5)
print(json.dumps(figures))
