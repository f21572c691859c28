"""The samples of train-tabular as arrays for the Python peers: ids counted from 1 by first appearance, 0 = missing,
numerics z-scored on the training rows. Encoding stands outside the timed part on every side."""

import csv
import gzip

import numpy as np

GENRES = ["movieGenre1", "movieGenre2", "movieGenre3", "userGenre1", "userGenre2", "userGenre3", "userGenre4", "userGenre5"]
NUMERICS = ["releaseYear", "movieRatingCount", "movieAvgRating", "movieRatingStddev", "userRatingCount", "userAvgRating", "userRatingStddev"]


def read(path):
    opener = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rt", newline="") as f:
        return list(csv.DictReader(f))


def encode(train, test):
    """(train, test) as dicts of arrays and the sizes of the three vocabularies."""
    vocabularies = {"user": {}, "movie": {}, "genre": {}}

    def identify(kind, text, grow):
        table = vocabularies[kind]
        if text == "":
            return 0
        return table.setdefault(text, len(table) + 1) if grow else table.get(text, 0)

    def arrays(rows, grow):
        return {
            "user": np.array([identify("user", r["userId"], grow) for r in rows], np.int64),
            "movie": np.array([identify("movie", r["movieId"], grow) for r in rows], np.int64),
            "genres": np.array([[identify("genre", r[c], grow) for c in GENRES] for r in rows], np.int64),
            "numerics": np.array([[float(r[c] or 0) for c in NUMERICS] for r in rows], np.float32),
            "label": np.array([float(r["label"]) for r in rows], np.float32),
        }

    a, b = arrays(train, True), arrays(test, False)
    mean, deviation = a["numerics"].mean(0), a["numerics"].std(0) + 1e-9
    for part in (a, b):
        part["numerics"] = ((part["numerics"] - mean) / deviation).astype(np.float32)
    return a, b, {k: len(v) + 1 for k, v in vocabularies.items()}
