"""Peers of the bench vector: faiss flat, HNSW and IVF, hnswlib (by the inner product, and `hnswlib-even`, by the distance of rows made equally
long by one number more); one query at a time, one thread; one JSON line.

Approximate ones are asked with more and more effort until their recall reaches .98; that run is told.
"""

import json
import pathlib
import sys
import time

import numpy

folder, width, n, kind = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
vectors = numpy.fromfile(folder / "vectors.f32", "<f4").reshape(-1, width)
queries = numpy.fromfile(folder / "queries.f32", "<f4").reshape(-1, width)
truth = numpy.load(folder / "truth.npy")


def timed(search):
    start, found = time.process_time(), []
    for query in queries:
        found.append(search(query[None]))
    spent = time.process_time() - start
    recall = numpy.mean([len(numpy.intersect1d(t, f)) / n for t, f in zip(truth, found)])
    return len(queries) / spent, float(recall)


def faiss_index():
    import faiss
    faiss.omp_set_num_threads(1)
    if kind == "flat":
        index, efforts, put = faiss.IndexFlatIP(width), [0], lambda e: None
    elif kind == "hnsw":
        index, efforts = faiss.IndexHNSWFlat(width, 16, faiss.METRIC_INNER_PRODUCT), (100, 150, 200, 300, 400, 600, 800)
        index.hnsw.efConstruction = 128
        put = lambda e: setattr(index.hnsw, "efSearch", e)
    else:
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, int(4 * len(vectors) ** 0.5), faiss.METRIC_INNER_PRODUCT)
        index.train(vectors[:: max(1, len(vectors) // 100_000)])
        efforts, put = (8, 16, 32, 64, 128, 256, 512), lambda e: setattr(index, "nprobe", e)
    index.add(vectors)
    return faiss.__version__, efforts, put, lambda q: index.search(q, n)[1][0]


def hnswlib_index():
    import importlib.metadata
    import hnswlib
    even = kind == "hnswlib-even"
    index = hnswlib.Index(space="l2" if even else "ip", dim=width + even)
    index.init_index(max_elements=len(vectors), ef_construction=128, M=16)
    index.set_num_threads(2)
    squares = (vectors * vectors).sum(1, keepdims=True)
    index.add_items(numpy.hstack([vectors, numpy.sqrt(squares.max() - squares)]) if even else vectors)
    index.set_num_threads(1)
    lifted = numpy.zeros((1, width + even), "f4")

    def search(query):
        lifted[:, :width] = query
        return index.knn_query(lifted, k=n)[0][0]
    return importlib.metadata.version("hnswlib"), (100, 150, 200, 300, 400, 600, 800), index.set_ef, search


start = time.process_time()
version, efforts, put, search = hnswlib_index() if kind.startswith("hnswlib") else faiss_index()
built = time.process_time() - start
for effort in efforts:
    put(effort)
    rate, recall = timed(search)
    if recall >= 0.98:
        break
print(json.dumps({"queries_per_s": rate, "recall": recall, "effort": effort, "build_s": round(built, 2), "version": version}))
