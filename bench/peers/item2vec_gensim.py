"""gensim's skip-gram on sentences.bin: CPU seconds of the training; and how well vectors (either side's) tell groups apart.

    python3 item2vec_gensim.py FOLDER DIM WINDOW NEGATIVES EPOCHS | judge FOLDER DIM VECTORS
"""

import json
import pathlib
import sys
import time

import numpy as np


def sentences(folder):
    numbers = np.fromfile(folder / "sentences.bin", dtype="<u4").tolist()
    at, out = 0, []
    while at < len(numbers):
        out.append([str(i) for i in numbers[at + 1:at + 1 + numbers[at]]])
        at += 1 + numbers[at]
    return out


def judge(folder, ids, vectors):
    """The share of an item's ten nearest (cosine) that are of its group, over the 5,000 items seen most often."""
    groups = np.load(folder / "groups.npz")
    group = np.empty(len(groups["item"]), dtype=int)
    group[groups["item"]] = groups["group"]
    numbers = np.fromfile(folder / "sentences.bin", dtype="<u4")
    counts = np.bincount(numbers[numbers < len(group)], minlength=len(group))
    ids = np.asarray(ids)
    often = np.argsort(-counts[ids], kind="stable")[:5000]
    V, g = vectors[often].astype(float), group[ids[often]]
    V /= np.linalg.norm(V, axis=1, keepdims=True)
    S = V @ V.T
    np.fill_diagonal(S, -2)
    near = np.argpartition(-S, 10, axis=1)[:, :10]
    return float((g[near] == g[:, None]).mean())


if __name__ == "__main__":
    if sys.argv[1] == "judge":
        folder, dim = pathlib.Path(sys.argv[2]), int(sys.argv[3])
        rows = np.fromfile(sys.argv[4], dtype="<f4").reshape(-1, dim)
        ids = sorted({int(i) for s in sentences(folder) for i in s})
        print(json.dumps({"near": judge(folder, ids, rows)}))
        sys.exit()
    from gensim.models import Word2Vec
    folder, (dim, window, negatives, epochs) = pathlib.Path(sys.argv[1]), map(int, sys.argv[2:6])
    corpus = sentences(folder)
    model = Word2Vec(vector_size=dim, window=window, negative=negatives, sg=1, hs=0, min_count=1, sample=0, alpha=0.025,
                     min_alpha=0.0000025, workers=1, seed=1, epochs=epochs)
    model.build_vocab(corpus)
    cpu, wall = time.process_time(), time.perf_counter()
    model.train(corpus, total_examples=len(corpus), epochs=epochs)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    ids = sorted(int(w) for w in model.wv.index_to_key)
    vectors = np.stack([model.wv[str(i)] for i in ids])
    print(json.dumps({"cpu": cpu, "wall": wall, "items": len(ids), "near": judge(folder, ids, vectors)}))
