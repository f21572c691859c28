"""bench/choose_ml100k.py KIND [--data FOLDER]: the numbers of a kind in ml100k.py, chosen on validation films alone.

Prints every point by the NDCG@10 and hit rate@10 of validation films among 99 others (and over all films), best last; no test
film is read while it runs.
"""

import argparse
import itertools

import measure
import ml100k

GRIDS = {
    "popularity": [("", "")],
    "itemknn": [(f"neighbours = {k}, shrink = {s}", "") for k in (20, 40, 80, 150, 300, 800) for s in (0, 20)],
    "bpr": [(f"dim = {d}, lr = {lr}, reg = {r}", f"epochs = {e}")
            for d in (32, 64) for lr in (0.03, 0.08) for r in (0.003, 0.01, 0.02) for e in (25, 60)],
    "ials": [(f"dim = {d}, unobserved = {a}, reg = {r}, exponent = {x}", f"epochs = {e}")
             for d in (32, 64, 128) for a in (0.1, 0.3, 1.0) for r in (0.003, 0.01, 0.03, 0.1) for x, e in ((1, 12),)],
    "ease": [(f"reg = {r}", "") for r in (50, 100, 200, 350, 500, 750, 1000)],
    "walk": [(f"dim = {d}, graph = \"{g}\", window = {w}, lr = {lr}", f"epochs = {e}")
             for d in (32, 64) for g in ("items", "users") for w in (3, 8) for lr in (0.025,) for e in (3,)],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=GRIDS)
    parser.add_argument("--data")
    parser.add_argument("--grid", help="further points: matrix keys|train keys, one per line of a file")
    options = parser.parse_args()
    measure.build()
    folder = ml100k.samples(options.data)
    grid = GRIDS[options.kind]
    if options.grid:
        grid = [tuple(l.rstrip("\n").split("|")) for l in open(options.grid)]
    points = []
    for keys, train in grid:
        line = ml100k.rank(folder, ml100k.model(options.kind, keys, train), "train", "valid")["ranking"]["lines"][0]
        point = (line["sampled"]["ndcg"], line["sampled"]["hit_rate"], line["all"]["ndcg"], line["all"]["hit_rate"])
        points.append((point, keys, train))
        print(" ".join(f"{v:.4f}" for v in point), keys, train, flush=True)
    (best, keys, train) = max(points)
    print("best", " ".join(f"{v:.4f}" for v in best), keys, train)


if __name__ == "__main__":
    main()
