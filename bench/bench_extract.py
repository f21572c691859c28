"""extract: a conf of 60 features (30 common, 20 item, 10 cross) × 500 items, feature values per core-second, one thread.

Computed with nothing cached: every item's part anew. Delivered with item parts cached: what a model reads of a request. Offline:
`rankine extract --threads 1 --to bytes` over Parquet, the whole process's CPU time. No peer publishes this alone; FG with EasyRec
Processor tells 0.6 to 3.3 million values per second with model, on machines of its own.
"""

import json
import subprocess

import measure


def run(options, emit):
    program = measure.example("speed")
    binary = measure.build()
    rounds, calls = (2, 200) if options.quick else (5, 1000)
    rows = 20_000 if options.quick else 100_000
    folder = measure.WORK / "extract"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.toml").write_text(subprocess.run([program, "conf"], check=True, capture_output=True, text=True).stdout)
    lines, parquet = folder / f"rows-{rows}.txt", folder / f"rows-{rows}.parquet"
    with open(lines, "w") as out:
        subprocess.run([program, "rows", str(rows)], check=True, stdout=out)
    names = subprocess.run([program, "fields"], check=True, capture_output=True, text=True).stdout.strip()
    command = [binary, "--json", "extract", "--conf", folder / "speed.toml", "--keep", names]
    subprocess.run([str(c) for c in [*command, lines, "--out", folder / "kept.parquet"]], check=True, capture_output=True)
    (folder / "kept.parquet").rename(parquet)

    def offline(source):
        command = [binary, "extract", "--conf", folder / "speed.toml", source, "--threads", "1", "--to", "bytes", "--strict"]
        return rows * 60 / measure.cpu_seconds(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    runners = {"library": lambda: measure.last_json([program, "run", calls]), "parquet": lambda: offline(parquet),
               "lines": lambda: offline(lines)}
    results = measure.alternate(runners, rounds)
    unit = "million values per core-second"
    for what, key, bar in [("computed, nothing cached", "computed", 10), ("delivered, item parts cached", "delivered", 40)]:
        emit(measure.line("extract", what, unit, [r[key] / 1e6 for r in results["library"]], None, None, bar=bar))
    emit(measure.line("extract", "computed offline from Parquet", unit, [r / 1e6 for r in results["parquet"]], None, None, bar=5))
    emit(measure.line("extract", "computed offline from text lines", unit, [r / 1e6 for r in results["lines"]], None, None))
