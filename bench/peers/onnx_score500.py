"""onnxruntime on the weights and inputs that `score500` wrote: python onnx_score500.py FOLDER CALLS. Prints one JSON line.

Two graphs, a Gather per table and one Gather of all tables stacked; the faster one counts.
"""

import json
import pathlib
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

CANDIDATES, IDS, NUMBERS, DIM, VALUES = 500, 20, 10, 16, 10_000


def read(folder, name, *shape):
    return np.fromfile(folder / f"{name}.f32", dtype="<f4").reshape(shape)


def stacked(tables):
    """One Gather: each slot's ids are moved to its table's rows."""
    weights = [numpy_helper.from_array(np.ascontiguousarray(tables.reshape(-1, DIM)), "tables"),
               numpy_helper.from_array(np.arange(IDS, dtype=np.int64) * VALUES, "first"),
               numpy_helper.from_array(np.array([-1, IDS * DIM], dtype=np.int64), "wide")]
    nodes = [helper.make_node("Add", ["ids", "first"], ["rows"]), helper.make_node("Gather", ["tables", "rows"], ["cube"]),
             helper.make_node("Reshape", ["cube", "wide"], ["e"]), helper.make_node("Concat", ["e", "numbers"], ["x0"], axis=1)]
    return weights, nodes


def apart(tables):
    """A Gather per table."""
    weights = [numpy_helper.from_array(np.ascontiguousarray(tables[i]), f"t{i}") for i in range(IDS)]
    nodes = [helper.make_node("Split", ["ids"], [f"id{i}" for i in range(IDS)], axis=1, num_outputs=IDS)]
    shape = numpy_helper.from_array(np.array([-1, DIM], dtype=np.int64), "row")
    for i in range(IDS):
        nodes.append(helper.make_node("Gather", [f"t{i}", f"id{i}"], [f"g{i}"]))
        nodes.append(helper.make_node("Reshape", [f"g{i}", "row"], [f"e{i}"]))
    # order of our first layer: the slots' columns in order, then the numbers
    nodes.append(helper.make_node("Concat", [f"e{i}" for i in range(IDS)] + ["numbers"], ["x0"], axis=1))
    return weights + [shape], nodes


def model(folder, first):
    weights, nodes = first(read(folder, "tables", IDS, VALUES, DIM))
    x = "x0"
    for i, (name, inputs, outputs, f) in enumerate([("hidden.0", IDS * DIM + NUMBERS, 128, "Relu"), ("hidden.1", 128, 64, "Relu"),
                                                    ("output", 64, 1, "Sigmoid")]):
        weights.append(numpy_helper.from_array(read(folder, f"{name}.weight", inputs, outputs), f"w{i}"))
        weights.append(numpy_helper.from_array(read(folder, f"{name}.bias", outputs), f"b{i}"))
        nodes.append(helper.make_node("Gemm", [x, f"w{i}", f"b{i}"], [f"y{i}"]))
        nodes.append(helper.make_node(f, [f"y{i}"], [f"x{i + 1}"]))
        x = f"x{i + 1}"
    graph = helper.make_graph(nodes, "score500",
                              [helper.make_tensor_value_info("ids", TensorProto.INT64, [CANDIDATES, IDS]),
                               helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [CANDIDATES, NUMBERS])],
                              [helper.make_tensor_value_info(x, TensorProto.FLOAT, [CANDIDATES, 1])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def time_of(folder, calls, first):
    """Median microseconds of a call, and the largest difference to our scores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model(folder, first).SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = {"ids": read(folder, "ids", CANDIDATES, IDS).astype(np.int64), "numbers": read(folder, "numbers", CANDIDATES, NUMBERS)}
    scores = session.run(None, feed)[0].reshape(-1)
    different = float(np.abs(scores - read(folder, "scores", CANDIDATES)).max())
    assert different < 1e-5, f"scores differ by {different}"
    # buffers are bound once, as ours are reused
    binding = session.io_binding()
    for name, array in feed.items():
        binding.bind_cpu_input(name, array)
    binding.bind_output(session.get_outputs()[0].name)
    for _ in range(calls // 10 + 1):
        session.run_with_iobinding(binding)
    times = []
    for _ in range(calls):
        begun = time.perf_counter()
        session.run_with_iobinding(binding)
        times.append((time.perf_counter() - begun) * 1e6)
    return sorted(times)[calls // 2], different


def main(folder, calls):
    graphs = {first.__name__: time_of(folder, calls, first) for first in (apart, stacked)}
    graph = min(graphs, key=lambda name: graphs[name][0])
    us, different = graphs[graph]
    print(json.dumps({"us": us, "graph": graph, "graphs": {name: took for name, (took, _) in graphs.items()}, "different": different,
                      "version": ort.__version__}))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))
