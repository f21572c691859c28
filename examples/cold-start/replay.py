#!/usr/bin/env python3
"""Fourteen nights of a model that learns on while its stream runs: samples, fine-tuning, gate, publishing, vectors of a new version.

    python3 examples/cold-start/replay.py                  # embedded parts only
    python3 examples/cold-start/replay.py --postgres       # films, behaviour and users in a private PostgreSQL with pgvector

MovieLens-small has few ratings a day, so a night stands for --span days (60) of its last years; what came before them is the day before
the first night. Films of --since (2013) or later are never learnt from: they come into the stream night by night, and every version is
measured on who rated them well. Each night: `sample build` of the day, `train --init-from` the version that serves; a version that passes
the model file's gate is published, the running stream makes vectors of it for films and users and switches both at once. The data of one night
(--bad) is broken: films come with another list of genre codes, and the log of all earlier days once more along with them. The gate has to
notice. One version (--back) is taken back by `model rollback`. At the end
`model chronicle --html` writes the page. Needs Python alone (--postgres as run.py).
"""

import argparse
import csv
import datetime
import json
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time
import urllib.error

from run import HERE, LIKED, ROOT, FileSource, Postgres, Process, binary, get, in_time, post, say, year_of

FILES = HERE / "replay"
LAST = datetime.date(2016, 10, 16)
DAY = 86_400
NAME = "films"
# of a night's training: a day has few users, and what it says of them must not cost what is known of all others
RATE = 5e-5
# ratings before the first night, films that come each night, and the rate of a quick run
QUICK, FEW, QUICK_RATE = 6_000, 10, 6e-4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", action="store_true", help="films, behaviour and users live in a private PostgreSQL; vectors go to pgvector, too")
    parser.add_argument("--days", type=int, default=14, help="so many nights")
    parser.add_argument("--span", type=float, default=60, help="days of MovieLens that one night stands for")
    parser.add_argument("--since", type=int, default=2013, help="films released from this year on are new")
    parser.add_argument("--until", type=int, default=9999, help="the last year there is: neither films nor ratings of later ones, to choose numbers by")
    parser.add_argument("--seed", type=int, default=1, help="the model's seed")
    parser.add_argument("--bad", type=int, help="the night whose data is broken; 0: none")
    parser.add_argument("--back", type=int, help="the night from which on the first published version is rolled back; 0: none")
    parser.add_argument("--gate", type=float, help="what recall of new films may lose, instead of the model file's")
    parser.add_argument("--quick", action="store_true", help="few users and epochs: to see that it goes, not how well")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target" / "cold-start-replay", help="the folder to work in")
    parser.add_argument("--free-ports", action="store_true", help="any free port instead of 6020")
    options = parser.parse_args()
    # somewhere in the middle, and later
    options.bad = max(2, options.days * 3 // 7) if options.bad is None else options.bad
    options.back = max(3, options.days * 5 // 7) if options.back is None else options.back
    return options


def text_of(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


class Tastes:
    """What is known of users: what they liked, in order."""

    HEAD = ["user_id", "update_time", "seen", "likes", "liked_year"]

    def __init__(self, data):
        self.data, self.liked, self.genres = data, {}, {}

    def learn(self, ratings):
        """Takes ratings in; a row for each moment after which more is known. It holds from the next second on, so that no sample
        knows its own label."""
        rows, last = [], {}
        for rating in ratings:
            if rating["liked"]:
                user = rating["user"]
                self.liked.setdefault(user, []).append(rating["film"])
                counts = self.genres.setdefault(user, {})
                for genre in self.data.genres(rating["film"]):
                    counts[genre] = counts.get(genre, 0) + 1
                row = self.row(user)
                row["update_time"] = text_of(rating["time"] + 1)
                if last.get(user, {}).get("update_time") == row["update_time"]:
                    last[user].update(row)
                else:
                    last[user] = row
                    rows.append(row)
        return rows

    def row(self, user):
        liked, counts = self.liked[user], self.genres[user]
        years = [year for year in (self.data.years[film] for film in liked) if year]
        most = sorted(counts, key=lambda genre: (-counts[genre], genre))[:5]
        year = sum(years) / len(years) if years else None
        return {"user_id": user, "seen": liked[:-21:-1], "likes": most, "liked_year": year}

    def cells(self, row):
        """A row as a text file has it."""
        lists = {name: ",".join(map(str, row[name])) for name in ("seen", "likes")}
        year = "" if row["liked_year"] is None else f"{row['liked_year']:.2f}"
        return row | lists | {"liked_year": year}

    def write(self, path):
        """All users as they are now, for the stream."""
        path.with_suffix(".new").write_text("".join(json.dumps(self.row(user)) + "\n" for user in sorted(self.liked)))
        path.with_suffix(".new").replace(path)


class Data:
    """MovieLens-small in nights: ratings of older films by night, 0 being all before; new films, and who rated them."""

    def __init__(self, options):
        folder = ROOT / "data" / "movielens-small"
        with open(folder / "movies.csv", encoding="utf-8", newline="") as file:
            self.films = {int(row["movieId"]): row for row in csv.DictReader(file) if year_of(row["title"]) <= options.until}
        with open(folder / "ratings.csv", encoding="utf-8", newline="") as file:
            ratings = [self.rating(row) for row in csv.DictReader(file) if int(row["movieId"]) in self.films and in_time(row, options.until)]
        ratings.sort(key=lambda one: (one["time"], one["user"], one["film"]))
        self.years = {film: year_of(row["title"]) for film, row in self.films.items()}
        self.new = [film for film, year in self.years.items() if year >= options.since]
        out, end = set(self.new), ratings[-1]["time"]
        self.warm = [film for film in self.films if film not in out]
        night = lambda one: max(options.days - int((end - one["time"]) // (options.span * DAY)), 0)
        self.nights, later = [[] for _ in range(options.days + 1)], []
        for one in ratings:
            (later if one["film"] in out else self.nights[night(one)]).append(one)
        if options.quick:
            self.thin()
        self.dates = [f"{LAST - datetime.timedelta(days=options.days - night):%Y%m%d}" for night in range(options.days + 1)]
        self.held = self.judged(later)
        order = random.Random(1).sample(self.new, len(self.new))
        self.arriving = [order[night::options.days][: FEW if options.quick else None] for night in range(options.days)]

    @staticmethod
    def rating(row):
        rating = float(row["rating"])
        return {"user": int(row["userId"]), "film": int(row["movieId"]), "rating": rating, "time": int(row["timestamp"]), "liked": rating >= LIKED}

    def thin(self):
        """Less of everything: the last ratings before the first night, and films that somebody rates."""
        self.nights[0] = self.nights[0][-QUICK:]
        self.warm = sorted({one["film"] for day in self.nights for one in day})

    def genres(self, film):
        return [genre for genre in self.films[film]["genres"].split("|") if not genre.startswith("(")]

    def judged(self, later):
        """Ratings of new films by users who had liked at least five older ones before."""
        liked, held, new = {}, [], set(self.new)
        for one in sorted(sum(self.nights, []) + later, key=lambda one: one["time"]):
            if one["film"] in new:
                if liked.get(one["user"], 0) >= 5:
                    held.append(one)
            elif one["liked"]:
                liked[one["user"]] = liked.get(one["user"], 0) + 1
        return held


def other_codes(data):
    """Each genre under the name of another, as by a list of codes that was shifted."""
    names = sorted({genre for film in data.films for genre in data.genres(film)})
    half = len(names) // 2
    return dict(zip(names, names[half:] + names[:half]))


class Tables:
    """The tables that samples are made of, as files below a folder."""

    def __init__(self, folder):
        self.folder, self.place = folder, str(folder)

    def film(self, data, films, codes=None):
        """Features of films; with `codes` their genres go by those."""
        named = lambda film: ",".join((codes or {}).get(genre, genre) for genre in data.genres(film))
        rows = [{"item_id": film, "genres": named(film), "release_year": data.years[film] or ""} for film in films]
        (self.folder / "film_content.csv").unlink(missing_ok=True)
        self.add("film_content.csv", ["item_id", "genres", "release_year"], rows)

    def behaviour(self, date, day):
        rows = [self.event(one) for one in day]
        self.add(f"behaviour/dt={date}/events.csv", ["user_id", "item_id", "rating", "event_time"], rows)

    def users(self, tastes, rows):
        self.add("user_features.csv", Tastes.HEAD, [tastes.cells(row) for row in rows])

    @staticmethod
    def event(one):
        return {"user_id": one["user"], "item_id": one["film"], "rating": one["rating"], "event_time": text_of(one["time"])}

    def add(self, name, head, rows):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists()
        with open(path, "a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, head)
            if fresh:
                writer.writeheader()
            writer.writerows(rows)


class PostgresTables(Tables):
    """The same tables in the source's PostgreSQL, where films are already."""

    def __init__(self, source):
        self.source, self.place = source, source.url
        self.wait()
        self.run((FILES / "postgres_tables.sql").read_text())

    def wait(self):
        """The source's own session may not have made its films yet."""
        command = [str(self.source.bin / "psql"), "-At", self.source.dsn, "-c", "SELECT count(*) > 0 FROM film"]
        for _ in range(600):
            if subprocess.run(command, capture_output=True, text=True, cwd="/", **self.source.who).stdout.strip() == "t":
                return
            time.sleep(0.05)
        sys.exit("PostgreSQL has no films")

    def film(self, data, films, codes=None):
        names = {genre: genre for film in data.films for genre in data.genres(film)} | (codes or {})
        self.run("TRUNCATE genre_code")
        self.copy("genre_code", names.items())

    def behaviour(self, date, day):
        self.copy("behaviour", [[*self.event(one).values(), date] for one in day])

    def users(self, tastes, rows):
        self.copy("user_features", [[tastes.cells(row)[name] for name in Tastes.HEAD] for row in rows])

    def copy(self, table, rows):
        cell = lambda value: "\\N" if value == "" else str(value)
        lines = "".join("\t".join(map(cell, row)) + "\n" for row in rows)
        # what is known of a table is from before; by that a large day would be joined row by row
        self.run(f"COPY {table} FROM STDIN;\n{lines}\\.\nANALYZE {table};\n")

    def run(self, sql):
        self.source.sql(sql)


class Searches(threading.Thread):
    """Somebody who asks all the time, and writes down which version answered."""

    def __init__(self, address, user):
        super().__init__(daemon=True)
        self.address, self.user, self.over = address, user, threading.Event()
        self.versions, self.answers, self.refused = [], 0, []

    def ask(self):
        return post(self.address, "/search", {"user": self.user, "n": 10})

    def run(self):
        while not self.over.wait(0.02):
            try:
                version = self.ask()["version"]
            except urllib.error.HTTPError as error:
                # before the first vectors there is nobody to search for
                if self.versions:
                    self.refused.append(f"{error.code} {error.read().decode()}")
                continue
            self.answers += 1
            if self.versions[-1:] != [version]:
                self.versions.append(version)

    def until(self, version):
        """Waits until a version answers and nothing is left to make; what it answers, and how long that took."""
        begin = time.perf_counter()
        while time.perf_counter() - begin < 300:
            try:
                found = self.ask()
                if found["version"] == version and get(self.address, "/stream")["pending"] == 0:
                    return self.ask(), time.perf_counter() - begin
            except urllib.error.HTTPError as error:
                if self.versions:
                    raise
                error.close()
            time.sleep(0.02)
        sys.exit(f"version {version} does not serve")


class Replay:
    """The nights, and what they leave behind."""

    def __init__(self, options):
        self.options, self.rankine, self.work = options, binary(), options.work.resolve()
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.data = Data(options)
        self.tastes, self.home = Tastes(self.data), self.work / "home"
        self.serving, self.taken_back, self.told = 0, False, []

    def command(self, *words):
        """Runs the program; exit code, its JSON, what it said."""
        command = [str(word) for word in (self.rankine, "--home", self.home, "--json", *words)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode not in (0, 1) or not done.stdout:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        return done.returncode, json.loads(done.stdout), done.stderr.strip()

    def build(self, place, out, date, days=1):
        """Samples of the template up to a day; the path of that day's."""
        words = ["sample", "build", FILES / "template.json", "--tables", FILES / "tables.json", "--from", place, "--date", date]
        days = self.command(*words, "--days", days, "--out", out)[1]["days"]
        built = [day for day in days if not day["kept"]]
        assert [day["day"] for day in built] == [date], f"built {built}"
        return built[0]

    def hold_out(self):
        """Samples of the new films' ratings, each with the user as he was at that time; only what is measured reads them."""
        held, date = Tables(self.work / "held"), self.data.dates[0]
        held.film(self.data, self.data.new)
        held.behaviour(date, self.data.held)
        tastes = Tastes(self.data)
        held.users(tastes, tastes.learn(sorted(sum(self.data.nights, []), key=lambda one: one["time"])))
        self.judge = self.build(held.place, self.work / "judge", date)["path"]

    def land(self, night):
        """A day's data comes in."""
        day, bad = self.data.nights[night], night == self.options.bad and night
        if night == 0 or night in (self.options.bad, self.options.bad + 1):
            self.tables.film(self.data, self.data.warm, other_codes(self.data) if bad else None)
        self.tables.behaviour(self.data.dates[night], sum(self.data.nights[: night + 1], []) if bad else day)
        self.tables.users(self.tastes, self.tastes.learn(day))
        self.tastes.write(self.work / "users.jsonl")

    def train(self, day, first):
        """Trains on a day's samples: all there is to say of it, and why it was not published."""
        words = ["train", FILES / f"{NAME}.toml", "--conf", FILES / f"{NAME}.feature.toml", "--train", day["path"], "--hold-out", 0.1,
                 "--test", self.judge, "--set", f"seed={self.options.seed}"]
        words += [] if self.options.gate is None else ["--gate", self.options.gate]
        if first:
            # few samples in small batches, or there were too few steps to learn anything
            words += ["--set", "train.epochs=4", "--set", "train.batch=256"] if self.options.quick else []
        else:
            words += ["--init-from", self.home / "models" / NAME / str(self.serving), "--set", "train.epochs=2"]
            rate = QUICK_RATE if self.options.quick else RATE
            words += ["--set", f"optimizer.embedding.lr={rate}", "--set", f"optimizer.dense.lr={rate}"]
        code, told, said = self.command(*words)
        return told, said.splitlines()[-1].removeprefix("rankine: ") if code else ""

    def begin(self):
        """The day before the first night: the first version, and the stream."""
        self.hold_out()
        source = (Postgres if self.options.postgres else FileSource)(self.work, self.data)
        for name in ("item_features.sql", "postgres_features.sql"):
            shutil.copy(FILES / name, self.work / name)
        self.source = source
        self.tables = PostgresTables(source) if self.options.postgres else Tables(self.work / "tables")
        self.land(0)
        day = self.build(self.tables.place, self.work / "samples", self.data.dates[0])
        told, why = self.train(day, True)
        if why:
            sys.exit(why)
        self.serving = told["version"]
        listen = "127.0.0.1:0" if self.options.free_ports else "127.0.0.1:6020"
        config = self.work / "stream.toml"
        config.write_text(f'format = 1\nname = "{NAME}"\nlisten = "{listen}"\n{source.config}\n[embed]\nmodel = "{NAME}"\nlook_s = 0.2\n'
                          f'[users]\nfile = "users.jsonl"\nkey = "user_id"\n')
        self.stream = Process([self.rankine, "--home", self.home, "stream", config], self.work / "stream.log")
        # somebody about whom nothing becomes known later: what the search answers changes with versions and films alone
        back = {one["user"] for day in self.data.nights[1:] for one in day}
        user = max((len(liked), user) for user, liked in self.tastes.liked.items() if user not in back)[1]
        self.searches = Searches(self.stream.said("stream:"), user)
        self.searches.start()
        say(f"Day {self.data.dates[0]}: {day['rows']} samples, version {self.serving}; stream and search: {self.searches.address}/stream\n")
        self.searches.until(self.serving)

    def night(self, night):
        """One night, and a line about it."""
        date = self.data.dates[night]
        self.land(night)
        for film in self.data.arriving[night - 1]:
            self.source.insert(film, self.data)
        day = self.build(self.tables.place, self.work / "samples", date, night + 1)
        before = self.wait_for_films(night)  # what is published is embedded within moments, so this comes first
        told, why = self.train(day, False)
        took = 0.0
        if told["version"]:
            if self.pinned():
                self.command("model", "rollback", NAME, "--latest")
            after, took = self.searches.until(told["version"])
            outcome = f"published {told['version']}"
            if 0 < self.options.back <= night and not self.taken_back:
                self.roll_back(before, after)
                self.taken_back = True
                outcome += f", rolled back to {self.serving}"
            else:
                self.serving = told["version"]
        else:
            outcome = "blocked"
        gate, added = told["gate"], sum(rows[1] for rows in told["restored"]["rows"].values())
        new, old = gate["value"], gate["serving_value"]
        say(f"  {night:2}  {date}  {day['rows']:5} samples  {added:4} new rows  recall@{gate['k']} {new:.4f} (serving {old:.4f})  "
            f"trained in {told['wall_seconds']:4.1f} s, vectors in {took:4.1f} s  {outcome}")
        if why:
            say(f"      {why}")
        self.told.append({"night": night, "date": date, "version": told["version"], "serving": self.serving, "gate": gate})

    def wait_for_films(self, night):
        """Waits until the stream has embedded the night's new films; what the searched user is answered then."""
        count = len(self.data.warm) + sum(map(len, self.data.arriving[:night]))
        begin = time.perf_counter()
        while get(self.searches.address, "/stream")["live"] < count:
            if time.perf_counter() - begin > 300:
                sys.exit(f"the stream has not {count} films")
            time.sleep(0.02)
        return self.searches.ask()

    def pinned(self):
        return (self.home / "models" / NAME / "pin").exists()

    def roll_back(self, before, after):
        """The version that was just published is taken back: searches answer as before it, to the last digit."""
        code, told, _ = self.command("model", "rollback", NAME, self.serving)
        assert code == 0 and told["version"] == self.serving, told
        found, _ = self.searches.until(self.serving)
        if found != before or found["items"] == after["items"]:
            sys.exit(f"after the rollback:\n{found}\nbefore:\n{before}\nby the version taken back:\n{after}")

    def end(self):
        """The page, and whether everything went as it should."""
        page = self.work / "nights.html"
        _, told, _ = self.command("model", "chronicle", NAME, "--html", page)
        searches = self.searches
        searches.over.set()
        searches.join()
        served = " → ".join(map(str, searches.versions))
        say(f"\n{searches.answers} searches meanwhile, each answered by one version, users and films alike: {served}")
        say(f"The curve: {page}")
        trainings = [event for event in told["events"] if event["event"] == "training"]
        report = {"nights": self.told, "versions": searches.versions, "searches": searches.answers, "refused": searches.refused,
                  "trainings": len(trainings), "page": str(page)}
        (self.work / "report.json").write_text(json.dumps(report, indent=1))
        if searches.refused:
            sys.exit(f"searches were refused: {searches.refused[:3]}")
        bad = [one for one in self.told if one["night"] == self.options.bad]
        if any(one["version"] for one in bad):
            sys.exit("the gate let the bad night pass")

    def run(self):
        self.source = self.stream = None
        try:
            self.begin()
            for night in range(1, self.options.days + 1):
                self.night(night)
            self.end()
        finally:
            for one in (self.stream, self.source):
                if one:
                    one.stop()


if __name__ == "__main__":
    Replay(arguments()).run()
