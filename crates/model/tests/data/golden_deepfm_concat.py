"""Writes golden_deepfm_concat.json: DeepFM whose chosen dot products stand beside the hidden layer's outputs before one Dense(1),
computed by PyTorch in f64. Four fields of seven values; first-order weights are a dense layer over one-hot inputs.

    python crates/model/tests/data/golden_deepfm_concat.py > crates/model/tests/data/golden_deepfm_concat.json
"""

import json

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(11)
FIELDS, VALUES, DIM, HIDDEN = 4, 7, 3, 6
PAIRS = [(0, 2), (1, 3), (2, 3)]
X = torch.randint(0, VALUES, (6, FIELDS))
params = {
    "w": torch.randn(FIELDS, VALUES),
    "v": torch.randn(FIELDS, VALUES, DIM),
    "W1": torch.randn(3 * DIM, HIDDEN),
    "b1": torch.randn(HIDDEN),
    "W2": torch.randn(HIDDEN + len(PAIRS), 1),
    "b": torch.randn(1),
}
vectors = [params["v"][f][X[:, f]] for f in range(FIELDS)]
one_hot = torch.cat([torch.nn.functional.one_hot(X[:, f], VALUES).double() for f in range(FIELDS)], 1)
dots = torch.stack([(vectors[a] * vectors[b]).sum(1) for a, b in PAIRS], 1)
deep = torch.relu(torch.cat(vectors[:3], 1) @ params["W1"] + params["b1"])
inputs = torch.cat([one_hot, deep, dots], 1)
weight = torch.cat([params["w"].flatten()[:, None], params["W2"]])
logit = (inputs @ weight + params["b"]).flatten()
print(json.dumps({"X": X.tolist(), "params": {k: v.tolist() for k, v in params.items()},
                  "logit": logit.tolist(), "prob": torch.sigmoid(logit).tolist()}))
