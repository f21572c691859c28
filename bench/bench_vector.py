"""vector: top 100 by inner product among 200,000 and 1 million vectors of 64 numbers, one query at a time, one thread.

Latent factors without clusters (peers/vector_data.py). Exact: ours against faiss's flat index. Approximate peers are given the effort at
which their recall reaches .98, or the greatest; ours the least at which its recall reaches theirs; queries per second of one thread, which is
CPU time. Of 200,000, every other row is replaced once more: what that does to recall. `--quick` leaves the million out.
"""

import json
import os

import measure

PEERS = measure.ROOT / "bench" / "peers"
PACKAGES = ["numpy", "faiss-cpu", "hnswlib"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
WIDTH, N, QUERIES = 64, 100, 500
EFFORTS = (16, 64, 256)


def data(python, rows):
    folder = measure.WORK / f"vector-{rows}"
    if not (folder / "truth.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        measure.last_json([python, "-B", PEERS / "vector_data.py", folder, rows, WIDTH, QUERIES, N])
    return folder


def peer(python, folder, kind):
    return lambda: measure.last_json([python, "-B", PEERS / "vector_peer.py", folder, WIDTH, N, kind], env=ONE_THREAD)


def ours(python, program, folder):
    def run():
        done = measure.last_json([program, folder / "vectors.f32", folder / "queries.f32", WIDTH, N, folder / "found.i64"], env=ONE_THREAD)
        told = measure.last_json([python, "-B", PEERS / "vector_recall.py", folder, N])
        return {**done, **told}
    return run


def graph(python, program, folder, *words):
    """Queries per second, recall and effort of our graph, by effort, and what its making took on all processors."""
    done = measure.last_json([program, folder / "vectors.f32", folder / "queries.f32", WIDTH, N, folder / "graph.i64", *words, *EFFORTS])
    recalls = {e: measure.last_json([python, "-B", PEERS / "vector_recall.py", folder, N, f"graph.i64.{e}"])["recall"] for e in EFFORTS}
    return done["build_s"], [{"rate": done["queries_per_s"][str(e)], "recall": recalls[e], "effort": e} for e in EFFORTS]


def approximate(python, program, folder, rows, peers, emit):
    build_s, ours = graph(python, program, folder)
    for kind, told in peers.items():
        equal = next((one for one in ours if one["recall"] >= told["recall"]), ours[-1])
        emit(measure.line("vector", f"approximate against {kind}, {rows} x {WIDTH}, top {N}", "queries/CPU-second", [equal["rate"]],
                          f"{kind} {told['version']}", [told["queries_per_s"]], recall=equal["recall"], their_recall=told["recall"], build_s=build_s,
                          effort=equal["effort"], their_effort=told["effort"], their_build_s=told["build_s"]))
    if rows > 200_000:
        return
    _, replaced = graph(python, program, folder, "replaced")
    for before, after in zip(ours, replaced):
        emit(measure.line("vector", f"after replacing half, {rows} x {WIDTH}, top {N}, effort {after['effort']}", f"recall@{N}", [after["recall"]],
                          "ours made anew", [before["recall"]], queries_per_s=after["rate"]))


def run(options, emit):
    python, program = measure.python(PACKAGES), measure.example("scan")
    graphs = measure.example("graph")
    for rows in (200_000,) if options.quick else (200_000, 1_000_000):
        folder = data(python, rows)
        jobs = {"ours": ours(python, program, folder), "flat": peer(python, folder, "flat")}
        once = {kind: peer(python, folder, kind)() for kind in ("hnswlib", "hnswlib-even", "hnsw", "ivf")}
        results = measure.alternate(jobs, 2 if options.quick else 5)
        rates = {name: [r["queries_per_s"] for r in results[name]] for name in jobs}
        recall = measure.median(r["recall"] for r in results["ours"])
        emit(measure.line("vector", f"exact, {rows} x {WIDTH}, top {N}", "queries/CPU-second", rates["ours"],
                          f"faiss {results['flat'][0]['version']} flat", rates["flat"], recall=recall, their_recall=results["flat"][0]["recall"],
                          build_s=measure.median(r["build_s"] for r in results["ours"])))
        for kind, told in once.items():
            emit(measure.line("vector", f"exact against {kind}, {rows} x {WIDTH}, top {N}", "queries/CPU-second", rates["ours"],
                              f"{kind} {told['version']}", [told["queries_per_s"]], recall=recall, their_recall=told["recall"],
                              their_build_s=told["build_s"], effort=told["effort"]))
        approximate(python, graphs, folder, rows, once, emit)
