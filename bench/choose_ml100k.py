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
    "itemknn": [(f"neighbours = {k}, shrink = {s}", "") for k in (10, 15, 20, 40, 80, 200, 400) for s in (0, 5, 20)],
    "bpr": [(f"dim = 64, lr = 0.05, reg = {r}", f"epochs = {e}") for r, e in ((0.005, 20), (0.01, 30), (0.02, 60))]
           + [("dim = 32, lr = 0.08, reg = 0.01", "epochs = 40")],
    "ials": [(f"dim = {d}, unobserved = {a}, reg = {r}", "epochs = 12")
             for d, a, r in ((64, .1, .003), (64, .3, .01), (64, .5, .03), (64, 1, .03), (128, .3, .03), (32, .3, .01), (32, .3, .03))],
    "ease": [(f"reg = {r}", "") for r in (50, 100, 200, 350, 500, 600, 800)],
    "walk": [(f"dim = 64, graph = \"{g}\", length = 20, walks = 10, window = {w}", "epochs = 2")
             for g in ("items", "users") for w in (3, 8)],
}

#: Changes of the files in ml100k.NETWORKS, and films beside each.
NETWORKS = {
    "twotower": [((), 0)] + [((change,), 0) for change in (("l2 = 3", "l2 = 0"), ("temperature = 0.1", "temperature = 0.15"),
                                                          ("dim = 64", "dim = 128"))],
    "neuralcf": [((("epochs = 4", f"epochs = {e}"), ("l2 = 3", f"l2 = {l2}")), others)
                 for others, e, l2 in ((4, 12, 1), (4, 12, 5), (4, 15, 20), (8, 8, 1), (8, 10, 5), (16, 4, 3), (32, 3, 3))],
}


def line(folder, kind, keys, train):
    """The validation figures of one point."""
    if kind in NETWORKS:
        report = ml100k.network(folder, kind, "train", "valid", keys, train)
    else:
        report = ml100k.rank(folder, ml100k.model(kind, keys, train), "train", "valid")
    return report["ranking"]["lines"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=[*GRIDS, *NETWORKS])
    parser.add_argument("--data")
    parser.add_argument("--grid", help="further points: matrix keys|train keys, one per line of a file")
    options = parser.parse_args()
    measure.build()
    folder = ml100k.samples(options.data)
    grid = {**GRIDS, **NETWORKS}[options.kind]
    if options.grid:
        grid = [tuple(l.rstrip("\n").split("|")) for l in open(options.grid)]
    points = []
    for keys, train in grid:
        found = line(folder, options.kind, keys, train)
        point = (found["sampled"]["ndcg"], found["sampled"]["hit_rate"], found["all"]["ndcg"], found["all"]["hit_rate"])
        points.append((point, keys, train))
        print(" ".join(f"{v:.4f}" for v in point), keys, train, flush=True)
    (best, keys, train) = max(points)
    print("best", " ".join(f"{v:.4f}" for v in best), keys, train)


if __name__ == "__main__":
    main()
