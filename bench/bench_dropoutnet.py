"""dropoutnet: training samples per CPU-second against a PyTorch twin: content 256 and preference 512 numbers a side, towers 128-64,
cosine / .1, softmax among the items of a batch of 4,096, half the preferences taken away; then importing and embedding 20,000 users.

Both read the numbers from arrays made ready (ours from its cache); shuffling, no validation. EasyRec at like shapes made 6,300 to
10,400 samples/s on two busy cores, 29.6 s to import, 20 s to embed 20,000 users (told elsewhere, another machine). Its loss takes each
sample by itself, where the softmax compares 4,096 with 4,096: ours is timed with that loss, too.
"""

import os
import re
import shutil
import time

import measure

PEERS, CONFS = measure.ROOT / "bench" / "peers", measure.ROOT / "bench" / "confs"
PACKAGES = ["torch", "numpy", "pyarrow"]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
ROWS, USERS, ITEMS, BATCH = 40_960, 20_000, 20_000, 4096
# What EasyRec's figures are of: the configuration's default loss.
LOSSES = {"cross-entropy of each sample": "sigmoid = { weight = 1 }"}
DICTIONARIES = "".join(f'[[dictionary]]\nname = "{n}"\nkind = "items"\npath = "dictionaries/{n}.parquet"\n' for n in ("users", "items"))


def data(python):
    folder = measure.WORK / "dropoutnet"
    if not (folder / "server.toml").exists():
        (folder / "dictionaries").mkdir(parents=True, exist_ok=True)
        measure.last_json([python, "-B", PEERS / "dropoutnet_data.py", folder, ROWS, USERS, ITEMS])
        (folder / "server.toml").write_text(DICTIONARIES)
    return folder


def train(folder, epochs, threads=1, loss=None):
    shutil.rmtree(folder / "models", ignore_errors=True)
    text = (CONFS / "dropoutnet.toml").read_text().replace("threads = 1", f"threads = {threads}").replace("epochs = 3", f"epochs = {epochs}")
    if loss:
        text = re.sub("^objective = .*$", f'objective = {{ kind = "mix", {loss}, hits = "none", user = 1, item = 2 }}', text, flags=re.M)
    (folder / "dropoutnet.toml").write_text(text)
    return measure.last_json([measure.BINARY, "--home", folder, "--json", "train", folder / "dropoutnet.toml", "--conf",
                              CONFS / "dropoutnet.feature.toml", "--train", folder / "train.csv", "--dictionaries", folder / "server.toml"])


def ours(folder, epochs):
    done = train(folder, epochs)
    last = done["history"][-1]
    return {"rate": done["train_samples"] * epochs / last["cpu_s"], "loss": last["loss"]}


def embedded(folder):
    """Seconds to start, read dictionaries and model and write 20,000 users' vectors; the same of users and items; seconds to start at all."""
    users = ["--users", folder / "users.parquet", "--users-out", folder / "users.npy", "--dictionaries", folder / "server.toml"]
    items = ["--items", folder / "items.parquet", "--out", folder / "items.npy"]
    seconds = []
    for words in (["embed", "dropoutnet", "--side", "user", *users], ["embed", "dropoutnet", *items, *users], ["model", "list"]):
        start = time.time()
        measure.last_json([measure.BINARY, "--home", folder, "--json", *words])
        seconds.append(time.time() - start)
    return seconds


def run(options, emit):
    measure.build()
    python = measure.python(PACKAGES)
    folder, epochs = data(python), 3
    jobs = {"ours": lambda: ours(folder, epochs),
            "torch": lambda: measure.last_json([python, "-B", PEERS / "torch_dropoutnet.py", folder, BATCH, epochs], env=ONE_THREAD)}
    results = measure.alternate(jobs, 2 if options.quick else 5)
    rates = {name: [r["rate"] for r in results[name]] for name in jobs}
    emit(measure.line("dropoutnet", f"768 to 128-64 a side, batch {BATCH}", "samples/CPU-second", rates["ours"],
                      f"torch {results['torch'][0]['version']}", rates["torch"], epochs=epochs,
                      loss=measure.median(r["loss"] for r in results["ours"]), their_loss=measure.median(r["loss"] for r in results["torch"])))
    wall = [train(folder, epochs, threads)["history"][-1]["samples_per_s"] for threads in (1, 2)]
    emit(measure.line("dropoutnet", "the same by the clock: two threads, beside one", "samples/s", [wall[1]], "one thread", [wall[0]]))
    for what, loss in LOSSES.items():
        rounds = [[train(folder, epochs, threads, loss)["history"][-1]["samples_per_s"] for threads in (1, 2)] for _ in range(3)]
        emit(measure.line("dropoutnet", f"{what} instead, as EasyRec's; by the clock: two threads, beside one", "samples/s",
                          [two for _, two in rounds], "one thread", [one for one, _ in rounds]))
    told = [embedded(folder) for _ in range(3)]
    start_s = measure.median(seconds[2] for seconds in told)
    for at, what in enumerate((f"{USERS} users", f"{USERS} users and {ITEMS} items")):
        emit(measure.line("dropoutnet", f"{what} embedded by the verb, start and both dictionaries (20,000 × 768 numbers each) included", "s",
                          [seconds[at] for seconds in told], None, None, start_s=start_s))
