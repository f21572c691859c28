"""Recall@n of the ids in a file of a folder of the bench vector (found.i64, or the one named); one JSON line."""

import json
import pathlib
import sys

import numpy

folder, n = pathlib.Path(sys.argv[1]), int(sys.argv[2])
truth = numpy.load(folder / "truth.npy")
found = numpy.fromfile(folder / (sys.argv[3] if len(sys.argv) > 3 else "found.i64"), "<i8").reshape(len(truth), n)
print(json.dumps({"recall": float(numpy.mean([len(numpy.intersect1d(t, f)) / n for t, f in zip(truth, found)]))}))
