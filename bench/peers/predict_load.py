"""The load generator of serve-ctr-cvr and reload: open loop over gRPC, pinned to its own core.

Reads one JSON job a line from standard input, writes one JSON result a line. Requests leave at fixed times whatever the
answers do, and a latency counts from the time a request should have left, so that a stall costs all requests it delays.
Bodies are made once; every answer is decoded and looked through, after the run, or at once while a version is awaited.
"""

import argparse
import asyncio
import importlib
import json
import os
import pathlib
import random
import sys
import tempfile
import time

import grpc
from grpc_tools import protoc

ROOT = pathlib.Path(__file__).resolve().parents[2]


def stubs():
    out = tempfile.TemporaryDirectory()
    if protoc.main(["protoc", f"-I{ROOT / 'proto'}", f"--python_out={out.name}", "rankine/v1/predictor.proto"]) != 0:
        raise SystemExit("no stubs could be made")
    sys.path.insert(0, out.name)
    pb = importlib.import_module("rankine.v1.predictor_pb2")
    pb.folder = out
    return pb


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 if ordered else float("nan")


class Generator:
    def __init__(self, pb, options):
        self.pb = pb
        self.channels = [grpc.aio.insecure_channel(options.address, options=[("grpc.use_local_subchannel_pool", 1)]) for _ in range(2)]
        raw = [c.unary_unary("/rankine.v1.Predictor/Predict", request_serializer=None, response_deserializer=None) for c in self.channels]
        self.calls = raw
        draw = random.Random(1)
        films = json.load(open(options.films))
        kinds = {"kept": "", "computed": "movieAvgRating"}
        self.bodies = {kind: [self.body(draw, draw.sample(films, options.items), field) for _ in range(64)] for kind, field in kinds.items()}
        self.sent = self.bodies["kept"]
        self.items = options.items
        self.awaited = {}
        self.clear()

    def body(self, draw, films, override):
        """A user, the films by id, two models; with `override` each film gives that field, so nothing kept fits it."""
        pb = self.pb
        asks = [pb.Ask(conf="movielens", models=["ctr", "cvr"])]
        request = pb.PredictRequest(user={"userId": pb.Value(int=draw.randint(1, 671))}, asks=asks)
        if override:
            request.item_fields.append(override)
        for film in films:
            item = request.items.add(id=film)
            if override:
                item.values.append(pb.Value(float=round(draw.uniform(1, 5), 3)))
        return request.SerializeToString()

    async def one(self, number, due):
        try:
            answer = await self.calls[number % 2](self.sent[number % 64], timeout=10)
        except grpc.aio.AioRpcError as fault:
            return self.fail(fault.code().name)
        now = time.perf_counter()
        self.latencies.append(now - due)
        if self.awaited:
            self.check(answer, now)
        else:
            self.answers.append(answer)

    def fail(self, why):
        self.failed += 1
        if len(self.faults) < 5:
            self.faults.append(why)

    def check(self, answer, now):
        read = self.pb.PredictResponse.FromString(answer)
        models = read.confs[0].models
        for model in models:
            if model.HasField("error"):
                return self.fail(model.error.message)
            if len(model.scores) != self.items or not all(s.HasField("value") for s in model.scores):
                return self.fail(f"{model.model}: scores are missing")
            begin = self.awaited.get(model.model)
            if begin and model.version >= begin[0]:
                self.served.append(now - begin[1])
                del self.awaited[model.model]

    def clear(self):
        self.latencies, self.failed, self.faults, self.served, self.answers = [], 0, [], [], []

    def result(self, seconds):
        for answer in self.answers:
            self.check(answer, 0)
        self.answers = []
        ordered = sorted(self.latencies)
        return {"rate": len(ordered) / seconds, "failed": self.failed, "faults": self.faults, "requests": len(ordered) + self.failed,
                "p50": percentile(ordered, 0.5), "p99": percentile(ordered, 0.99), "p99.9": percentile(ordered, 0.999), "served": self.served}

    async def closed(self, seconds, workers):
        """As many requests as `workers` that wait for their answers can ask."""
        self.clear()
        begin = time.perf_counter()

        async def work(worker):
            number = worker
            while time.perf_counter() - begin < seconds:
                await self.one(number, time.perf_counter())
                number += workers

        await asyncio.gather(*(work(w) for w in range(workers)))
        return self.result(time.perf_counter() - begin)

    async def open(self, seconds, rate):
        """`rate` requests a second, evenly, whatever becomes of them."""
        self.clear()
        begin, number, under_way = time.perf_counter(), 0, set()
        while (due := begin + number / rate) < begin + seconds:
            wait = due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self.one(number, due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            number += 1
        if under_way:
            await asyncio.wait(under_way)
        return self.result(time.perf_counter() - begin)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--films", required=True)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--core", type=int)
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    generator = Generator(stubs(), options)
    events = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await events.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running = set()
    while line := await reader.readline():
        job = json.loads(line)
        if "await" in job:
            generator.awaited[job["await"]] = (job["version"], time.perf_counter())
            continue

        async def run(job=job):
            generator.sent = generator.bodies[job.pop("items")]
            loop = {"closed": generator.closed, "open": generator.open}[job.pop("loop")]
            print(json.dumps(await loop(**job)), flush=True)

        task = asyncio.create_task(run())
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


asyncio.run(main())
