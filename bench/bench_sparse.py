"""sparse: two id tables (100 thousand and 1 million ids, dim 16) -> 64-32-1, batch 1024, Zipf ids; against PyTorch's SparseAdam.

A million samples of seeded ids; shuffling and training loss on both sides, validation logloss beside. One thread: samples per
CPU-second. Two threads: samples per second of the clock, PyTorch with two threads as well, on two idle cores. Then the peak
memory of a table of 10 million rows under Adam, against its parameters and optimiser state.
"""

import os
import shutil
import subprocess

import measure

PEERS = measure.ROOT / "bench" / "peers"
PACKAGES = ["torch", "numpy"]
CONFS = measure.ROOT / "bench" / "confs"
ROWS, VALID, EPOCHS = 1_000_000, 50_000, 2
TABLE = 10_000_000


def threads(count):
    return {**os.environ, "OMP_NUM_THREADS": str(count), "MKL_NUM_THREADS": str(count)}


def data(python):
    """`label,user,item` as Parquet for ours and as .npy for the peer, from one seed."""
    folder = measure.WORK / f"sparse-{ROWS}"
    if not (folder / "valid.parquet").exists():
        folder.mkdir(parents=True, exist_ok=True)
        measure.last_json([python, "-B", PEERS / "sparse_data.py", folder, ROWS, VALID])
    return folder


def ours(folder, count):
    home = measure.WORK / "sparse-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", CONFS / "sparse.toml", "--conf",
                              CONFS / "sparse.feature.toml", "--train", folder / "train.parquet", "--valid", folder / "valid.parquet",
                              "--set", f"train.threads={count}", "--set", f"train.epochs={EPOCHS}"], env=threads(count))
    last = done["history"][-1]
    return {"rate": done["train_samples"] * EPOCHS / last["cpu_s"], "wall": last["samples_per_s"], "loss": last["valid_loss"]}


def theirs(python):
    return lambda folder, count: measure.last_json([python, "-B", PEERS / "torch_sparse.py", folder, count, EPOCHS], env=threads(count))


def table(folder, rows):
    """Peak memory of a run in which every sample brings an id of its own, over 12 bytes (weight and two moments) a number."""
    path = folder / f"distinct-{rows}.parquet"
    if not path.exists():
        measure.last_json([measure.python(PACKAGES + ["pyarrow"]), "-B", PEERS / "sparse_data.py", folder, rows, 0])
    home = measure.WORK / "sparse-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    command = [measure.BINARY, "--home", home, "--json", "train", CONFS / "sparse-table.toml", "--conf", CONFS / "sparse.feature.toml",
               "--train", path]
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"{command} failed ({status})")
    return used.ru_maxrss * 1024 / (rows * 16 * 12)


def run(options, emit):
    measure.build()
    python = measure.python(PACKAGES + ["pyarrow"])
    folder, rounds = data(python), 2 if options.quick else 5
    for count, unit, key in ((1, "samples/CPU-second", "rate"), (2, "samples/second", "wall")):
        results = measure.alternate({"ours": lambda: ours(folder, count), "torch": lambda: theirs(python)(folder, count)}, rounds)
        emit(measure.line("sparse", f"100 k + 1 M ids, dim 16, batch 1024, {count} thread(s)", unit, [r[key] for r in results["ours"]],
                          f"torch {results['torch'][0]['version']} SparseAdam", [r[key] for r in results["torch"]], epochs=EPOCHS,
                          valid_loss=measure.median(r["loss"] for r in results["ours"]),
                          their_valid_loss=measure.median(r["loss"] for r in results["torch"])))
    if not options.quick:
        share = table(folder, TABLE)
        emit({"bench": "sparse", "what": "peak memory, 10 million rows, dim 16, Adam", "unit": "x parameters and optimiser state",
              "ours": round(share, 3), "peer": None, "theirs": None, "ratio": None, "rounds": 1})
