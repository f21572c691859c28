"""train-tabular: NeuralCF and EmbeddingMLP, samples per CPU-second of the training loop, against Keras and PyTorch.

Every run is a process of its own; ours is `rankine train`, so the figure is that of the shipped binary. Test ROC-AUC
stands beside the speed of every run.
"""

import json
import os
import shutil

import measure
from peers import sparrow_samples

CONFS = measure.ROOT / "bench" / "confs"
PEERS = measure.ROOT / "bench" / "peers"
PACKAGES = ["tensorflow-cpu", "torch", "numpy", "scikit-learn"]
KINDS = ["neuralcf", "embeddingmlp"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def ours(kind, train, test, batch, epochs):
    """One `rankine train` in a home of its own; the history tells the CPU seconds of the batches alone."""
    home = measure.WORK / "tabular-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    model = home / f"{kind}.toml"
    text = (CONFS / f"{kind}.toml").read_text()
    model.write_text(text.replace("@BATCH@", str(batch)).replace("@EPOCHS@", str(epochs)))
    done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", model, "--conf", CONFS / "tabular.feature.toml",
                              "--train", train, "--test", test, "--hold-out", "0"], env=ONE_THREAD)
    auc = next(line["measures"]["roc_auc"] for line in done["evaluation"]["lines"] if not line["baseline"])
    return {"rate": done["train_samples"] * epochs / done["history"][-1]["cpu_s"], "auc": auc, "version": "rankine"}


def theirs(peer, python):
    def call(kind, train, test, batch, epochs):
        return measure.last_json([python, "-B", PEERS / f"{peer}_tabular.py", kind, train, test, batch, epochs], env=ONE_THREAD)
    return call


def run(options, emit):
    measure.build()
    python = measure.python(PACKAGES)
    train, test = sparrow_samples.folder(options.data, measure.WORK)
    rounds, epochs = (2, 3) if options.quick else (5, 3)
    runners = {"ours": ours, "keras": theirs("keras", python), "torch": theirs("torch", python)}
    for kind in KINDS:
        for batch in [1024] if options.quick else [256, 1024]:
            jobs = {n: (lambda c=c: c(kind, train, test, batch, epochs)) for n, c in runners.items()}
            results = measure.alternate(jobs, rounds)
            for peer in ["keras", "torch"]:
                rates = {n: [r["rate"] for r in results[n]] for n in ("ours", peer)}
                emit(measure.line("train-tabular", f"{kind} batch {batch}", "samples/CPU-second", rates["ours"],
                                  f"{peer} {results[peer][0]['version']}", rates[peer], epochs=epochs,
                                  auc=measure.median(r["auc"] for r in results["ours"]),
                                  their_auc=measure.median(r["auc"] for r in results[peer]),
                                  data=str(options.data or "generated")))
