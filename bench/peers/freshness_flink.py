"""The peer of `freshness`: the job of `rankine stream` in Flink SQL, run in this process's JVM until it is killed.

Flink CDC's PostgreSQL source (logical replication, pgoutput) → lookup join (JDBC, cached) → Python function, which asks our item model over
REST, a batch at a time → JDBC sink (upsert). Set for latency: bundles of Python, polls of the source and flushes of the sink after 2 ms or 256
rows instead of 1 s, 500 ms and 1 s. Checkpoints every 10 s. What it does not do and ours does: the item feature table, dimension tables that
re-emit, state on disk 20 times a second. The connector reads no arrays, so genres travel as text.
"""

import http.client
import json
import sys

import pandas
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import udf

SETTINGS = {
    "parallelism.default": "1",
    "python.executable": sys.executable,
    "python.client.executable": sys.executable,
    "python.fn-execution.bundle.time": "2",
    "python.fn-execution.bundle.size": "256",
    "python.fn-execution.arrow.batch.size": "256",
    "execution.buffer-timeout": "1 ms",
    "execution.checkpointing.interval": "10 s",
    "table.exec.sink.upsert-materialize": "NONE",
}
TABLES = """
CREATE TABLE film (id BIGINT, genres STRING, director STRING, create_time TIMESTAMP_LTZ(6), as_of TIMESTAMP_LTZ(3) METADATA FROM 'op_ts' VIRTUAL,
  proc AS PROCTIME(), PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'postgres-cdc', 'hostname' = '127.0.0.1', 'port' = '{port}',
  'username' = 'postgres', 'password' = '', 'database-name' = 'postgres', 'schema-name' = 'public', 'table-name' = 'film', 'slot.name' = 'flink',
  'decoding.plugin.name' = 'pgoutput', 'debezium.snapshot.mode' = 'never', 'debezium.poll.interval.ms' = '2',
  'debezium.publication.autocreate.mode' = 'filtered');
CREATE TABLE director (name STRING, level INT, PRIMARY KEY (name) NOT ENFORCED) WITH ('connector' = 'jdbc',
  'url' = 'jdbc:postgresql://127.0.0.1:{port}/postgres', 'table-name' = 'director', 'username' = 'postgres', 'password' = '',
  'lookup.cache' = 'PARTIAL', 'lookup.partial-cache.max-rows' = '1000', 'lookup.partial-cache.expire-after-write' = '1 min');
CREATE TABLE vectors (id BIGINT, vector STRING, categories STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'jdbc',
  'url' = 'jdbc:postgresql://127.0.0.1:{port}/postgres?stringtype=unspecified', 'table-name' = 'flink_vectors', 'username' = 'postgres',
  'password' = '', 'sink.buffer-flush.max-rows' = '256', 'sink.buffer-flush.interval' = '2 ms')
"""
JOB = """INSERT INTO vectors SELECT id, embed(id, genres, days, level), genres FROM (
  SELECT f.id, f.genres, TIMESTAMPDIFF(DAY, f.create_time, f.as_of) AS days, COALESCE(d.level, 0) AS level
  FROM film f LEFT JOIN director FOR SYSTEM_TIME AS OF f.proc AS d ON d.name = f.director)"""


def model(rest):
    """Asks `POST /v1/embed` for a batch; one connection a worker."""
    kept = []

    def call(*columns):
        if not kept:
            kept.append(http.client.HTTPConnection(rest))
        fields = lambda genres, days, level: {"genres": genres.strip("{}").split(","), "days": int(days), "level": int(level)}
        rows = [{"id": int(identity), "fields": fields(*others)} for identity, *others in zip(*columns)]
        kept[0].request("POST", "/v1/embed", json.dumps({"model": "films", "rows": rows}), {"content-type": "application/json"})
        return [json.dumps(row["vector"]) for row in json.loads(kept[0].getresponse().read())["rows"]]

    return call


def main(asked):
    table = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for key, value in {**SETTINGS, **asked.get("settings", {}), "pipeline.jars": asked["jars"]}.items():
        table.get_config().set(key, value)
    call = model(asked["rest"])

    @udf(result_type=DataTypes.STRING(), func_type="pandas")
    def embed(identity, genres, days, level):
        return pandas.Series(call(identity, genres, days, level))

    table.create_temporary_system_function("embed", embed)
    for statement in TABLES.format(port=asked["port"]).split(";"):
        table.execute_sql(statement)
    table.execute_sql(JOB).wait()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
