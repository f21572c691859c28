"""chaos: stream and database are killed (-9) at random moments for five minutes under load; `--quick`: one minute.

The test of the suite with more time: afterwards ids in the index = ids in the table, every vector is the one its stored row
gives, nothing is lost, nothing deleted returns. It fails or it prints one line; it compares with no peer.
"""

import os
import subprocess

import measure

TEST = "stream::kill_9_of_stream_and_database_under_load_loses_nothing_and_brings_nothing_back"


def run(options, emit):
    seconds = 60 if options.quick else 300
    command = ["cargo", "test", "--locked", "-p", "rankine-cli", "--test", "integration", "--", "--exact", TEST, "--nocapture"]
    subprocess.run(command, cwd=measure.ROOT, check=True, env={**os.environ, "RANKINE_CHAOS_SECONDS": str(seconds)})
    emit({"bench": "chaos", "what": "held", "unit": "s", "ours": seconds, "peer": None, "theirs": None, "ratio": None, "rounds": 1})
