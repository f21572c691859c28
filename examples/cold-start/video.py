#!/usr/bin/env python3
"""A short-video site whose item rows are the 54-column join of the DropoutNet documentation, from tables to a new video in the index.

    python3 examples/cold-start/video.py

Starts a private PostgreSQL with a dozen videos (tables.sql, video/rows.sql), keeps the videos as they were on one day with the very
statement of the stream (item_features.sql), makes samples by a template, trains DropoutNet on them, splits it, and starts the stream
with coldstart.toml as it stands. Then a video is inserted, and a moment later its tags: both times it says how long it took until a
search answers by them. Needs Python alone (PostgreSQL as run.py). Stays until Ctrl-C; --once ends.
"""

import argparse
import csv
import json
import os
import pathlib
import shutil
import sys
import time

from run import HERE, ROOT, PrivatePostgres, Process, binary, call, get, post, say

FILES = HERE / "video"
DAY = "20220310"
NEW, FAN = 13, 1
# by an author who is known; its tags are not there yet
VIDEO = f"""INSERT INTO smart_video_sign VALUES (112, 1, 0.7);
INSERT INTO item_table VALUES ({NEW}, 11, 112, 'Steps for the rain', now(), 21, 1, 1, 0, 0.25, 720, 1280, 0, NULL);"""
TAGS = "INSERT INTO video_name_tag_embedding VALUES (112, 'dance', 'lesson', 'dance,step', '{0,1,0,0}', '{1,1,1,0.5}')"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "target" / "cold-start-video", help="the folder to work in")
    parser.add_argument("--free-ports", action="store_true", help="any free port instead of 6020")
    parser.add_argument("--once", action="store_true", help="end when everything was shown")
    return parser.parse_args()


def tables(postgres):
    """The site's tables, and its videos as they were at the end of the day before."""
    for file in (HERE / "tables.sql", FILES / "rows.sql"):
        postgres.sql(file.read_text(encoding="utf-8"))
    join = (HERE / "item_features.sql").read_text(encoding="utf-8")
    all_then = join.replace("= ANY (:ids)", "IS NOT NULL").replace(":as_of", "timestamptz '2022-03-10 00:00+00'")
    postgres.sql(f"CREATE TABLE video_feature AS SELECT text '20220309' AS dt, day.* FROM (\n{all_then}\n) AS day")


def train(rankine, postgres, work):
    """Samples by the template, the model, its two halves; how many samples."""
    run = lambda *words: call(rankine, work / "home", *words)
    template, samples = ROOT / "examples" / "samples" / "cold_start.json", work / "samples"
    days = run("sample", "build", template, "--tables", FILES / "tables.json", "--from", postgres.url, "--date", DAY, "--days", 1, "--out", samples)
    day = days["days"][0]
    # so few that all are learnt from
    run("train", FILES / "cold_start.toml", "--conf", FILES / "cold_start.feature.toml", "--train", day["path"], "--test", day["path"])
    halves = run("model", "split", "cold_start")
    say(f"{day['rows']} samples of {DAY}; cold_start is split into cold_start-user and cold_start-item, {halves['difference']:.0e} from the whole at most")
    return day["rows"]


def fans(rankine, postgres, work):
    """The users' vectors by their half."""
    users = ["--users", postgres.url, "--users-sql", "SELECT * FROM user_feature", "--keep", "user_id", "--users-out", work / "users.csv"]
    call(rankine, work / "home", "embed", "cold_start-user", "--side", "user", *users)
    with open(work / "users.csv", encoding="utf-8") as file:
        return {int(row[0]): [float(x) for x in row[1:]] for row in csv.reader(file)}


def nearest(stream, vector):
    return post(stream, "/search", {"vector": vector, "n": 20})["items"]


def until(what, found):
    """Asks until something is found; that, and how many ms it took."""
    begin = time.perf_counter()
    while not (answer := found()):
        if time.perf_counter() - begin > 60:
            sys.exit(f"{what} did not come within a minute")
    return answer, (time.perf_counter() - begin) * 1000


def insert(stream, postgres, vector):
    """The new video, then its tags; what there is to say of both."""
    score = lambda: {one["id"]: one["score"] for one in nearest(stream, vector)}.get(NEW)
    postgres.sql(VIDEO)
    first, found = until("the video", score)
    say(f"video {NEW} is inserted: a search finds it {found:.1f} ms after psql has returned")
    postgres.sql(TAGS)
    _, moved = until("its tags", lambda: score() != first)
    row = post(stream, "/rows", {"ids": [NEW]})["rows"][0]["cells"]
    place = [one["id"] for one in nearest(stream, vector)].index(NEW) + 1
    say(f"its tags come in later: a search goes by them {moved:.1f} ms after that\n")
    say(f"user {FAN} likes dance and finds it in place {place}. Its joined row: {json.dumps(row)[:160]} …")
    kept = postgres.sql(f"SELECT count(*) FROM sv_cold_start_feature WHERE item_id = {NEW} AND cate_name1 = 'dance'").strip()
    vectors = postgres.sql("SELECT count(*) FROM items WHERE NOT gone").strip()
    return {"found_ms": found, "moved_ms": moved, "place": place, "row": row, "kept": int(kept), "vectors": int(vectors)}


def main():
    options = arguments()
    rankine, work = binary(), options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    running = []
    try:
        postgres = PrivatePostgres(work)
        running.append(postgres)
        tables(postgres)
        samples = train(rankine, postgres, work)
        users = fans(rankine, postgres, work)
        os.environ["RANKINE_STREAM_DSN"] = postgres.dsn
        more = ["--listen", "127.0.0.1:0"] if options.free_ports else []
        stream = Process([rankine, "--home", work / "home", "stream", HERE / "coldstart.toml", *more], work / "stream.log")
        running.insert(0, stream)
        address = stream.said("stream:")
        ready = lambda: (figures := get(address, "/stream"))["live"] >= 11 and figures["pending"] == 0
        until("the catalogue", ready)
        before = [one["id"] for one in nearest(address, users[FAN])]
        say(f"the stream has {len(before)} videos of 2022-03-03 or later: {address}/stream\n")
        report = insert(address, postgres, users[FAN])
        (work / "report.json").write_text(json.dumps({"samples": samples, "before": before, **report}, indent=1))
        if not options.once:
            say(f"\nIt goes on: psql '{postgres.dsn}'. Ctrl-C ends.")
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        pass
    finally:
        for one in running:
            one.stop()


if __name__ == "__main__":
    main()
