#!/usr/bin/env python3
"""Scores films for a user over gRPC (rankine.v1.Predictor), several models in one request.

Needs grpcio and grpcio-tools; the stubs are made of the proto when the program starts, so they cannot be out of date:

    pip install grpcio grpcio-tools
    examples/python/predict.py [--address HOST:PORT] [--conf CONF] [--models NAME,NAME] USER FILM [FILM ...]
"""

import argparse
import importlib
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def stubs():
    """Messages and client, generated into a folder that lives as long as the program."""
    out = tempfile.TemporaryDirectory()
    files = [f"-I{PROTO}", f"--python_out={out.name}", f"--grpc_python_out={out.name}", "rankine/v1/predictor.proto"]
    if protoc.main(["protoc", *files]) != 0:
        raise SystemExit(f"no stubs could be made of {PROTO}")
    sys.path.insert(0, out.name)
    pb = importlib.import_module("rankine.v1.predictor_pb2")
    rpc = importlib.import_module("rankine.v1.predictor_pb2_grpc")
    pb.folder = out
    return pb, rpc


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1:8500")
    parser.add_argument("--conf", default="", help="conf the models were trained with; default: each model's own")
    parser.add_argument("--models", default="widedeep,embeddingmlp")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds")
    parser.add_argument("user", type=int)
    parser.add_argument("films", type=int, nargs="+", metavar="film")
    options = parser.parse_args()
    pb, rpc = stubs()
    request = pb.PredictRequest(
        user={"userId": pb.Value(int=options.user)},
        items=[pb.Item(id=film) for film in options.films],
        asks=[pb.Ask(conf=options.conf, models=options.models.split(","))],
    )
    with grpc.insecure_channel(options.address) as channel:
        try:
            answer = rpc.PredictorStub(channel).Predict(request, timeout=options.timeout)
        except grpc.RpcError as fault:
            raise SystemExit(f"{fault.code().name}: {fault.details()}")
    for conf in answer.confs:
        for model in conf.models:
            show(pb, model, options.films)


def show(pb, model, films):
    """A line per film: model, version, film, score or the reason why there is none."""
    if model.HasField("error"):
        print(f"{model.model}\t{pb.ModelFault.Name(model.error.fault)}\t{model.error.message}")
        return
    for film, score in zip(films, model.scores):
        shown = repr(score.value) if score.HasField("value") else f"{pb.Reason.Name(score.absent.reason)} {score.absent.message}"
        print(f"{model.model}\t{model.version}\t{film}\t{shown}")


if __name__ == "__main__":
    main()
