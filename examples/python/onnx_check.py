"""Checks every NAME.onnx of a folder and scores NAME.golden.json (or NAME.json) with it; outputs must be within 1e-5 of those there.

usage: onnx_check.py FOLDER
The case: {"inputs": [{"name", "shape", "data"}], "outputs": {name: [scores]}}
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

TYPES = {"tensor(int64)": np.int64, "tensor(float)": np.float32}

files = sorted(Path(sys.argv[1]).glob("*.onnx"))
for file in files:
    onnx.checker.check_model(onnx.load(file), full_check=True)
    case = json.loads(next(file.parent.glob(f"{file.stem}.*json")).read_text())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    types = {given.name: TYPES[given.type] for given in session.get_inputs()}
    feed = {
        given["name"]: np.array(given["data"], types[given["name"]]).reshape(given["shape"])
        for given in case["inputs"]
    }
    names = [output.name for output in session.get_outputs()]
    assert sorted(names) == sorted(case["outputs"]), (file.name, names)
    worst = 0.0
    for name, got in zip(names, session.run(names, feed)):
        expected = np.array(case["outputs"][name], np.float32)
        assert got.shape == expected.shape, (file.name, got.shape, expected.shape)
        worst = max(worst, float(np.abs(got - expected).max()))
    print(f"{file.stem}\t{worst:.2e}")
    assert worst <= 1e-5, f"{file.name}: {worst}"
assert files, "no files"
