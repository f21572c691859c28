"""read-csv: rows of label and 256 floats per CPU-second of the reader, beside str::parse on the same file in the same process.

Then what later epochs cost that read such rows from the block file on disk, beside epochs over rows kept in memory: the DSSM of
`dssm` at 128 and 1,024, validation left out on both sides.
"""

import json
import random
import shutil
import subprocess

import bench_dssm
import measure

EPOCHS = 3


def data(rows):
    """`label,u1..u128,i1..i128` with six decimals, made once from a seed."""
    path = measure.WORK / f"vectors-{rows}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draw = random.Random(1)
        with open(path, "w") as out:
            for _ in range(rows):
                numbers = ",".join(f"{draw.gauss(0, 1):.6f}" for _ in range(256))
                out.write(f"{draw.randrange(2)},{numbers}\n")
    return path


def later_epochs(folder, batch, buffer):
    """Samples per CPU-second of all epochs but the first."""
    home = measure.WORK / "read-csv-home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    text = (measure.ROOT / "examples" / "models" / "dssm-finetune.toml").read_text()
    (home / "dssm.toml").write_text(text.replace("batch = 128", f"batch = {batch}").replace("epochs = 100", f"epochs = {EPOCHS}"))
    command = [measure.BINARY, "--home", home, "--json", "train", home / "dssm.toml", "--train", folder / "train.csv", "--valid",
               folder / "valid.csv", "--set", f"train.shuffle_buffer={buffer}"]
    done = measure.last_json(command, env=bench_dssm.ONE_THREAD)
    spent = done["history"][-1]["cpu_s"] - done["history"][0]["cpu_s"]
    return done["train_samples"] * (EPOCHS - 1) / spent


def run(options, emit):
    measure.build()
    rounds = 2 if options.quick else 5
    program = measure.example("read_csv")
    told = subprocess.run([program, data(20_000), str(rounds)], check=True, capture_output=True, text=True).stdout
    told = json.loads(told)
    emit(measure.line("read-csv", "257 columns", "rows/CPU-second", told["ours"], "str::parse", told["str_parse"]))
    folder = bench_dssm.data(measure.python(bench_dssm.PACKAGES))
    for batch in (128, 1024):
        jobs = {"disk": lambda: later_epochs(folder, batch, 8192), "memory": lambda: later_epochs(folder, batch, 1 << 20)}
        results = measure.alternate(jobs, rounds)
        emit(measure.line("read-csv", f"later epochs from the block file, dssm, batch {batch}", "samples/CPU-second", results["disk"],
                          "rows in memory", results["memory"]))
