"""bench/choose_citeulike.py --data FOLDER: the numbers of confs/citeulike.toml, chosen without test and without the warm test part.

Everything is fitted on nine tenths of what is learnt (peers/citeulike_data.py, OUT/choosing): the best of bench_quality_citeulike.PLAIN, whose factors are read, and
every point of GRID with seed 1. The rule, written down with the grid before its first run: of the points whose warm recall on the tenth that chooses is not below
that factorisation's, the three of the best cold recall on vali are run with seeds 2 and 3; the best mean on vali whose mean of warm is not below either wins.
"""

import argparse
import itertools
import statistics

import bench_quality_citeulike as bench
import measure

WIDTHS, EPOCHS, HEATS = (256, 384, 512), (2,), (0.1, 0.12)
GRID = [{"tower.user.hidden": [w], "tower.item.hidden": [w], "train.epochs": e, "tower.temperature": t} for w, e, t in itertools.product(WIDTHS, EPOCHS, HEATS)]


def tried(home, point, seed):
    """Recall on vali and of the warm pairs that choose."""
    found = bench.ours(home, {**point, "seed": seed})
    return found["vali"][0], found["warm"][0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    measure.build()
    folder, numbers = bench.prepare(options.data, False)
    home = folder / "choosing"
    least = bench.read(options.data, home, numbers)[1][0]
    print(f"iALS: warm {least:.4f}", numbers, flush=True)
    told = []
    for point in GRID:
        told.append(([tried(home, point, 1)], point))
        print("vali {:.4f} warm {:.4f}".format(*told[-1][0][0]), point, flush=True)
    best = sorted((pair for pair in told if pair[0][0][1] >= least), key=lambda pair: pair[0][0][0])[-3:]
    means = []
    for found, point in best:
        found += [tried(home, point, seed) for seed in (2, 3)]
        vali, warm = (statistics.mean(figures) for figures in zip(*found))
        means.append((vali if warm >= least else 0, point))
        print(f"mean of three seeds: vali {vali:.4f} warm {warm:.4f}", point, flush=True)
    vali, point = max(means, key=lambda pair: pair[0])
    none = bench.ours(home, {**point, **bench.NONE})
    print(f"best: vali {vali:.4f}, without dropout {none['vali'][0]:.4f}", point)


if __name__ == "__main__":
    main()
