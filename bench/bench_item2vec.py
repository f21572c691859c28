"""item2vec: skip-gram with negative sampling, items of sentences per CPU-second, one thread.

Peer: gensim's Word2Vec (sg=1, the same dim, window, negatives, epochs, rate; no subsampling). Quality beside it: the share of an
item's ten nearest that are of the group it was made from.
"""

import os

import matrix
import measure


def run(options, emit):
    example, python = matrix.ready()
    users, items, events, rounds = (20_000, 5_000, 1_000_000, 2) if options.quick else (60_000, 12_000, 5_000_000, 5)
    folder = matrix.data(python, users, items, events)
    tokens = (folder / "sentences.bin").stat().st_size // 4 - users
    emit({"bench": "item2vec", "data": (folder / "about.txt").read_text(), "versions": matrix.versions(python, "gensim", "numpy")})
    epochs = 2
    for dim in (32, 100):
        out = measure.WORK / "item2vec.bin"
        jobs = {
            "ours": lambda: matrix.ours(example, "item2vec", folder / "sentences.bin", dim=dim, window=5, negatives=5, epochs=epochs, out=out),
            "theirs": lambda: matrix.theirs(python, "item2vec_gensim.py", folder, dim, 5, 5, epochs),
        }
        results = measure.alternate(jobs, rounds)
        near = matrix.theirs(python, "item2vec_gensim.py", "judge", folder, dim, out)["near"]
        rate = lambda name: [tokens * epochs / r["cpu"] for r in results[name]]
        emit(measure.line("item2vec", f"dim {dim}, window 5, 5 negatives, T=1", "items/CPU-second", rate("ours"), "gensim", rate("theirs"),
                          near=round(near, 4), their_near=round(results["theirs"][0]["near"], 4), load_average=os.getloadavg()[0]))
