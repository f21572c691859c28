"""recommend: GET /getrecforyou?id=…&size=32&model=widedeep, about 800 candidates, two connections, wrk on the same machine.

No peer answers the same question, so the line names the target instead. Two loads in turn: as fast as two connections can
ask ("full": server and wrk fill both cores), and with a pause of 1 ms before each request ("paced"). Beside wall-clock
figures stands the server's CPU time per request, which other work on the machine disturbs less.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request

import measure

USERS = 671
LUA = measure.ROOT / "bench" / "recommend.lua"


def home():
    """A demo home under target/, made once by each binary: models of an older one are no result of this one."""
    where, binary = measure.WORK / "demo-home", measure.BINARY.stat()
    made_by, stamp = where / "made-by", f"{binary.st_size} {binary.st_mtime_ns}"
    if not made_by.exists() or made_by.read_text() != stamp:
        shutil.rmtree(where, ignore_errors=True)
        subprocess.run([measure.BINARY, "--home", where, "demo", "--once"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made_by.write_text(stamp)
    return where


def start(where):
    """Serves the home on a free port; returns the process and the site's address."""
    server = subprocess.Popen([str(measure.BINARY), "--home", str(where), "serve", "--site", "127.0.0.1:0", "--rest", "", "--grpc", ""],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for text in server.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", text)
        if found:
            return server, found.group(0)
    raise SystemExit("the server ended before it said where it listens")


def candidates(address):
    """How many films are ranked for a user, over twenty users: the least and the most."""
    counts = []
    for user in range(1, USERS + 1, 34):
        with urllib.request.urlopen(f"{address}/getrecforyou?id={user}&size=32&model=widedeep") as answer:
            counts.append(int(answer.headers["x-rankine-candidates"]))
            assert len(json.load(answer)) == 32
    return min(counts), max(counts)


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def machine_time():
    """CPU time of the machine so far, and how much of it the host took away, in ticks."""
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    return sum(fields), fields[7]


def load(server, address, seconds, pause):
    """One run of wrk: requests per second, percentiles in ms, CPU ms per request, failed requests, the share the host took."""
    before, (total, stolen) = cpu_seconds(server.pid), machine_time()
    done = subprocess.run(["wrk", "-t1", "-c2", f"-d{seconds}s", "--latency", "-s", str(LUA), address], capture_output=True, text=True, check=True, env={**os.environ, "PAUSE_MS": str(pause)})
    now = machine_time()
    steal = (now[1] - stolen) / max(now[0] - total, 1)
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "cpu": cpu_seconds(server.pid) - before, "steal": steal}


def run(options, emit):
    if shutil.which("wrk") is None:
        raise SystemExit("recommend needs wrk: apt-get install wrk")
    measure.build()
    server, address = start(home())
    try:
        least, most = candidates(address)
        load(server, address, 2, 0)
        seconds = 5 if options.quick else 10
        loads = {name: (lambda p=pause: load(server, address, seconds, p)) for name, pause in (("full", 0), ("paced", 1))}
        results = measure.alternate(loads, 2 if options.quick else 5)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)
    for name, rounds in results.items():
        more = {"candidates": [least, most], "failed": sum(r["failed"] for r in rounds), "load_average": os.getloadavg()[0]}
        emit(measure.line("recommend", f"{name}: requests", "requests/s", [r["rate"] for r in rounds], "target 500", [500], **more))
        emit(measure.line("recommend", f"{name}: p50", "ms", [r["p50"] for r in rounds], None, None))
        emit(measure.line("recommend", f"{name}: p99", "ms", [r["p99"] for r in rounds], "target 5", [5], higher_is_better=False,
                          by_round=[round(r["p99"], 2) for r in rounds], steal=[round(r["steal"], 3) for r in rounds]))
        emit(measure.line("recommend", f"{name}: server CPU", "ms/request", [1000 * r["cpu"] / r["requests"] for r in rounds], None, None))
