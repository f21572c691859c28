"""freshness: a row committed in PostgreSQL until a search finds it, at 500 changes a second, and changes/s at most.

PostgreSQL (fsync, synchronous_commit on), load, stream and searches share the machine. "probe": a row with a category of its
own, from the return of its commit until an exact search for that category answers it, up to 20 a second beside the load.
"all": every change of the load, from the commit's timestamp: by the stream's own histogram; of Flink to the commit in the sink.
The embedded index against pgvector (with its HNSW index), and against the same job in Flink (`flink.py`), whose sink is pgvector, too.
"""

import http.client
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

import flink
import measure
from postgres import Postgres

RATE, WRITERS, VECTOR = 500, 4, [1.0] * 8
# seconds that a search may take to find a row, and a backlog to be worked off
PATIENCE = 20
# films have three of them, so that vectors differ: among equal ones an HNSW index loses rows
GENRES = ["Drama", "Comedy", "War", "Horror", *(f"g{n}" for n in range(4, 40))]
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
    try:
        job = str(flink.install())
    except flink.Missing as missing:
        job = ""
        emit({"bench": "freshness", "what": "flink", "skipped": str(missing)})
    # the client library lives in the peers' venv
    python = measure.python(["psycopg", "psycopg-binary"])
    command = [str(python), "-B", __file__, str(seconds), str(rounds), str(backlog), job]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as measured:
        for line in measured.stdout:
            emit(json.loads(line))
    if measured.returncode:
        raise SystemExit(f"freshness failed ({measured.returncode})")


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
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
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
        body = {"vector": VECTOR, "n": 1, "categories": [category]}
        return bool(self.ask("POST", "/search", json.dumps(body))["items"])

    def count(self):
        return self.figures()["embedded"]

    def every(self):
        figures = self.figures()
        return figures["latency_ms_p50"], figures["latency_ms_p99"]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def genres(number):
    return [GENRES[number // step % len(GENRES)] for step in (1, 40, 1600)]


def insert(connection, identity, category):
    sql = "INSERT INTO film (id, title, genres, director) VALUES (%s, 'x', %s, %s)"
    connection.execute(sql, (identity, "{%s}" % ",".join([*genres(identity), category]), f"d{identity % 100}"))


def load(dsn, seconds, offset=1_000_000):
    """Commits at a fixed rate over several connections, each a row; how many a second they kept up."""
    import psycopg

    def commits(first):
        with psycopg.connect(dsn, autocommit=True) as connection:
            for number in range(first, int(seconds * RATE), WRITERS):
                wait = begin + number / RATE - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                insert(connection, offset + number, "War")

    begin = time.perf_counter()
    writers = [threading.Thread(target=commits, args=(first,)) for first in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    return int(seconds * RATE) / (time.perf_counter() - begin)


def probes(dsn, sink, over):
    """Milliseconds from the return of a commit until a search finds the row; infinity for one that is not found in time."""
    import psycopg

    took, number = [], 0
    with psycopg.connect(dsn, autocommit=True) as connection:
        while not over.is_set():
            number += 1
            insert(connection, number, f"probe{number}")
            begin = time.perf_counter()
            while not (found := sink.found(f"probe{number}")) and time.perf_counter() - begin < PATIENCE:
                time.sleep(0.0005)
            took.append((time.perf_counter() - begin) * 1000 if found else math.inf)
            time.sleep(random.uniform(0.02, 0.06))
    return sorted(took)


def settle(sink, expected):
    """Seconds until the sink has had so many changes."""
    begin = time.perf_counter()
    while (had := sink.count()) < expected:
        if time.perf_counter() - begin > PATIENCE * 3:
            raise SystemExit(f"it does not settle: {had} of {expected} changes")
        time.sleep(0.02)
    return time.perf_counter() - begin


def flood(dsn, sink, backlog):
    """Changes a second from the first commit of a backlog until all of it is in the sink."""
    import psycopg

    with psycopg.connect(dsn, autocommit=True) as connection:
        live = connection.execute("SELECT count(*) FROM film").fetchone()[0]
        settle(sink, live)
        begin = time.perf_counter()
        for start in range(0, backlog, 100):
            rows = [value for n in range(start, start + 100) for value in (5_000_000 + n, "{%s}" % ",".join(genres(n)), f"d{n % 100}")]
            connection.execute("INSERT INTO film (id, genres, director) VALUES " + ", ".join(["(%s, %s, %s)"] * 100), rows)
        settle(sink, live + backlog)
        return backlog / (time.perf_counter() - begin)


def measured(dsn, sink, seconds, backlog):
    """A load with probes, then a backlog."""
    over, took, before = threading.Event(), [], sink.count()
    prober = threading.Thread(target=lambda: took.extend(probes(dsn, sink, over)))
    prober.start()
    try:
        kept = load(dsn, seconds)
    finally:
        over.set()
        prober.join()
    behind = settle(sink, before + int(seconds * RATE) + len(took))
    p50, p99 = sink.every()
    at = lambda share: took[min(len(took) - 1, int(len(took) * share))]
    return {"probe p50": at(0.5), "probe p99": at(0.99), "all p50": p50, "all p99": p99, "kept": kept, "probes": len(took),
            "behind_s": behind, "sustained": flood(dsn, sink, backlog)}


def fresh(connection, kind="text[]"):
    """The tables anew; nobody else's slot or publication."""
    while connection.execute("SELECT count(*) FROM pg_replication_slots WHERE active").fetchone()[0]:
        time.sleep(0.05)
    connection.execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    for (name,) in connection.execute("SELECT pubname FROM pg_publication").fetchall():
        connection.execute(f"DROP PUBLICATION {name}")
    connection.execute(TABLES.replace("text[]", kind))


def ours(binary, home, database, store, seconds, backlog):
    import psycopg

    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        fresh(connection)
    stream = Stream(binary, home, database.dsn(), store)
    try:
        while stream.figures()["confirmed"] == 0:
            time.sleep(0.05)
        return measured(database.dsn(), stream, seconds, backlog)
    finally:
        stream.stop()


def warm(dsn, connection, job):
    """Until it reads its slot, then 5 s of load: its JVM compiles what it runs often."""
    begin = time.perf_counter()
    while not connection.execute("SELECT 1 FROM pg_replication_slots WHERE active").fetchall():
        job.check()
        if time.perf_counter() - begin > 120:
            raise SystemExit(f"Flink does not begin to read: {flink.HOME / 'log'}")
        time.sleep(0.2)
    load(dsn, 5, 8_000_000)
    settle(job, 5 * RATE)


def theirs(binary, home, database, python, seconds, backlog):
    """The same in Flink, warmed up."""
    import psycopg

    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        fresh(connection, "text")
        job = flink.Flink(binary, home, connection, database.port, python)
        try:
            warm(database.dsn(), connection, job)
            return measured(database.dsn(), job, seconds, backlog)
        finally:
            job.stop()


def train(binary, home):
    """The example's model, on samples from a seed."""
    draw = random.Random(5)
    lines = ["user,item,likes,genres,days,level,label"]
    for row in range(400):
        liked = draw.choice(GENRES)
        genre = liked if draw.random() < 0.5 else draw.choice(GENRES)
        lines.append(f"{row % 40},{row},{liked},{genre},{draw.randrange(900)},{draw.randrange(5)},{int(liked == genre)}")
    samples = home / "samples.csv"
    samples.write_text("\n".join(lines) + "\n")
    command = [binary, "--home", home, "train", EXAMPLE / "films.toml", "--conf", EXAMPLE / "films.feature.toml", "--train", samples, "--test", samples]
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def report(peer, mine, other):
    """A line a measurement."""
    column = lambda rows, key: [row[key] for row in rows]
    for key in ("probe p50", "probe p99", "all p50", "all p99"):
        more = {"their_rounds": len(other), "rate": measure.median(column(mine, "kept")), "their_rate": measure.median(column(other, "kept")),
                "probes": sum(column(mine, "probes")), "their_probes": sum(column(other, "probes")),
                "behind_s": measure.median(column(mine, "behind_s")), "their_behind_s": measure.median(column(other, "behind_s"))}
        yield measure.line("freshness", key, "ms", column(mine, key), peer, column(other, key), higher_is_better=False, **more)
    yield measure.line("freshness", "sustained", "changes/s", column(mine, "sustained"), peer, column(other, "sustained"))


def main(seconds, rounds, backlog, python):
    binary = measure.build()
    tell = lambda lines: [print(json.dumps(line), flush=True) for line in lines]
    with tempfile.TemporaryDirectory() as folder, Postgres(track_commit_timestamp="on") as database:
        home = pathlib.Path(folder)
        train(binary, home)
        call = lambda store: lambda: ours(binary, home, database, store, seconds, backlog)
        results = measure.alternate({"embedded": call("embedded"), "pgvector": call("pgvector")}, rounds)
        tell(report("pgvector", results["embedded"], results["pgvector"]))
        if python:
            # a round takes a minute: with --quick there is one
            results["flink"] = [theirs(binary, home, database, python, seconds, backlog) for _ in range(max(1, rounds // 2))]
            tell(report(f"PyFlink {flink.VERSION}", results["embedded"], results["flink"]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
