"""quality-ml100k-loo: who met what, MovieLens 100K, leave-one-out by time; lists over all films and among 99 others.

Peers: figures of independent implementations on this protocol (99 others). Ours are trained by `rankine train` on all but each
user's last film, with numbers chosen on the film before it (`choose_ml100k.py`).
"""

import measure
import ml100k

#: hit rate@10, NDCG@10 among 99 others; one standard error is .016.
REFERENCES = {"popularity": (.317, .162), "itemknn": (.546, .288), "bpr": (.538, .290), "ials": (.593, .324), "ease": (.597, .325),
              "neuralcf": (.592, .318), "twotower": (.583, .311), "walk": (None, None)}


def run(options, emit):
    measure.build()
    folder = ml100k.samples(options.data)
    for kind, (hits, ndcg) in REFERENCES.items():
        if kind in ml100k.NETWORKS:
            (keys, train), report = ("", ""), ml100k.network(folder, kind, "both", "test")
        else:
            keys, train = ml100k.CHOSEN[kind]
            report = ml100k.rank(folder, ml100k.model(kind, keys, train), "both", "test")
        ranking, line = report["ranking"], report["ranking"]["lines"][0]
        base = {l["name"]: round(l["sampled"]["ndcg"], 4) for l in ranking["lines"][1:]}
        more = {"errors": [round(line["sampled"][k], 4) for k in ("hit_error", "ndcg_error")], "matrix": keys, "train": train}
        for what, own, theirs in [("HR@10 of 99", line["sampled"]["hit_rate"], hits), ("NDCG@10 of 99", line["sampled"]["ndcg"], ndcg)]:
            emit(measure.line("quality-ml100k-loo", f"{kind}, {what}", "", [own], "independent implementation", theirs and [theirs],
                              baselines=base, **more))
        emit(measure.line("quality-ml100k-loo", f"{kind}, all {ranking['items']} films", "", [line["all"]["ndcg"]], None, None,
                          all={k: round(v, 4) for k, v in line["all"].items()}, cpu_seconds=round(report["cpu_seconds"], 2)))
