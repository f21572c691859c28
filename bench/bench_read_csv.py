"""read-csv: rows of label and 256 floats per CPU-second of the reader, beside str::parse on the same file in the same process."""

import json
import random
import subprocess

import measure


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


def run(options, emit):
    rounds = 2 if options.quick else 5
    program = measure.example("rankine-train", "read_csv")
    told = subprocess.run([program, data(20_000), str(rounds)], check=True, capture_output=True, text=True).stdout
    told = json.loads(told)
    emit(measure.line("read-csv", "257 columns", "rows/CPU-second", told["ours"], "str::parse", told["str_parse"]))
