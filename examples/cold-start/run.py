#!/usr/bin/env python3
"""A new film is recommendable a moment after it is inserted: MovieLens-small with the films after a date held out as new.

    python3 examples/cold-start/run.py                  # embedded parts only: a file of changes, an embedded index
    python3 examples/cold-start/run.py --postgres       # a private PostgreSQL with pgvector, by logical replication

Trains DropoutNet on what was rated of the films released before --since, starts the change stream and the site, inserts the newer films
one by one and shows each becoming recommendable; then tells how well they find those who rated them well later. Needs Python alone:
--postgres takes RANKINE_POSTGRES, what lies below target/postgres, or this machine's PostgreSQL if it has pgvector, and else has
setup.sh put one below target/postgres. Stays until Ctrl-C; --once ends.
"""

import argparse
import csv
import datetime
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FILES = HERE / "movielens"
LIKED = 3.5
NOBODY = 65534


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", action="store_true", help="the films live in a private PostgreSQL; vectors go to pgvector, too")
    parser.add_argument("--since", type=int, default=2013, help="films released from this year on are new")
    parser.add_argument("--until", type=int, default=9999, help="the last year there is: neither films nor ratings of later ones, to choose numbers by")
    parser.add_argument("--films", type=int, default=10_000, help="at most so many of them")
    parser.add_argument("--users", type=int, help="at most so many users, to see that it goes, not how well")
    parser.add_argument("--epochs", type=int, help="epochs of training, instead of the model file's")
    parser.add_argument("--seed", type=int, help="the model's seed, instead of the model file's")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target" / "cold-start", help="the folder to work in")
    parser.add_argument("--free-ports", action="store_true", help="any free ports instead of 6010, 6020, 8501")
    parser.add_argument("--once", action="store_true", help="end when everything was shown")
    return parser.parse_args()


def say(text):
    print(text, flush=True)


def binary():
    """The program: RANKINE, else a release build of this tree."""
    if "RANKINE" in os.environ:
        return os.environ["RANKINE"]
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "rankine"], cwd=ROOT, check=True)
    return str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "rankine")


def year_of(title):
    found = re.search(r"\((\d{4})\)\s*$", title)
    return int(found[1]) if found else 0


def in_time(rating, until):
    """Whether a row of `ratings.csv` is of a year up to `until`."""
    return time.gmtime(int(rating["timestamp"])).tm_year <= until


class Data:
    """Films and ratings, those of new films apart."""

    def __init__(self, options):
        folder, since, most, users = ROOT / "data" / "movielens-small", options.since, options.films, options.users
        with open(folder / "movies.csv", encoding="utf-8", newline="") as file:
            self.films = {int(row["movieId"]): row for row in csv.DictReader(file) if year_of(row["title"]) <= options.until}
        with open(folder / "ratings.csv", encoding="utf-8", newline="") as file:
            ratings = [row for row in csv.DictReader(file) if int(row["movieId"]) in self.films and in_time(row, options.until)]
        ratings = [row for row in ratings if users is None or int(row["userId"]) <= users]
        new = [film for film, row in self.films.items() if year_of(row["title"]) >= since]
        self.new = random.Random(1).sample(new, min(most, len(new)))
        out = set(new)
        self.warm = [film for film in self.films if film not in out]
        self.ratings = [row for row in ratings if int(row["movieId"]) not in out]
        chosen, known = set(self.new), {}
        for row in self.ratings:
            if float(row["rating"]) >= LIKED:
                known.setdefault(int(row["userId"]), []).append(int(row["movieId"]))
        # who liked at least five of the older films, and what of the new
        self.liked = {user: films for user, films in known.items() if len(films) >= 5}
        self.later = {}
        for row in ratings:
            user, film = int(row["userId"]), int(row["movieId"])
            if film in chosen and float(row["rating"]) >= LIKED and user in self.liked:
                self.later.setdefault(user, {})[film] = float(row["rating"])

    def genres(self, film):
        return [genre for genre in self.films[film]["genres"].split("|") if not genre.startswith("(")]

    def write(self, folder):
        """What the site knows when it starts: older films and their ratings."""
        folder.mkdir(parents=True)
        with open(folder / "movies.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["movieId", "title", "genres"])
            writer.writeheader()
            writer.writerows(self.films[film] for film in self.warm)
        with open(folder / "ratings.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ["userId", "movieId", "rating", "timestamp"])
            writer.writeheader()
            writer.writerows(self.ratings)


class Process:
    """A program that runs beside this one; `said` waits for a line with a word and gives the address in it."""

    def __init__(self, command, log):
        self.log = log
        self.process = subprocess.Popen([str(c) for c in command], stdout=open(log, "w"), stderr=subprocess.STDOUT)

    def said(self, word):
        for _ in range(1200):
            text = self.log.read_text()
            for line in text.splitlines():
                if word in line and "http://" in line:
                    return "http://" + line.split("http://")[1].split("/")[0].strip()
            if self.process.poll() is not None:
                sys.exit(text)
            time.sleep(0.05)
        sys.exit(f"{word} was waited for in vain: {self.log}")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class FileSource:
    """Films as lines of a file."""

    def __init__(self, work, data):
        self.path = work / "changes.jsonl"
        lines = (self.line("snapshot", film, data, f"{max(year_of(data.films[film]['title']), 1900)}-07-01 00:00:00") for film in data.warm)
        self.path.write_text("".join(lines), encoding="utf-8")
        for name in ("tables.sql", "item_features.sql"):
            shutil.copy(FILES / name, work / name)
        self.config = f'''[source]
kind = "file"
file = "{self.path}"
table = "film"
key = "film_id"
[join]
sql_file = "item_features.sql"
schema_file = "tables.sql"
[vectors]
category = "genres"
'''

    @staticmethod
    def line(op, film, data, created):
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
        row = {"film_id": film, "title": data.films[film]["title"], "genres": data.genres(film), "create_time": created}
        return json.dumps({"op": op, "table": "film", "time": now, "row": row}, ensure_ascii=False) + "\n"

    def insert(self, film, data):
        created = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(self.line("insert", film, data, created))

    def stop(self):
        pass


def has_pgvector(folder):
    """Whether an installation (the folder above `bin`) runs and has pgvector."""
    shares = [folder / "share" / "postgresql", folder / "share", pathlib.Path("/usr/share/postgresql") / folder.name]
    config = folder / "bin" / "pg_config"
    if config.is_file():
        told = subprocess.run([str(config), "--sharedir"], capture_output=True, text=True)
        shares += [pathlib.Path(told.stdout.strip())] if told.returncode == 0 else []
    programs = all((folder / "bin" / program).is_file() for program in ("postgres", "initdb", "psql"))
    return programs and any((share / "extension" / "vector.control").is_file() for share in shares)


def below(folder):
    """The installations below a folder that have pgvector, the newest by name first."""
    there = sorted(pathlib.Path(folder).glob("**/bin/postgres"), reverse=True)
    return [program.parent.parent for program in there if has_pgvector(program.parent.parent)]


def installed():
    """An installation with pgvector and the folder to copy it with, if it needs that: the one that is named, this tree's, this
    machine's, or one that setup.sh brings."""
    given, own = os.environ.get("RANKINE_POSTGRES"), ROOT / "target" / "postgres"
    if given:
        found = below(given)
        return (found[0], pathlib.Path(given)) if found else sys.exit(f"RANKINE_POSTGRES: no PostgreSQL with pgvector below {given}")
    if found := below(own):
        return found[0], own
    path = shutil.which("postgres")
    here = [pathlib.Path(path).resolve().parent.parent] if path else []
    here += sorted(pathlib.Path("/usr/lib/postgresql").glob("*"), reverse=True) + sorted(pathlib.Path("/usr").glob("pgsql-*"), reverse=True)
    if found := [folder for folder in here if has_pgvector(folder)]:
        return found[0], None
    say("No PostgreSQL with pgvector here: setup.sh installs one below target/postgres")
    subprocess.run([str(ROOT / "setup.sh"), "postgres"], check=True)
    found = below(own)
    return (found[0], own) if found else sys.exit(f"no PostgreSQL with pgvector below {own}")


class PrivatePostgres:
    """A private PostgreSQL: the installation that is found, started on a free port. It refuses to run as root, so there it runs as
    nobody, from a copy that nobody may read (a machine's own everybody may)."""

    def __init__(self, work):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rankine-cold-start-"))
        self.who = {"user": NOBODY, "group": NOBODY} if os.geteuid() == 0 else {}
        self.bin = self.find()
        if self.who:
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(self.folder)], check=True)
        store = self.folder / "data"
        self.run("initdb", "-D", store, "-U", "postgres", "-A", "trust", "--no-sync")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [self.bin / "postgres", "-D", store, "-p", self.port, "-k", self.folder, "-c", "wal_level=logical"]
        self.log = open(work / "postgres.log", "w")
        self.server = subprocess.Popen([str(c) for c in command], stdout=self.log, stderr=self.log, cwd="/", **self.who)
        for _ in range(200):
            if subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], cwd="/", **self.who).returncode == 0:
                break
            time.sleep(0.05)
        self.dsn = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def find(self):
        """The folder of the programs."""
        folder, around = installed()
        if not self.who or around is None:
            return folder / "bin"
        shutil.copytree(around, self.folder / "pg", symlinks=True)
        return self.folder / "pg" / folder.relative_to(around) / "bin"

    def run(self, program, *words):
        subprocess.run([str(w) for w in (self.bin / program, *words)], check=True, cwd="/", stdout=subprocess.DEVNULL, **self.who)

    def sql(self, text):
        """Runs statements; what they print."""
        command = [str(self.bin / "psql"), "-qAt", "-v", "ON_ERROR_STOP=1", self.dsn]
        return subprocess.run(command, input=text, text=True, check=True, cwd="/", stdout=subprocess.PIPE, **self.who).stdout

    def stop(self):
        self.server.terminate()
        self.server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(PrivatePostgres):
    """Films in a private PostgreSQL, inserted through one session."""

    def __init__(self, work, data):
        super().__init__(work)
        self.psql = subprocess.Popen([str(self.bin / "psql"), "-q", "-v", "ON_ERROR_STOP=1", self.dsn], stdin=subprocess.PIPE,
                                     stdout=self.log, stderr=self.log, text=True, cwd="/", **self.who)
        self.send((FILES / "postgres_tables.sql").read_text())
        values = ",\n".join(self.values(film, data, f"'{max(year_of(data.films[film]['title']), 1900)}-07-01 00:00:00+00'") for film in data.warm)
        self.send(f"INSERT INTO film VALUES {values};\n")
        shutil.copy(FILES / "postgres_features.sql", work / "postgres_features.sql")
        self.config = f'''[source]
dsn = "{self.dsn}"
table = "film"
key = "film_id"
[join]
sql_file = "postgres_features.sql"
[features]
kind = "postgres"
table = "film_features"
[vectors]
stores = ["pgvector", "embedded"]
set = "film_vectors"
category = "genres"
'''

    def send(self, sql):
        self.psql.stdin.write(sql)
        self.psql.stdin.flush()

    @staticmethod
    def values(film, data, created):
        quoted = data.films[film]["title"].replace("'", "''")
        genres = ", ".join("'" + genre.replace("'", "''") + "'" for genre in data.genres(film))
        return f"({film}, '{quoted}', ARRAY[{genres}]::text[], {created})"

    def insert(self, film, data):
        self.send(f"INSERT INTO film VALUES {self.values(film, data, 'now()')};\n")

    def stop(self):
        self.psql.stdin.close()
        self.psql.wait()
        super().stop()


def arrivals(site, user):
    """Ids of the new films for a user, nearest first; none while the site has no answer."""
    try:
        return [one["movieId"] for one in get(site, f"/getarrivals?id={user}&size=1000&probe=1")]
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return []


def get(address, path):
    with urllib.request.urlopen(f"{address}{path}", timeout=30) as answer:
        return json.load(answer)


def post(address, path, body):
    request = urllib.request.Request(f"{address}{path}", json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def call(rankine, home, *words):
    """Runs the program to its end; its JSON."""
    command = [str(word) for word in (rankine, "--home", home, "--json", *words)]
    return json.loads(subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE).stdout)


def prepare(rankine, work, data, options):
    """Imports, builds samples, trains."""
    data.write(work / "data")
    run = lambda *words: subprocess.run([str(w) for w in (rankine, "--home", work / "home", *words)], check=True, cwd=ROOT)
    run("data", "import", work / "data")
    run("sample", "build")
    given = {"train.epochs": options.epochs, "seed": options.seed}
    more = [word for key, value in given.items() if value is not None for word in ("--set", f"{key}={value}")]
    run("train", FILES / "dropoutnet.toml", *more)


def start(rankine, work, source, ports, pgvector):
    """The stream, until it has embedded what is there; then the site."""
    site, listen, rest = ports
    stream_config, server_config = work / "stream.toml", work / "server.toml"
    stream_config.write_text(f'format = 1\nname = "films"\nlisten = "{listen}"\n{source.config}\n[embed]\nmodel = "dropoutnet"\n')
    stream = Process([rankine, "--home", work / "home", "stream", stream_config], work / "stream.log")
    address = stream.said("stream:")
    search = f'dsn = "{source.url}"\nset = "film_vectors"\n' if pgvector else ""
    server_config.write_text(f'''home = "{work / 'home'}"
default_model = "dropoutnet"
[listen]
site = "{site}"
rest = "{rest}"
grpc = ""
[limits]
size = 1000
[arrivals]
url = "{address}"
model = "dropoutnet"
{search}[insert]
stream = "{stream_config}"
[[model]]
name = "dropoutnet"
''')
    return stream, address


def wait_for(address, count):
    while True:
        figures = get(address, "/stream")
        if figures["live"] >= count and figures["pending"] == 0:
            return
        time.sleep(0.1)


def insert_all(source, site, data):
    """One by one, each until it stands in the list of somebody who rated it well later; how long that took, in ms."""
    viewers = {}
    for user, films in data.later.items():
        for film, rating in films.items():
            if rating > viewers.get(film, (0, 0))[1]:
                viewers[film] = (user, rating)
    anybody, took = next(iter(data.liked)), []
    for number, film in enumerate(data.new):
        user, rating = viewers.get(film, (anybody, 0))
        begin = time.perf_counter()
        source.insert(film, data)
        while True:
            listed = arrivals(site, user)
            if film in listed:
                break
            if time.perf_counter() - begin > 60:
                sys.exit(f"film {film} did not arrive within a minute")
        took.append((time.perf_counter() - begin) * 1000)
        if number < 20 or number % 100 == 99:
            about = f", who gave it {rating} later" if rating else ""
            say(f"  {data.films[film]['title'][:48]:48}  {took[-1]:6.1f} ms   place {listed.index(film) + 1:3} of {len(listed):3} for user {user}{about}")
    return sorted(took)


def recall(lists, later, k):
    """Mean over users of: how many of the films liked later stand among the first k, of at most k."""
    shares = [len(set(lists[user][:k]) & set(films)) / min(k, len(films)) for user, films in later.items()]
    mean = sum(shares) / len(shares)
    spread = sum((share - mean) ** 2 for share in shares) / max(len(shares) - 1, 1)
    return mean, math.sqrt(spread / len(shares))


def profiles(data):
    """Per user the new films by the cosine of genre profiles (tf-idf over films), the content-only baseline."""
    count = {}
    for film in data.warm:
        for genre in data.genres(film):
            count[genre] = count.get(genre, 0) + 1
    idf = {genre: math.log(len(data.warm) / n) for genre, n in count.items()}
    vector = lambda genres: {genre: idf.get(genre, 0.0) for genre in genres}
    norm = lambda v: math.sqrt(sum(x * x for x in v.values())) or 1.0
    films, lists = {film: vector(data.genres(film)) for film in data.new}, {}
    for user in data.later:
        profile = {}
        for film in data.liked[user]:
            for genre, weight in vector(data.genres(film)).items():
                profile[genre] = profile.get(genre, 0.0) + weight
        score = lambda v: sum(weight * profile.get(genre, 0.0) for genre, weight in v.items()) / norm(v)
        order = sorted(data.new, key=lambda film: (-score(films[film]), hash((user, film))))
        lists[user] = order
    return lists


def factors_of(rankine, work, data):
    """Factors of iALS by id, of the older films and of the users: what the ridge learns to tell from content."""
    with sqlite3.connect(work / "users.db") as database:
        database.execute("CREATE TABLE member (userId INTEGER PRIMARY KEY)")
        database.executemany("INSERT INTO member VALUES (?)", [(user,) for user in data.later])
    run = lambda *words: subprocess.run([str(w) for w in (rankine, "--home", work / "home", *words)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    run("train", "examples/models/ials.toml")
    users = ["--users", work / "users.db", "--users-sql", "SELECT userId FROM member", "--keep", "userId"]
    run("embed", "ials", "--out", work / "films.csv", *users, "--users-out", work / "users.csv")
    read = lambda name: {int(row[0]): [float(x) for x in row[1:]] for row in csv.reader(open(work / name, encoding="utf-8"))}
    return read("films.csv"), read("users.csv")


def solved(left, right):
    """X of `left` X = `right`, by elimination; `left` is positive definite."""
    rows = [a + b for a, b in zip(left, right)]
    for at, row in enumerate(rows):
        scale = row[at]
        rows[at] = row = [x / scale for x in row]
        for other, values in enumerate(rows):
            if other != at and values[at]:
                rows[other] = [x - values[at] * y for x, y in zip(values, row)]
    return [row[len(left):] for row in rows]


def ridge(rankine, work, data):
    """Per user the new films by his factors and those that a ridge regression tells from genres and year, the linear way from content
    to preference."""
    films, users = factors_of(rankine, work, data)
    genres = sorted({genre for film in data.warm for genre in data.genres(film)})
    content = lambda film: [1.0, (year_of(data.films[film]["title"]) - 2000) / 20] + [float(genre in data.genres(film)) for genre in genres]
    known = [(content(film), factors) for film, factors in films.items() if any(factors)]
    width = len(genres) + 2
    gram = [[float(i == j) for j in range(width)] for i in range(width)]
    product = [[0.0] * len(known[0][1]) for _ in range(width)]
    for x, factors in known:
        there = [i for i, value in enumerate(x) if value]
        for i in there:
            for j in there:
                gram[i][j] += x[i] * x[j]
            product[i] = [total + x[i] * factor for total, factor in zip(product[i], factors)]
    weights = solved(gram, product)
    told = {film: [sum(x * w for x, w in zip(content(film), column)) for column in zip(*weights)] for film in data.new}
    score = lambda user, film: sum(a * b for a, b in zip(users[user], told[film]))
    return {user: sorted(data.new, key=lambda film: -score(user, film)) for user in data.later}


def by_chance(data):
    draw = random.Random(7)
    return {user: draw.sample(data.new, len(data.new)) for user in data.later}


def by_fame(data):
    """The new films in the order in which they will be rated most: nobody can know it, it stands here as a bound."""
    fame = {}
    for films in data.later.values():
        for film in films:
            fame[film] = fame.get(film, 0) + 1
    order = sorted(data.new, key=lambda film: -fame.get(film, 0))
    return {user: order for user in data.later}


def table(site, data, linear):
    if not data.later:
        say("\nNone of these users rated any of these films well later: nothing to hold the lists against.")
        return {}
    rows = [
        ("dropoutnet, by the site", {user: arrivals(site, user) for user in data.later}),
        ("genre profile (tf-idf, content only)", profiles(data)),
        ("ridge (content to iALS's factors)", linear(data)),
        ("chance", by_chance(data)),
        ("later popularity (unknowable)", by_fame(data)),
    ]
    likes = sum(map(len, data.later.values()))
    say(f"\nHow the {len(data.new)} new films find those who rated them at least {LIKED} later ({len(data.later)} users, {likes} likes):\n")
    say(f"  {'':34} {'recall@10':>16} {'recall@50':>16}")
    told = {}
    for name, ranked in rows:
        told[name] = [recall(ranked, data.later, k) for k in (10, 50)]
        say(f"  {name:36}" + "".join(f"{mean:9.3f} ± {error:.3f}" for mean, error in told[name]))
    return told


def main():
    options = arguments()
    rankine, work = binary(), options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    data = Data(options)
    say(f"{len(data.warm)} older films with {len(data.ratings)} ratings; {len(data.new)} films of {options.since} or later are held out")
    prepare(rankine, work, data, options)
    ports = ["127.0.0.1:0"] * 3 if options.free_ports else ["127.0.0.1:6010", "127.0.0.1:6020", "127.0.0.1:8501"]
    running = []
    try:
        source = (Postgres if options.postgres else FileSource)(work, data)
        running.append(source)
        stream, address = start(rankine, work, source, ports, options.postgres)
        running.insert(0, stream)
        say(f"\nThe stream embeds {len(data.warm)} films: {address}/stream")
        wait_for(address, len(data.warm))
        server = Process([rankine, "serve", "--config", work / "server.toml"], work / "server.log")
        running.insert(0, server)
        site = server.said("recommendations")
        rest = server.said("predictions")
        while not all(model["version"] for model in get(rest, "/status")["models"]):
            time.sleep(0.05)
        say(f"The site: {site}/stream.html, {site}/insert.html, {site}/user.html?id={next(iter(data.later or data.liked))}\n\nOne by one:\n")
        took = insert_all(source, site, data)
        at = lambda share: took[min(int(len(took) * share), len(took) - 1)]
        say(f"\n{len(took)} films: from the insert until the site's answer has it p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, most {took[-1]:.1f} ms")
        told = table(site, data, lambda data: ridge(rankine, work, data))
        report = {"films": len(took), "p50_ms": round(at(0.5), 2), "p99_ms": round(at(0.99), 2), "recall": told}
        (work / "report.json").write_text(json.dumps(report, indent=1))
        if not options.once:
            say(f"\nIt goes on: insert a film of your own at {site}/insert.html. Ctrl-C ends.")
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        for one in running:
            one.stop()


if __name__ == "__main__":
    main()
