"""Scores rows with nothing but NumPy, from an artefact's weights.safetensors (kind embeddingmlp with relu and bce).

usage: numpy_score.py .rankine/models/embeddingmlp/1 features.jsonl
       (rankine extract --model embeddingmlp rows.jsonl --out features.jsonl)
"""

import json
import sys
import tomllib

import numpy as np
from safetensors.numpy import load_file

folder, features = sys.argv[1:]
t = load_file(f"{folder}/weights.safetensors")
model = tomllib.loads(json.load(open(f"{folder}/manifest.json"))["config"])


def pooled(table, signs, pooling="mean"):
    keys, rows = t[f"emb.{table}.keys"], t[f"emb.{table}.rows"]  # keys ascend; the last row is the missing row
    sign = np.array([int(sign) for sign, _ in signs], np.uint64)
    weight = np.array([weight for _, weight in signs], np.float32)
    if len(sign) == 0:
        return rows[-1]
    at = np.searchsorted(keys, sign)
    at[np.append(keys, 0)[at] != sign] = len(keys)
    total = weight.sum() if pooling == "mean" else 1
    return (weight / (total or 1)) @ rows[at]


for line in open(features):
    row = json.loads(line)
    x = [pooled(e["table"], row[f"s{s}"] or [], e.get("pooling", "mean")) for e in model["embedding"] for s in e["slots"]]
    x = np.concatenate(x + [np.array(row[f"s{s}"], np.float32) for s in model["dense"]["slots"]])
    for layer in range(len(model["hidden"])):
        x = np.maximum(x @ t[f"hidden.{layer}.weight"] + t[f"hidden.{layer}.bias"], 0)
    print(1 / (1 + np.exp(-(x @ t["output.weight"] + t["output.bias"])[0])))
