"""What serve-ctr-cvr and reload share: a home with two models, a server on one core, the load generator on the other."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import bench_recommend
import measure

PACKAGES = ["grpcio==1.85.1", "grpcio-tools==1.85.1", "xxhash"]
ITEMS = 300
MODELS = {"ctr": "widedeep", "cvr": "embeddingmlp"}


def home():
    """A copy of the demo's home with version 1 of both models alone, made anew for each run."""
    where = measure.WORK / "ctr-cvr-home"
    shutil.rmtree(where, ignore_errors=True)
    demo = bench_recommend.home()
    shutil.copytree(demo, where, ignore=shutil.ignore_patterns("logs", "models", "features", ".prepare.lock"))
    for model in MODELS.values():
        shutil.copytree(demo / "models" / model / "1", where / "models" / model / "1")
    return where


def films(where):
    """The ids of the bundled films, in a file."""
    path = where / "films.json"
    with open(measure.ROOT / "data" / "movielens-small" / "movies.csv") as file:
        path.write_text(json.dumps([int(row["movieId"]) for row in csv.DictReader(file)]))
    return path


class Bench:
    """A server and a load generator, each on a core of its own where there are two."""

    def __init__(self):
        cores = sorted(os.sched_getaffinity(0))
        self.cores = (cores[0], cores[1] if len(cores) > 1 else cores[0])
        self.home = home()
        models = ", ".join(f'{{ name = "{name}", path = "{path}" }}' for name, path in MODELS.items())
        config = self.home / "server.toml"
        config.write_text(f'threads = 1\ndefault_model = "ctr"\nmodel = [{models}]\n')
        command = [str(measure.BINARY), "--home", str(self.home), "serve", "--config", str(config), "--site", "", "--rest", "127.0.0.1:0", "--listen-grpc", "127.0.0.1:0"]
        self.server = subprocess.Popen(["taskset", "-c", str(self.cores[0]), *command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = self.listen()
        # what else this process does stays off the server's core
        os.sched_setaffinity(0, {self.cores[1]})
        python = measure.python(PACKAGES)
        load = [str(python), str(measure.ROOT / "bench" / "peers" / "predict_load.py"), "--address", address, "--films", str(films(self.home)), "--items", str(ITEMS), "--core", str(self.cores[1])]
        self.load = subprocess.Popen(load, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions = dict.fromkeys(MODELS, 1)
        self.run("closed", "kept", seconds=2, workers=4)

    def listen(self):
        address = None
        for text in self.server.stdout:
            found = re.search(r"http://(127\.0\.0\.1:\d+)", text)
            if text.startswith("grpc") and found:
                address = found.group(1)
            if text.startswith("Ctrl-C"):
                threading.Thread(target=self.server.stdout.read, daemon=True).start()
                return address
        raise SystemExit("the server ended before it said where it listens")

    def say(self, job):
        self.load.stdin.write(json.dumps(job) + "\n")
        self.load.stdin.flush()

    def run(self, loop, items, **job):
        """One run of the generator; the server's CPU seconds and most anonymous memory beside it."""
        before, memory, done = bench_recommend.cpu_seconds(self.server.pid), [], threading.Event()
        watch = threading.Thread(target=self.watch, args=(memory, done))
        watch.start()
        self.say({"loop": loop, "items": items, **job})
        text = self.load.stdout.readline()
        done.set()
        watch.join()
        if not text:
            raise SystemExit("the load generator ended")
        cpu = bench_recommend.cpu_seconds(self.server.pid) - before
        return {**json.loads(text), "cpu": cpu, "anonymous": max(memory), "typical": sorted(memory)[len(memory) // 2]}

    def watch(self, memory, done):
        while True:
            status = open(f"/proc/{self.server.pid}/status").read()
            memory.append(int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) / 1024)
            if done.wait(0.05):
                return

    def prepare(self, name, count):
        """Makes the next versions of a model in a folder beside it, so that publishing is the rename alone."""
        folder, version = self.home / "models" / MODELS[name], self.versions[name]
        script = measure.ROOT / "bench" / "peers" / "next_versions.py"
        command = [measure.python(PACKAGES), script, folder / str(version), self.home / "next" / name, version + 1, count]
        measure.last_json(command)

    def publish(self, name):
        """Renames a prepared version into place; the one before the last goes, so that a long run needs little room."""
        folder, version = self.home / "models" / MODELS[name], self.versions[name]
        self.versions[name] = version + 1
        self.say({"await": name, "version": version + 1})
        (self.home / "next" / name / str(version + 1)).rename(folder / str(version + 1))
        if version > 1:
            shutil.rmtree(folder / str(version - 1), ignore_errors=True)

    def close(self):
        self.load.stdin.close()
        self.load.wait(20)
        self.server.send_signal(signal.SIGINT)
        self.server.wait(20)
        os.sched_setaffinity(0, set(self.cores))

    def capacity(self, items, seconds):
        """Requests per second of four callers that wait for their answers, and the share of its core that the server used:
        much less than 1 means that the generator was the limit."""
        done = self.run("closed", items, seconds=seconds, workers=4)
        return done["rate"], done["cpu"] / seconds

    def loaded(self, items, seconds, share):
        """An open loop at a share of what four callers could ask just before."""
        return self.run("open", items, seconds=seconds, rate=share * self.capacity(items, 2)[0])


def opened(run):
    """Runs a benchmark on a Bench and ends it whatever happens."""
    measure.build()
    bench = Bench()
    try:
        run(bench)
    finally:
        bench.close()


def sleep_until(moment):
    time.sleep(max(0, moment - time.perf_counter()))
