"""freshness: a row committed in PostgreSQL until a search finds it, at 500 changes a second, and changes/s at most.

PostgreSQL (fsync, synchronous_commit on), load, stream and searches share the machine. "probe": a row with a category of its
own, from the return of its commit until `POST /search` with that category answers it, some 20 a second beside the load.
"all": the stream's own histogram over every change, from the commit's timestamp. The embedded index against pgvector.
"""

import http.client
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

import measure
from postgres import Postgres

RATE, WRITERS, VECTOR = 500, 4, [1.0] * 8
LOCAL = threading.local()
EXAMPLE = measure.ROOT / "examples" / "cold-start" / "films"
TABLES = """
DROP TABLE IF EXISTS film, film_features, director;
CREATE TABLE film (id bigint PRIMARY KEY, title text, genres text[], director text, create_time timestamptz DEFAULT now());
CREATE INDEX ON film (director);
CREATE TABLE director (name text PRIMARY KEY, level int);
INSERT INTO director SELECT 'd' || n, n % 5 FROM generate_series(0, 99) n;
"""
SQL = """SELECT v.id, v.genres, COALESCE(d.level, 0) AS level, extract(day FROM :as_of - v.create_time)::int AS days
FROM film v LEFT JOIN director d ON d.name = v.director WHERE v.id = ANY (:ids)"""


def run(options, emit):
    seconds, rounds, backlog = (8, 2, 10_000) if options.quick else (30, 5, 50_000)
    # the client library lives in the peers' venv
    python = measure.python(["psycopg", "psycopg-binary"])
    subprocess.run([str(python), "-B", __file__, str(seconds), str(rounds), str(backlog)], check=True)
    for line in (measure.WORK / "freshness.jsonl").read_text().splitlines():
        emit(json.loads(line))


class Stream:
    """`rankine stream` on a database, with the vectors in one store."""

    def __init__(self, binary, home, dsn, store):
        self.name = f"{store}{time.monotonic_ns()}"
        config = home / "stream.toml"
        config.write_text(f'''name = "{self.name}"
[source]
dsn = "{dsn}"
table = "film"
key = "id"
[join]
sql = """{SQL}"""
[features]
kind = "postgres"
table = "film_features"
[embed]
model = "films"
[vectors]
stores = ["{store}"]
dsn = "{dsn}"
set = "{self.name}"
category = "genres"
''')
        command = [str(binary), "--home", str(home), "stream", str(config), "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "http://" in line:
                self.base = line.split("http://")[1].strip().removesuffix("/stream")
                break
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def ask(self, method, path, body=None):
        """One question over a connection of the asking thread's own."""
        if getattr(LOCAL, "base", None) != self.base:
            LOCAL.base, LOCAL.connection = self.base, http.client.HTTPConnection(self.base)
        LOCAL.connection.request(method, path, body, {"content-type": "application/json"})
        return json.loads(LOCAL.connection.getresponse().read())

    def figures(self):
        return self.ask("GET", "/stream")

    def found(self, category):
        body = {"vector": VECTOR, "n": 1, "categories": [category], "approximate": True}
        return bool(self.ask("POST", "/search", json.dumps(body))["items"])

    def stop(self):
        self.process.terminate()
        self.process.wait()


def insert(connection, identity, category):
    sql = "INSERT INTO film (id, title, genres, director) VALUES (%s, 'x', %s, %s)"
    connection.execute(sql, (identity, ["Drama", category], f"d{identity % 100}"))


def load(dsn, seconds):
    """Commits at a fixed rate over several connections, each a row; how many a second they kept up."""
    import psycopg

    def commits(first):
        with psycopg.connect(dsn, autocommit=True) as connection:
            for number in range(first, int(seconds * RATE), WRITERS):
                wait = begin + number / RATE - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                insert(connection, 1_000_000 + number, "War")

    begin = time.perf_counter()
    writers = [threading.Thread(target=commits, args=(first,)) for first in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return int(seconds * RATE) / (time.perf_counter() - begin)


def probes(dsn, stream, over):
    """Milliseconds from the return of a commit until a search finds the row."""
    import psycopg

    took, number = [], 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not over.is_set():
            number += 1
            insert(connection, number, f"probe{number}")
            begin = time.perf_counter()
            while not stream.found(f"probe{number}"):
                time.sleep(0.0005)
            took.append((time.perf_counter() - begin) * 1000)
            time.sleep(random.uniform(0.02, 0.06))
    return sorted(took)


def flood(dsn, stream, backlog):
    """Changes a second from the first commit of a backlog until all of it is embedded."""
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        live = connection.execute("SELECT count(*) FROM film").fetchone()[0]
        begin = time.perf_counter()
        for start in range(0, backlog, 100):
            connection.execute("INSERT INTO film (id, title, genres, director) SELECT 5000000 + n, 'x', '{Drama}', 'd' || n %% 100 "
                               "FROM generate_series(%s::int, %s::int) n", (start, start + 99))
        while stream.figures()["embedded"] < live + backlog:
            time.sleep(0.02)
        return backlog / (time.perf_counter() - begin)


def once(binary, home, dsn, store, seconds, backlog):
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        connection.execute(TABLES)
    stream, over, took = Stream(binary, home, dsn, store), threading.Event(), []
    try:
        while stream.figures()["confirmed"] == 0:
            time.sleep(0.05)
        prober = threading.Thread(target=lambda: took.extend(probes(dsn, stream, over)))
        prober.start()
        kept = load(dsn, seconds)
        over.set()
        prober.join()
        figures = stream.figures()
        sustained = flood(dsn, stream, backlog)
    finally:
        over.set()
        stream.stop()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP PUBLICATION rankine_{stream.name}")
    at = lambda share: took[min(len(took) - 1, int(len(took) * share))]
    return {"probe p50": at(0.5), "probe p99": at(0.99), "all p50": figures["latency_ms_p50"], "all p99": figures["latency_ms_p99"],
            "sustained": sustained, "kept": kept, "probes": len(took)}


def train(binary, home):
    """The example's model, on samples from a seed."""
    draw, genres = random.Random(5), ["Drama", "Comedy", "War", "Horror"]
    lines = ["user,item,likes,genres,days,level,label"]
    for row in range(400):
        liked, genre = draw.choice(genres), draw.choice(genres)
        lines.append(f"{row % 40},{row},{liked},{genre},{draw.randrange(900)},{draw.randrange(5)},{int(liked == genre)}")
    samples = home / "samples.csv"
    samples.write_text("\n".join(lines) + "\n")
    command = [binary, "--home", home, "train", EXAMPLE / "films.toml", "--conf", EXAMPLE / "films.feature.toml", "--train", samples, "--test", samples]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(seconds, rounds, backlog):
    binary = measure.build()
    with tempfile.TemporaryDirectory() as folder, Postgres() as database:
        home = pathlib.Path(folder)
        train(binary, home)
        call = lambda store: lambda: once(binary, home, database.dsn(), store, seconds, backlog)
        results = measure.alternate({"embedded": call("embedded"), "pgvector": call("pgvector")}, rounds)
    column = lambda store, key: [row[key] for row in results[store]]
    lines = []
    for key in ("probe p50", "probe p99", "all p50", "all p99"):
        lines.append(measure.line("freshness", key, "ms", column("embedded", key), "pgvector", column("pgvector", key), higher_is_better=False,
                                  rate=measure.median(column("embedded", "kept")), probes=sum(column("embedded", "probes"))))
    lines.append(measure.line("freshness", "sustained", "changes/s", column("embedded", "sustained"), "pgvector", column("pgvector", "sustained")))
    measure.WORK.mkdir(parents=True, exist_ok=True)
    (measure.WORK / "freshness.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
