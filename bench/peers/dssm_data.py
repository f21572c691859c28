"""Samples of the bench dssm: `label,u1..u128,i1..i128` and the same as .npy, labels drawn from towers of the model's shape."""

import json
import pathlib
import sys

import numpy

folder, rows, valid = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
draw = numpy.random.default_rng(1)
user, item = draw.normal(0, 0.1, (128, 64)), draw.normal(0, 0.1, (128, 64))
for name, count in (("train", rows), ("valid", valid)):
    x = numpy.round(draw.normal(0, 1, (count, 256)), 6)
    logit = 2 * (numpy.maximum(x[:, :128] @ user, 0) * numpy.maximum(x[:, 128:] @ item, 0)).sum(1)
    y = (draw.random(count) < 1 / (1 + numpy.exp(-(logit - logit.mean())))).astype("f4")
    numpy.save(folder / f"{name}.npy", numpy.column_stack([y, x]).astype("f4"))
    with open(folder / f"{name}.csv", "w") as out:
        for label, numbers in zip(y, x):
            out.write(f"{int(label)}," + ",".join(f"{v:.6f}" for v in numbers) + "\n")
print(json.dumps({"rows": rows}))
