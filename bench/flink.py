"""Apache Flink for `freshness`: PyFlink from PyPI, its connectors from Maven Central, and the job as a process.

The job is `peers/freshness_flink.py`. It needs a Java (11 or 17), `mvn`, and a Python from 3.8 to 3.11 (PyFlink 1.20 is the newest for
which Flink CDC's PostgreSQL connector was to be had); about 740 MB below target/bench/pyflink.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import measure

VERSION = "1.20.3"
HOME = measure.WORK / "pyflink"
JARS = {"org.apache.flink:flink-sql-connector-postgres-cdc": "3.5.0", "org.apache.flink:flink-connector-jdbc": "3.3.0-1.20", "org.postgresql:postgresql": "42.7.7"}
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
TABLE = """DROP TABLE IF EXISTS flink_vectors;
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE flink_vectors (id bigint PRIMARY KEY, vector vector(8), categories text[]);
CREATE INDEX ON flink_vectors USING hnsw (vector vector_ip_ops);
ALTER TABLE film REPLICA IDENTITY FULL;
"""


class Missing(Exception):
    """Why it cannot be installed."""


def interpreter():
    """A Python that this PyFlink has wheels for."""
    if (3, 8) <= sys.version_info[:2] <= (3, 11):
        return sys.executable
    found = next(filter(None, map(shutil.which, ["python3.11", "python3.10", "python3.9"])), None)
    if found is None:
        raise Missing("no Python from 3.8 to 3.11")
    return found


def install():
    """The venv's Python; raises Missing with the reason."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Missing(f"no {program}")
    try:
        if not (HOME / "lib").exists():
            HOME.mkdir(parents=True, exist_ok=True)
            each = "".join("<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(*name.split(":"), version)
                           for name, version in JARS.items())
            (HOME / "pom.xml").write_text('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>bench</groupId>'
                                          f"<artifactId>flink</artifactId><version>1</version><dependencies>{each}</dependencies></project>")
            copy = ["mvn", "-q", "-B", COPY, "-DincludeScope=runtime", "-DexcludeTransitive=true", "-DoutputDirectory=lib"]
            subprocess.run(copy, cwd=HOME, check=True, stdout=sys.stderr)
        return measure.python([f"apache-flink=={VERSION}"], HOME / "venv", interpreter())
    except subprocess.CalledProcessError as failed:
        raise Missing(f"{' '.join(map(str, failed.cmd))[:120]} failed") from failed


class Flink:
    """The job, and the item model behind REST that its Python function calls."""

    def __init__(self, binary, home, connection, port, python):
        self.connection = connection
        connection.execute(TABLE)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            rest = f"127.0.0.1:{probe.getsockname()[1]}"
        self.processes = []
        self.log = open(HOME / "log", "w")
        # a server starts on a home with data, which the model does not read
        data = measure.ROOT / "data" / "movielens-small"
        subprocess.run([str(binary), "--home", str(home), "data", "import", str(data)], check=True, stdout=self.log, stderr=self.log)
        self._start([binary, "--home", home, "serve", "--site", "", "--grpc", "", "--rest", rest, "--model", '[{ name = "films" }]',
                     "--default-model", "films"])
        jars = ";".join(f"file://{jar}" for jar in sorted((HOME / "lib").glob("*.jar")))
        self._start([python, "-B", measure.ROOT / "bench/peers/freshness_flink.py", json.dumps({"port": port, "rest": rest, "jars": jars})])

    def _start(self, command):
        # a group of its own: the job is a Python, its JVM and the JVM's Pythons, and all have to go
        self.processes.append(subprocess.Popen([str(c) for c in command], stdout=self.log, stderr=self.log, start_new_session=True))

    def check(self):
        if any(process.poll() is not None for process in self.processes):
            raise SystemExit(f"the job ended: {HOME / 'log'}")

    def found(self, category):
        """An exact search among the rows with this category, as the stream's own."""
        sql = """SELECT id FROM (SELECT id, vector <#> '[1,1,1,1,1,1,1,1]' AS distance FROM flink_vectors WHERE categories && ARRAY[%s] OFFSET 0)
                 ORDER BY distance LIMIT 1"""
        return bool(self.connection.execute(sql, (category,)).fetchall())

    def count(self):
        self.check()
        return self.connection.execute("SELECT count(*) FROM flink_vectors").fetchone()[0]

    def every(self):
        """Median and 99th percentile, ms, of commit in the source to commit in the sink, over all changes of the load."""
        sql = """SELECT percentile_disc(ARRAY[.5, .99]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM
                 pg_xact_commit_timestamp(v.xmin) - pg_xact_commit_timestamp(f.xmin)))::float8[]
                 FROM flink_vectors v JOIN film f USING (id) WHERE id BETWEEN 1000000 AND 4999999"""
        return self.connection.execute(sql).fetchone()[0]

    def stop(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
