"""Sample files in SparrowRecSys's column layout: a given folder, or made from a seed with the sizes of its pool data.

The made-up truth: users and films have a quality and a taste; labels follow them with noise, counts and means are what
the labels say. Numbers of rows, users, films and genres are those of the 80/20 file, so tables and batches cost alike.
"""

import csv
import pathlib
import random

USERS, FILMS, TRAIN, TEST = 15_656, 835, 46_447, 11_612
GENRES = ["Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Film-Noir",
          "Horror", "IMAX", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"]
COLUMNS = ["movieId", "userId", "rating", "timestamp", "label", "releaseYear", "movieGenre1", "movieGenre2", "movieGenre3",
           "movieRatingCount", "movieAvgRating", "movieRatingStddev", "userRatedMovie1", "userRatedMovie2", "userRatedMovie3",
           "userRatedMovie4", "userRatedMovie5", "userRatingCount", "userAvgReleaseYear", "userReleaseYearStddev",
           "userAvgRating", "userRatingStddev", "userGenre1", "userGenre2", "userGenre3", "userGenre4", "userGenre5"]


def folder(given, work):
    """(training file, test file) of the given folder, or of the generated data, made once."""
    where = pathlib.Path(given) if given else work / "tabular-data"
    if given is None and not (where / "testSamples.csv").exists():
        make(where)
    return tuple(find(where, part) for part in ("trainingSamples", "testSamples"))


def find(where, part):
    for name in (f"{part}.csv", f"{part}.csv.gz"):
        if (where / name).exists():
            return where / name
    raise SystemExit(f"{where}: expected {part}.csv or {part}.csv.gz")


def make(where):
    draw = random.Random(20261122)
    where.mkdir(parents=True, exist_ok=True)
    films = [film(draw, i + 1) for i in range(FILMS)]
    weights = [1 / (rank + 20) for rank in range(FILMS)]
    users = [user(draw) for _ in range(USERS)]
    for name, rows in (("trainingSamples", TRAIN), ("testSamples", TEST)):
        with open(where / f"{name}.csv", "w", newline="") as f:
            out = csv.DictWriter(f, COLUMNS, lineterminator="\n")
            out.writeheader()
            for _ in range(rows):
                u = draw.randrange(USERS)
                out.writerow(row(draw, u + 1, users[u], draw.choices(films, weights)[0]))


def film(draw, number):
    return {"id": number, "quality": draw.gauss(0, 0.5), "year": draw.randint(1930, 2015),
            "genres": draw.sample(GENRES, draw.randint(1, 3)), "count": int(draw.lognormvariate(7.5, 1.2))}


def user(draw):
    return {"bias": draw.gauss(0, 0.4), "taste": draw.sample(GENRES, 5), "count": draw.randint(1, 100)}


def row(draw, number, u, m):
    fit = 0.3 * len(set(u["taste"]) & set(m["genres"]))
    score = 3.3 + m["quality"] + u["bias"] + fit + draw.gauss(0, 0.8)
    rating = min(5.0, max(0.5, round(score * 2) / 2))
    genres = m["genres"] + [""] * (3 - len(m["genres"]))
    known = u["count"] > 2
    numbers = [f"{3.3 + u['bias'] + draw.gauss(0, 0.2):.2f}", f"{draw.uniform(0.5, 1.3):.2f}"] if known else ["", ""]
    return {"movieId": m["id"], "userId": number, "rating": rating, "timestamp": draw.randint(8 * 10**8, 14 * 10**8),
            "label": int(rating >= 3.5), "releaseYear": m["year"], "movieGenre1": genres[0], "movieGenre2": genres[1],
            "movieGenre3": genres[2], "movieRatingCount": m["count"], "movieAvgRating": f"{3.3 + m['quality']:.2f}",
            "movieRatingStddev": f"{draw.uniform(0.7, 1.1):.2f}", "userRatingCount": u["count"],
            "userAvgRating": numbers[0], "userRatingStddev": numbers[1],
            **{f"userGenre{i + 1}": g if known else "" for i, g in enumerate(u["taste"])}}
