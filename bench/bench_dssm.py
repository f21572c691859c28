"""dssm: 128+128 -> 64 relu, element-wise product, Dense(1), sigmoid; samples per CPU-second, against PyTorch and Keras.

200,000 samples of seeded vectors, label drawn from a model of the same shape. On every side: shuffling, training loss and
accuracy, validation after each epoch. Ours is `rankine train` on the same rows as text; its CPU seconds are those of
the epochs and of their validation. On two threads (`train.threads`) ours stands beside ours on one.
"""

import os
import shutil

import measure

PEERS = measure.ROOT / "bench" / "peers"
PACKAGES = ["tensorflow-cpu", "torch", "numpy"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
              "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
ROWS, VALID = 200_000, 20_000


def data(python):
    folder = measure.WORK / "dssm-data"
    if not (folder / "valid.csv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        measure.last_json([python, "-B", PEERS / "dssm_data.py", folder, ROWS, VALID])
    return folder


def ours(folder, batch, epochs, threads=1):
    home = measure.WORK / "dssm-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    text = (measure.ROOT / "examples" / "models" / "dssm-finetune.toml").read_text()
    text = text.replace("batch = 128", f"batch = {batch}").replace("epochs = 100", f"epochs = {epochs}")
    text = text.replace("[train]\n", f"[train]\nthreads = {threads}\n")
    (home / "dssm.toml").write_text(text)
    done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", home / "dssm.toml", "--train", folder / "train.csv",
                              "--valid", folder / "valid.csv"], env=ONE_THREAD)
    last = done["history"][-1]
    spent = last["cpu_s"] + sum(epoch.get("valid_cpu_s") or 0.0 for epoch in done["history"])
    return {"rate": done["train_samples"] * epochs / spent, "learnt_per_s": last["samples_per_s"], "loss": last["valid_loss"], "version": "rankine"}


def theirs(peer, python):
    return lambda folder, batch, epochs: measure.last_json([python, "-B", PEERS / f"{peer}_dssm.py", folder, batch, epochs],
                                                          env=ONE_THREAD)


def run(options, emit):
    measure.build()
    python = measure.python(PACKAGES)
    folder, rounds, epochs = data(python), 2 if options.quick else 5, 2
    runners = {"ours": ours, "torch": theirs("torch", python), "keras": theirs("keras", python)}
    for batch in (128, 1024):
        jobs = {n: (lambda c=c: c(folder, batch, epochs)) for n, c in runners.items()}
        jobs["two"] = lambda: ours(folder, batch, epochs, 2)
        results = measure.alternate(jobs, rounds)
        for peer in ("torch", "keras"):
            rates = {n: [r["rate"] for r in results[n]] for n in ("ours", peer)}
            emit(measure.line("dssm", f"128+128 to 64, batch {batch}", "samples/CPU-second", rates["ours"],
                              f"{peer} {results[peer][0]['version']}", rates[peer], epochs=epochs,
                              valid_loss=measure.median(r["loss"] for r in results["ours"]),
                              their_valid_loss=measure.median(r["loss"] for r in results[peer])))
        by_clock = {n: [r["learnt_per_s"] for r in results[n]] for n in ("ours", "two")}
        emit(measure.line("dssm", f"the same, batch {batch}, two threads by the clock", "samples/s", by_clock["two"], "ours on one thread",
                          by_clock["ours"], per_cpu_second=measure.median(r["rate"] for r in results["two"]),
                          valid_loss=measure.median(r["loss"] for r in results["two"])))
