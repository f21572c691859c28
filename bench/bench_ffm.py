"""ffm: LR and FFM over click logs (26 categories, 13 numbers, k = 4), rows per CPU-second and progressive logloss.

Peer: Vowpal Wabbit's LR, from its text and from its own cache; ours from libffm text and from our cache, one pass and one
thread each, so every row is predicted once before it is learnt. Ours counts reading, parsing, coding and learning
(`history[].cpu_s`); the peer's is its process without that of an empty run. There is no FFM in Vowpal Wabbit's league
installed from PyPI: FFM's lines compare with its LR and say so.
"""

import os
import resource
import shutil
import subprocess

import measure

PACKAGES = ["vowpalwabbit", "numpy"]
#: The best of 0.1, 0.3, 0.5 and 1 by progressive logloss; ours for LR the best of 0.05, 0.1, 0.15 and 0.2.
RATES = {"vw": "0.3"}
SLOTS = ", ".join(str(s) for s in range(1, 40))
OPTIMISERS = {
    "lr": 'optimizer.linear = { kind = "adagrad", lr = 0.05, initial = 1 }',
    "ffm": 'optimizer.linear = { kind = "adagrad", lr = 0.1, initial = 1 }\noptimizer.factor = { lr = 0.1 }',
}


def data(python, rows):
    folder = measure.WORK / f"ffm-{rows}"
    if not (folder / "about.txt").exists():
        subprocess.run([str(python), "-B", str(measure.ROOT / "bench" / "peers" / "ffm_data.py"), str(folder), str(rows)], check=True)
    return folder


def model(kind, name, cache, threads, folder):
    """A model file: exact keys, no missing rows (no field is ever empty), one pass."""
    more = "" if kind == "lr" else ", k = 4, init = 0.1"
    path = folder / f"{name}.toml"
    path.write_text(f"format = 1\nkind = \"{kind}\"\nconf = \"libffm\"\nlinear = {{ slots = [{SLOTS}], missing = false{more} }}\n"
                    f"{OPTIMISERS[kind]}\ntrain = {{ epochs = 1, threads = {threads}, cache = \"{cache}\" }}\n")
    return path


def ours(kind, cache, folder, rows, threads=1):
    """One `rankine train`; the home keeps the cache from one round to the next where it is to be read."""
    home = measure.WORK / f"ffm-home-{kind}-{cache}"
    if cache == "run":
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    path = model(kind, f"{kind}-{cache}-{threads}", cache, threads, home)
    done = measure.last_json([measure.BINARY, "--home", home, "--json", "train", path, "--train", folder / "train.ffm",
                              "--test", folder / "test.ffm", "--hold-out", "0", "--name", kind])
    shutil.rmtree(home / "models", ignore_errors=True)
    last = done["history"][-1]
    test = next(line["measures"]["logloss"] for line in done["evaluation"]["lines"] if not line["baseline"])
    return {"rate": rows / last["cpu_s"], "loss": last["loss"], "test": test, "wall": last["samples_per_s"]}


def vw(python, arguments):
    """CPU seconds and progressive logloss of a Vowpal Wabbit process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(python), "-m", "vowpalwabbit", *arguments], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    loss = [l.split("=")[1] for l in done.stderr.splitlines() if l.startswith("average loss")]
    return seconds, float(loss[0]) if loss and "n.a" not in loss[0] else None


def theirs(python, folder, rows, cached):
    common = ["--loss_function", "logistic", "-b", "18", "-l", RATES["vw"]]
    (folder / "empty.vw").write_text("")
    idle, _ = vw(python, ["-d", str(folder / "empty.vw"), *common])
    where = ["--cache_file", str(folder / "vw.cache")] if cached else []
    seconds, loss = vw(python, ["-d", str(folder / "train.vw"), *common, *where])
    return {"rate": rows / (seconds - idle), "loss": loss}


def run(options, emit):
    measure.build()
    python = measure.python(PACKAGES)
    rows, rounds = (200_000, 2) if options.quick else (1_000_000, 5)
    folder = data(python, rows)
    version = subprocess.run([str(python), "-c", "import vowpalwabbit as v; print(v.__version__)"],
                             capture_output=True, text=True).stdout.strip()
    emit({"bench": "ffm", "data": (folder / "about.txt").read_text().strip(), "vw_rate": RATES["vw"]})
    # Caches are written before the clock starts.
    theirs(python, folder, rows, True)
    for kind in ("lr", "ffm"):
        ours(kind, "keep", folder, rows)
    jobs = {
        "vw text": lambda: theirs(python, folder, rows, False), "lr text": lambda: ours("lr", "run", folder, rows),
        "ffm text": lambda: ours("ffm", "run", folder, rows), "vw cache": lambda: theirs(python, folder, rows, True),
        "lr cache": lambda: ours("lr", "keep", folder, rows), "ffm cache": lambda: ours("ffm", "keep", folder, rows),
        "ffm cache, 2 threads": lambda: ours("ffm", "keep", folder, rows, 2),
    }
    results = measure.alternate(jobs, rounds)
    compare = [("lr text", "vw text"), ("lr cache", "vw cache"), ("lr cache", "vw text"),
               ("ffm text", "vw text"), ("ffm cache", "vw cache"), ("ffm cache, 2 threads", "vw cache")]
    for mine, peer in compare:
        rates = [[r["rate"] for r in results[n]] for n in (mine, peer)]
        losses = [measure.median(r["loss"] for r in results[n]) for n in (mine, peer)]
        emit(measure.line("ffm", mine, "rows/CPU-second", rates[0], f"vowpalwabbit {version}, LR from {peer[3:]}", rates[1],
                          progressive_logloss=losses[0], their_progressive_logloss=losses[1],
                          test_logloss=measure.median(r["test"] for r in results[mine]),
                          rows_per_wall_second=measure.median(r["wall"] for r in results[mine]),
                          load_average=os.getloadavg()[0]))
