"""Samples of the bench sparse: `label,user,item`, Zipf ids over 100 thousand and 1 million, label from seeded effects of ids.

With no validation samples asked for: as many samples, each with a user of its own.
"""

import json
import pathlib
import sys

import numpy
import pyarrow
import pyarrow.parquet

folder, rows, valid = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
draw = numpy.random.default_rng(1)


def zipf(ids, count):
    """Ids 0..ids with probability as 1 / (rank + 10), ranks mixed."""
    steps = numpy.cumsum(1.0 / (numpy.arange(ids) + 10.0))
    return draw.permutation(ids)[numpy.searchsorted(steps, draw.random(count) * steps[-1])]


def write(name, label, user, item):
    columns = {"label": label.astype("f4"), "user": user.astype("i8"), "item": item.astype("i8")}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / f"{name}.parquet")


if valid == 0:
    write(f"distinct-{rows}", draw.integers(0, 2, rows), numpy.arange(rows), numpy.zeros(rows))
else:
    users, items = 100_000, 1_000_000
    effects = draw.normal(0, 1, users), draw.normal(0, 1, items)
    user, item = zipf(users, rows + valid), zipf(items, rows + valid)
    label = (draw.random(rows + valid) < 1 / (1 + numpy.exp(-effects[0][user] - effects[1][item]))).astype("f4")
    for name, part in (("train", slice(0, rows)), ("valid", slice(rows, None))):
        write(name, label[part], user[part], item[part])
        numpy.savez(folder / f"{name}.npz", label=label[part], user=user[part], item=item[part])
print(json.dumps({"rows": rows}))
