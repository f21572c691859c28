"""Click logs from a seed: 26 categories and 13 numbers a row, with planted signal; as libffm and as Vowpal Wabbit lines.

The logit is a constant, a weight per value, a slope per number, and products of latent factors between eight pairs of
fields. Values are drawn by Zipf's law. Vowpal Wabbit's lines name features by whole numbers, which it reads fastest.
"""

import pathlib
import sys

import numpy

CATEGORIES, NUMBERS, LATENT = 26, 13, 3
SIZES = [int(10 * 1.35 ** f) for f in range(CATEGORIES)]
PAIRS = [(0, 7), (1, 12), (2, 15), (3, 18), (5, 20), (8, 14), (10, 22), (4, 9)]


def zipf(random, size, rows):
    """Numbers below `size`, the low ones often."""
    weights = 1.0 / (numpy.arange(size) + 2.0) ** 1.05
    return numpy.searchsorted(numpy.cumsum(weights / weights.sum()), random.random(rows)).clip(0, size - 1)


def tokens(texts):
    """Byte strings as an array that can be indexed."""
    out = numpy.empty(len(texts), dtype=object)
    out[:] = [t.encode() for t in texts]
    return out


def generate(seed, rows):
    """Labels, columns of category values, columns of numbers in hundredths."""
    truth, random = numpy.random.default_rng(seed), numpy.random.default_rng([seed, rows])
    logit = numpy.full(rows, -1.3)
    categories, numbers = [], []
    for size in SIZES:
        value = zipf(random, size, rows)
        logit += truth.normal(0, 0.22, size)[value]
        categories.append(value)
    for a, b in PAIRS:
        u, v = truth.normal(0, 0.55, (SIZES[a], LATENT)), truth.normal(0, 0.55, (SIZES[b], LATENT))
        logit += (u[categories[a]] * v[categories[b]]).sum(axis=1)
    for slope in truth.normal(0, 0.5, NUMBERS):
        value = random.integers(0, 101, rows)
        logit += slope * (value / 100 - 0.5)
        numbers.append(value)
    labels = (random.random(rows) < 1 / (1 + numpy.exp(-logit))).astype(int)
    return labels, categories, numbers, logit


def columns(labels, categories, numbers):
    """The tokens of each column: (libffm, Vowpal Wabbit)."""
    ffm, vw = [tokens(["0", "1"])[labels]], [tokens(["-1 |", "1 |"])[labels]]
    start = 0
    for field, (size, value) in enumerate(zip(SIZES, categories)):
        ffm.append(tokens([f" {field}:{start + v}:1" for v in range(size)])[value])
        vw.append(tokens([f" {start + v}" for v in range(size)])[value])
        start += size
    for n, value in enumerate(numbers):
        field = CATEGORIES + n
        ffm.append(tokens([f" {field}:{start + n}:{v / 100:.2f}" for v in range(101)])[value])
        vw.append(tokens([f" {start + n}:{v / 100:.2f}" for v in range(101)])[value])
    return ffm, vw


def write(path, cols):
    """One line a row, in pieces."""
    rows = len(cols[0])
    with open(path, "wb") as out:
        for at in range(0, rows, 100_000):
            lines = zip(*(c[at:at + 100_000].tolist() for c in cols))
            out.write(b"".join(b"".join(line) + b"\n" for line in lines))


def main(folder, rows):
    """train.ffm, train.vw and test.ffm below `folder`; tells the best logloss anyone could reach."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    labels, categories, numbers, logit = generate(1, rows + 10_000)
    ffm, vw = columns(labels, categories, numbers)
    write(folder / "train.ffm", [c[:rows] for c in ffm])
    write(folder / "train.vw", [c[:rows] for c in vw])
    write(folder / "test.ffm", [c[rows:] for c in ffm])
    p = 1 / (1 + numpy.exp(-logit))
    best = -(labels * numpy.log(p) + (1 - labels) * numpy.log(1 - p)).mean()
    (folder / "about.txt").write_text(f"{rows} rows, {sum(SIZES)} category values, click rate {labels.mean():.4f}, "
                                      f"logloss of the truth {best:.4f}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
