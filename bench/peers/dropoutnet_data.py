"""Pairs and content of the bench dropoutnet: latent users and items, content and preference drawn from them with noise."""

import json
import pathlib
import sys

import numpy
import pyarrow
import pyarrow.parquet

folder, rows, users, items = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:5])
draw = numpy.random.default_rng(3)
taste = {"user": draw.normal(0, 1, (users, 16)), "item": draw.normal(0, 1, (items, 16))}
for side, count in (("user", users), ("item", items)):
    columns = {side: numpy.arange(count)}
    for name, width, noise in (("content", 256, 1.0), ("preference", 512, 0.5)):
        x = (taste[side] @ draw.normal(0, 0.25, (16, width)) + draw.normal(0, noise, (count, width))).astype("f4")
        numpy.save(folder / f"{side}-{name}.npy", x)
        columns[name] = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(x.ravel()), width)
    columns["cold"] = numpy.zeros(count, "f4")
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "dictionaries" / f"{side}s.parquet")
    pyarrow.parquet.write_table(pyarrow.table({side: numpy.arange(count)}), folder / f"{side}s.parquet")
pairs = numpy.empty((rows, 2), "i8")
for at in range(rows):
    user, offered = draw.integers(users), draw.integers(items, size=64)
    pairs[at] = user, offered[numpy.argmax(taste["item"][offered] @ taste["user"][user])]
numpy.save(folder / "pairs.npy", pairs)
(folder / "train.csv").write_text("user,item,label\n" + "".join(f"{u},{i},1\n" for u, i in pairs))
print(json.dumps({"rows": rows}))
