"""kafka: the stream on a real broker, Debezium's JSON in every compression in three partitions, with stream and broker killed (-9) in between.

Apache Kafka (one node, KRaft) comes from Maven Central: 41 jars, 40 MB, for which CI has no time; needs `java` (17) and `mvn`. Afterwards
the items with a vector are those that the changes leave, joined with the last row of what they rest on, or it fails. Prints changes/s from the first record to the last vector, kills
included, and without any. It compares with no peer.
"""

import base64
import http.client
import json
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import measure
from bench_freshness import train

VERSION = "4.0.2"
TOPIC, PARTITIONS = "shop", 3
HOME = measure.WORK / "kafka"
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>bench</groupId><artifactId>kafka</artifactId>
<version>1</version><dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>"""
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
GENRES = ["Drama", "Comedy", "War", "Horror"]


def run(options, emit):
    changes = 10_000 if options.quick else 50_000
    if not (HOME / "lib").exists():
        HOME.mkdir(parents=True, exist_ok=True)
        (HOME / "pom.xml").write_text(POM)
        subprocess.run(["mvn", "-q", "-B", COPY, "-DincludeScope=runtime", "-DoutputDirectory=lib"], cwd=HOME, check=True)
    python = measure.python(["kafka-python", "python-snappy", "lz4", "zstandard"])
    subprocess.run([str(python), "-B", __file__, str(changes)], check=True)
    for line in (measure.WORK / "kafka.jsonl").read_text().splitlines():
        emit(json.loads(line))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """Apache Kafka on a free port, with its log in a folder of its own."""

    def __init__(self, folder):
        self.folder, self.port, control = folder, free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        settings = {
            "process.roles": "broker,controller", "node.id": 1, "controller.quorum.voters": f"1@127.0.0.1:{control}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{control}", "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT", "inter.broker.listener.name": "PLAINTEXT",
            "advertised.listeners": f"PLAINTEXT://{self.address}", "log.dirs": folder / "data", "offsets.topic.replication.factor": 1,
        }
        self.settings = folder / "server.properties"
        self.settings.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        self._java("kafka.tools.StorageTool", "format", "-t", base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="), "-c").wait()
        self.start()

    def _java(self, *arguments):
        command = ["java", "-Xmx512m", "-cp", f"{HOME}/lib/*", *arguments, str(self.settings)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.process = self._java("kafka.Kafka")
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise SystemExit("the broker does not start")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Stream:
    """`rankine stream` on the topic."""

    def __init__(self, binary, home, name, broker):
        self.config = home / f"{name}.toml"
        self.config.write_text(f'''name = "{name}"
[source]
kind = "kafka"
brokers = "{broker.address}"
topic = "{TOPIC}"
table = "film"
key = "id"
create_time = ""
[join]
sql = "SELECT f.id, f.genres, 0 AS days, COALESCE(d.level, 0) AS level FROM film f LEFT JOIN director d ON d.name = f.director WHERE f.id IN (SELECT value FROM json_each(:ids))"
schema_file = "tables.sql"
[[dimension]]
table = "director"
key = "name"
items = "SELECT id FROM film WHERE director IN (SELECT value FROM json_each(:keys))"
[embed]
model = "films"
''')
        (home / "tables.sql").write_text(
            "CREATE TABLE IF NOT EXISTS film (id PRIMARY KEY, genres, director) WITHOUT ROWID;\n"
            "CREATE TABLE IF NOT EXISTS director (name PRIMARY KEY, level) WITHOUT ROWID;\n"
            "CREATE INDEX IF NOT EXISTS film_of_director ON film (director);\n")
        self.command = [str(binary), "--home", str(home), "stream", str(self.config), "--listen"]
        self.start()

    def start(self):
        self.port = free_port()
        self.process = subprocess.Popen([*self.command, f"127.0.0.1:{self.port}"], stderr=subprocess.DEVNULL)

    def figures(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port)
            connection.request("GET", "/stream")
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            return {}

    def kill(self):
        self.process.kill()
        self.process.wait()


def envelope(draw, live, levels, number):
    """One change of Debezium's; `live` and `levels` become what it leaves: directors of films, levels of directors."""
    kind, film = draw.random(), draw.randrange(number + 1)
    row = {"id": film, "genres": draw.sample(GENRES, 2), "director": f"d{draw.randrange(50)}"}
    at = {"table": "film", "ts_ms": 1_763_900_000_000 + number}
    if kind < 0.02:
        director = {"name": f"d{draw.randrange(50)}", "level": draw.randrange(5)}
        levels[director["name"]] = director["level"]
        return director["name"], {"op": "u", "after": director, "source": {**at, "table": "director"}}
    if kind < 0.2 and film in live:
        del live[film]
        return str(film), {"op": "d", "before": {"id": film}, "after": None, "source": at}
    op = "u" if film in live else "c"
    live[film] = row["director"]
    return str(film), {"op": op, "before": None, "after": row, "source": at}


def produce(broker, changes):
    """Writes all changes, a fifth in each compression; the films that are left with their directors, and the levels of these."""
    from kafka import KafkaProducer

    draw, live, levels = random.Random(7), {}, {}
    for compression in (None, "gzip", "snappy", "lz4", "zstd"):
        producer = KafkaProducer(bootstrap_servers=broker.address, compression_type=compression, linger_ms=5)
        for number in range(changes // 5):
            key, value = envelope(draw, live, levels, number)
            producer.send(TOPIC, key=key.encode(), value=json.dumps({"payload": value}).encode())
            if value["op"] == "d":
                producer.send(TOPIC, key=key.encode(), value=None)
        producer.flush()
        producer.close()
    return live, levels


def settled(stream, live):
    figures = stream.figures()
    return figures.get("live") == len(live) and figures.get("pending") == 0 and figures.get("behind") == 0


def follow(stream, live, broker=None):
    """Seconds until all is there; with a broker, it and the stream are killed now and then, five times."""
    begin, kills = time.perf_counter(), 0
    while not settled(stream, live):
        if time.perf_counter() - begin > 600:
            raise SystemExit(f"it does not settle: {stream.figures()}, expected {len(live)} live")
        time.sleep(0.3)
        if broker and kills < 5:
            kills += 1
            victim = broker if kills == 3 else stream
            victim.kill()
            victim.start()
    return time.perf_counter() - begin


def check(stream, live, levels, changes):
    """Every id that is left has a vector, and no other that the changes had; its row has its director's last level."""
    connection = http.client.HTTPConnection("127.0.0.1", stream.port)
    sample = random.Random(1).sample(range(changes // 5), 500)
    for film in sample:
        connection.request("GET", f"/vector/{film}")
        answer = connection.getresponse()
        answer.read()
        if (answer.status == 200) != (film in live):
            raise SystemExit(f"film {film}: {answer.status}, live: {film in live}")
    ids = [film for film in sample if film in live]
    connection.request("POST", "/rows", json.dumps({"ids": ids}), {"content-type": "application/json"})
    rows = json.loads(connection.getresponse().read())["rows"]
    told = {row["id"]: int(row["cells"]["level"]) for row in rows}
    wrong = {film: told.get(film) for film in ids if told.get(film) != levels.get(live[film], 0)}
    if wrong:
        raise SystemExit(f"levels of directors are not the last ones: {wrong}")


def main(changes):
    from kafka.admin import KafkaAdminClient, NewTopic

    binary = measure.build()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        train(binary, home)
        broker = Broker(home)
        try:
            KafkaAdminClient(bootstrap_servers=broker.address).create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
            live, levels = produce(broker, changes)
            for name, chaos in (("followed", None), ("followed, killed five times", broker)):
                stream = Stream(binary, home, f"kafka{len(lines)}", broker)
                took = follow(stream, live, chaos)
                check(stream, live, levels, changes)
                stream.kill()
                lines.append(measure.line("kafka", name, "changes/s", [changes / took], None, None, broker=f"Apache Kafka {VERSION}", partitions=PARTITIONS, items=len(live)))
        finally:
            broker.kill()
    (measure.WORK / "kafka.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


if __name__ == "__main__":
    main(int(sys.argv[1]))
