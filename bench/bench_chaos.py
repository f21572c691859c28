"""chaos: stream, database and model service are killed (-9) at random moments for five minutes under 1,000 changes a second.

The test of the suite with more time and load, on the release binary: afterwards ids in the index = ids in the table, every vector is the
one its stored row gives, nothing is lost, nothing deleted returns. It fails or it prints one line; it compares with no peer. `--quick`:
one minute.
"""

import json
import os
import subprocess

import measure

TEST = "stream::kill_9_of_stream_database_and_model_under_load_loses_nothing_and_brings_nothing_back"
RATE = 1000


def run(options, emit):
    seconds = 60 if options.quick else 300
    command = ["cargo", "test", "--locked", "-p", "rankine-cli", "--test", "integration", "--", "--exact", TEST, "--nocapture"]
    settings = {"RANKINE_BIN": measure.build(), "RANKINE_CHAOS_SECONDS": seconds, "RANKINE_CHAOS_RATE": RATE}
    done = subprocess.run(command, cwd=measure.ROOT, check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **{name: str(value) for name, value in settings.items()}})
    # the test's name may stand before it
    told = next(json.loads(line[line.index('{"changes"'):]) for line in done.stdout.splitlines() if '{"changes"' in line)
    database, model, stream = told["kills"]
    emit(measure.line("chaos", "held", "changes", [told["changes"]], None, None, seconds=seconds, rate=round(told["changes"] / seconds),
                      items=told["items"], kills={"stream": stream, "database": database, "model": model}))
