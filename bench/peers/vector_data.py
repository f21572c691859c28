"""Vectors of the bench vector: latent factors whose spectrum falls, lengths spread, no clusters; queries alike; the true top n."""

import json
import pathlib
import sys

import numpy

folder, rows, width, queries, n = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:6])
draw = numpy.random.default_rng(7)
spectrum = (1.0 / numpy.sqrt(1 + numpy.arange(width))).astype("f4")
turn = numpy.linalg.qr(draw.normal(0, 1, (width, width)))[0].astype("f4")


def factors(count, spread):
    lengths = numpy.exp(draw.normal(0, spread, (count, 1))).astype("f4")
    return (draw.normal(0, 1, (count, width)).astype("f4") * spectrum * lengths) @ turn


vectors, asked = factors(rows, 0.2), factors(queries, 0.0)
vectors.astype("<f4").tofile(folder / "vectors.f32")
asked.astype("<f4").tofile(folder / "queries.f32")
truth = numpy.empty((queries, n), "i8")
for at, query in enumerate(asked):
    scores = vectors @ query
    best = numpy.argpartition(-scores, n)[:n]
    truth[at] = best[numpy.argsort(-scores[best], kind="stable")]
numpy.save(folder / "truth.npy", truth)
print(json.dumps({"rows": rows}))
