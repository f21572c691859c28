"""quality-sample-sql: the samples of a template, by Spark from its own dialect, by the embedded SQLite and in PostgreSQL.

Equal rows are the point: any difference ends the run. Seconds stand beside it: ours from process start to published Parquet,
Spark's (local, 2 threads, its JVM warm) from the statement to written Parquet. Needs a Java (17 or 21)
and the PostgreSQL that setup.sh unpacks.
"""

import csv
import json
import random
import subprocess
import time

import measure
from postgres import Postgres

DAYS = ["20260301", "20260302", "20260303", "20260304"]
TABLES = {
    "behaviour": {"request": "request_id"},
    "user": {"features": ["age", "city as user_city"]},
    "item": {"features": ["price", "kind"], "partition": "dt", "types": {"price": "float"}},
}
COLUMNS = {
    "behaviour": "user_id BIGINT, item_id BIGINT, request_id STRING, event STRING, event_time BIGINT, spent BIGINT, dt STRING",
    "user_features": "user_id BIGINT, update_time BIGINT, age BIGINT, city STRING",
    "item_features": "item_id BIGINT, price DOUBLE, kind STRING, dt STRING",
}
TEMPLATES = {
    "click": {"label": {"name": "is_click", "selection": "max(if(event=\"click\", 1, 0))", "type": "CLASSIFICATION"}},
    "negatives": {"label": {"name": "y", "selection": "max(if(event in ('click', \"bu'y\"), 1, 0))"}, "negatives": {"per_positive": 4}},
    "spent": {"label": {"name": "spent_each", "selection": "sum(nvl(spent, 0)) / count(distinct event)", "type": "REGRESSION"}, "grain": "day"},
    "pairs": {"label": {"name": "better", "selection": "sum(case when event = \"show\" then 0 else spent end)", "type": "PAIRWISE"}},
}


def tables(folder, events):
    """The three tables as CSV, made once from a seed."""
    if (folder / "behaviour.csv").exists():
        return
    folder.mkdir(parents=True)
    draw, users, items = random.Random(5), events // 40, events // 80
    start = {day: n * 86_400 for n, day in enumerate(DAYS)}

    def write(name, rows):
        with open(folder / f"{name}.csv", "w", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows([[c.split()[0] for c in COLUMNS[name].split(", ")], *rows])

    def seen():
        for at in range(events // 4):
            day, user = draw.choice(DAYS), "" if draw.random() < .01 else draw.randrange(users)
            request, moment = f"r{at}" if draw.random() < .98 else "", start[day] + draw.randrange(86_000)
            for _ in range(4):
                event = draw.choices(["show", "click", "bu'y"], [8, 2, 1])[0]
                spent = "" if event == "show" else draw.randrange(50)
                yield user, draw.randrange(items), request, event, moment + draw.randrange(400), spent, day

    write("behaviour", seen())
    write("user_features", ((user, moment, draw.randrange(16, 80), draw.choice(["Graz", "Łódź", "O'Brien", ""]))
                            for user in range(users) for moment in draw.sample(range(-90_000, 4 * 86_400), 3)))
    write("item_features", ((item, f"{draw.uniform(0, 99):.2f}", draw.choice("abc"), day)
                            for item in range(items) for day in ["20260228", *DAYS] if draw.random() < .8))


def loaded(server, folder):
    """The same tables in PostgreSQL; empty cells are NULL."""
    psql = [server.bin / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.dsn()]
    for name, columns in COLUMNS.items():
        columns = columns.replace("STRING", "TEXT").replace("DOUBLE", "DOUBLE PRECISION")
        copy = f"\\copy {name} FROM '{folder / name}.csv' WITH (FORMAT csv, HEADER)"
        subprocess.run([str(c) for c in psql], input=f"CREATE TABLE {name} ({columns});\n{copy}\nANALYZE {name};\n", text=True, check=True)


def timed(command):
    begun = time.perf_counter()
    report = measure.last_json(command)
    return time.perf_counter() - begun, report


def run(options, emit):
    binary, rounds = measure.build(), 1 if options.quick else 3
    events = 40_000 if options.quick else 400_000
    python = measure.python(["pyspark==4.0.1"])
    work = measure.WORK / f"sample-sql-{events}"
    tables(work / "data", events)
    template = work / "templates.json"
    template.write_text(json.dumps({name: {**body, "train_days": len(DAYS), "tables": TABLES} for name, body in TEMPLATES.items()}))
    with Postgres() as server:
        loaded(server, work / "data")
        url = f"postgres://postgres@127.0.0.1:{server.port}/postgres"
        for name in TEMPLATES:
            base = [binary, "--json", "sample"]
            days = ["--template", name, "--date", DAYS[-1]]
            sql = measure.last_json([*base, "sql", template, "--dialect", "spark", *days])["sql"]
            (work / f"{name}.sql").write_text(sql)
            build = [*base, "build", template, *days, "--again"]
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(timed([*build, "--from", work / "data", "--out", work / name]))
                theirs.append(timed([*build, "--from", url, "--out", work / f"{name}-postgres"]))
            files, served = ([day["path"] for day in report[0][1]["days"]] for report in (ours, theirs))
            if [open(f, "rb").read() for f in files] != [open(f, "rb").read() for f in served]:
                raise SystemExit(f"{name}: SQLite's days and PostgreSQL's differ")
            spark = measure.last_json([python, "bench/peers/sample_sql_spark.py", work / "data", json.dumps(COLUMNS), work / f"{name}.sql",
                                       json.dumps(files), rounds], cwd=measure.ROOT)
            if spark["only_ours"] or spark["only_spark"] or not spark["rows"]:
                raise SystemExit(f"{name}: {spark}")
            for what, runs in (("embedded", ours), ("PostgreSQL", theirs)):
                emit(measure.line("quality-sample-sql", f"{name}, {what}", "seconds", [seconds for seconds, _ in runs], "Spark " + spark["version"],
                                  spark["seconds"], higher_is_better=False, rows=spark["rows"], differences=0, events=events))
