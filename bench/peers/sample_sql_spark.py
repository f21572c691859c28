"""Runs a statement in Spark and compares its rows with Parquet files: DATA COLUMNS STATEMENT FILES ROUNDS."""

import json
import pathlib
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql.functions import col

data, columns, statement, files, rounds = sys.argv[1:]
spark = (SparkSession.builder.master("local[2]").appName("sample-sql").config("spark.ui.enabled", "false")
         .config("spark.sql.shuffle.partitions", "4").config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
         .config("spark.driver.memory", "2g").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
for name, schema in json.loads(columns).items():
    spark.read.csv(f"{data}/{name}.csv", schema=schema, header=True).createOrReplaceTempView(name)
sql = pathlib.Path(statement).read_text()
seconds = []
for _ in range(int(rounds) + 1):  # the first warms the JVM
    begun = time.perf_counter()
    spark.sql(sql).write.mode("overwrite").parquet(f"{statement}.parquet")
    seconds.append(time.perf_counter() - begun)
ours = spark.read.option("recursiveFileLookup", "true").parquet(*json.loads(files)).cache()
theirs = spark.sql(sql)
theirs = theirs.select([col(name).cast(kind).alias(name) for name, kind in ours.dtypes]).cache()
print(json.dumps({"version": spark.version, "rows": theirs.count(), "only_ours": ours.exceptAll(theirs).count(),
                  "only_spark": theirs.exceptAll(ours).count(), "columns": theirs.columns == ours.columns,
                  "samples": [str(row) for row in ours.exceptAll(theirs).take(3)], "seconds": seconds[1:] or seconds}))
