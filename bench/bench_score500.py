"""score500: 500 candidates, 20 categorical fields of dimension 16 and 10 numbers → MLP 128-64-1, features extracted already.

The peer, onnxruntime, scores the same weights and inputs with one thread; its scores are compared with ours first. Ours has three
paths: everything anew for every candidate, the user's part once, the user's part once and the items' parts kept.
"""

import subprocess

import measure

PACKAGES = ["onnxruntime", "onnx", "numpy"]
PATHS = [("plain", "nothing shared"), ("user_once", "user part once"), ("items_kept", "user part once, item parts kept")]
BARS = {"plain": 2, "user_once": 3, "items_kept": 8}


def run(options, emit):
    program = measure.example("score500")
    python = measure.python(PACKAGES)
    folder = measure.WORK / "score500"
    calls = 500 if options.quick else 2000
    ours = lambda: measure.last_json([program, folder, calls])
    ours()  # writes what the peer reads
    theirs = lambda: measure.last_json([python, "-B", measure.ROOT / "bench/peers/onnx_score500.py", folder, calls])
    results = measure.alternate({"ours": ours, "theirs": theirs}, 2 if options.quick else 5)
    for path, what in PATHS:
        emit(measure.line("score500", what, "µs (median of calls)", [r[path] for r in results["ours"]],
                          "onnxruntime " + results["theirs"][0]["version"], [r["us"] for r in results["theirs"]],
                          higher_is_better=False, bar=BARS[path], most_different=max(r["different"] for r in results["theirs"]),
                          fastest=[min(r[path] for r in results["ours"]), min(r["us"] for r in results["theirs"])], graph=results["theirs"][0]["graph"]))
