"""bench/choose_citeulike.py --data FOLDER: the numbers of confs/citeulike.toml, chosen on vali alone.

The test pairs are overwritten by vali's before anything is trained. Every point of GRID with seed 1, the best three with seeds 2 and 3, too; prints each by
its recall@100 of cold papers, the best mean last. The grid was written down before its first run.
"""

import argparse
import itertools
import shutil

import bench_quality_citeulike as bench
import measure

WIDTHS, EPOCHS, RATES, HEATS = (256, 512), (3, 5), (1e-3, 5e-4), (0.07, 0.1, 0.14)
GRID = [{"tower.user.hidden": [w], "tower.item.hidden": [w], "train.epochs": e, "train.average": 0.5, "optimizer.dense.lr": r, "tower.temperature": t}
        for w, e, r, t in itertools.product(WIDTHS, EPOCHS, RATES, HEATS)]


def recall(folder, point, seed):
    """Recall@100 on vali of one point."""
    shutil.copy(bench.CONFS / "citeulike.toml", folder / "dropoutnet.toml")
    sets = [word for key, value in {**point, "seed": seed}.items() for word in ("--set", f"{key}={value}")]
    reads = ["--dictionaries", folder / "server.toml"]
    bench.verb(folder, "train", folder / "dropoutnet.toml", "--conf", bench.CONFS / "citeulike.feature.toml", "--train", folder / "learn.csv",
               "--valid", folder / "vali.csv", *sets, *reads)
    return bench.recalls(folder, "dropoutnet", words=reads)["vali"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    measure.build()
    folder, _, _ = bench.prepare(options.data, measure.python(bench.PACKAGES))
    shutil.copy(folder / "vali.csv", folder / "test.csv")
    told = []
    for point in GRID:
        told.append(([recall(folder, point, 1)], point))
        print(f"{told[-1][0][0]:.4f}", point, flush=True)
    best = sorted(told, key=lambda pair: pair[0][0])[-3:]
    means = []
    for found, point in best:
        found += [recall(folder, point, seed) for seed in (2, 3)]
        means.append((sum(found) / len(found), point))
        print(" ".join(f"{value:.4f}" for value in found), point, flush=True)
    print("best", *max(means, key=lambda pair: pair[0]))


if __name__ == "__main__":
    main()
