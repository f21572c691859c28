"""bench/run: ours and the peer on the same data, in turn, in one run.

Prints the machine and versions first, then one JSON line per measurement:
{"bench","what","unit","ours","peer","theirs","ratio","rounds"}; ratio > 1 means ours is better; medians of rounds.
"""

import argparse
import importlib
import json
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
BENCHES = ["train-tabular", "dssm", "sparse", "read-csv", "ffm", "extract", "score500", "recommend", "serve-ctr-cvr", "reload", "demo", "quality-sparrow",
           "quality-movielens", "ials", "item2vec", "ease", "quality-ml100k-loo",
           "quality-ml100k-rank", "quality-sample-sql", "freshness", "chaos", "kafka", "quality-citeulike", "dropoutnet", "vector", "quality-finetune", "quality-coldusers"]


def machine():
    """The first line: what ran where."""
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    cores = sum(l.startswith("processor") for l in open("/proc/cpuinfo"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return {"machine": cpu, "cores": cores, "kernel": platform.release(), "rustc": rustc, "commit": commit}


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    parser.add_argument("name", choices=BENCHES + ["all"])
    parser.add_argument("--quick", action="store_true", help="2 rounds instead of 5; ends within 3 minutes")
    parser.add_argument("--data", help="folder or file that may not be committed (quality-sparrow, quality-ml100k-rank, quality-citeulike, quality-finetune and quality-coldusers need it)")
    parser.add_argument("--out", help="append the JSON lines to this file, too")
    options = parser.parse_args()
    out = open(options.out, "a") if options.out else None

    def emit(line):
        text = json.dumps(line)
        print(text, flush=True)
        if out:
            out.write(text + "\n")
            out.flush()

    emit(machine())
    chosen = [b for b in BENCHES if b not in ("quality-sparrow", "quality-ml100k-rank", "quality-sample-sql", "quality-citeulike", "quality-finetune", "quality-coldusers", "kafka")] if options.name == "all" else [options.name]
    for name in chosen:
        module = importlib.import_module("bench_" + name.replace("-", "_"))
        module.run(options, emit)


if __name__ == "__main__":
    main()
