"""Writes ../data/golden_dropoutnet.json with PyTorch: towers with a preference that may be missing, and mixes of losses.

Run: python3 crates/train/tests/golden/dropoutnet.py   (needs torch; f64 throughout)
"""

import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(11)
F = torch.nn.functional
N = 6


def rounded(*t):
    return torch.round(torch.randn(*t) * 100) / 100


def case(mix, cosine, scale):
    # a side's input: content (2), preference (3), m
    content = {"user": rounded(N, 2), "item": rounded(N, 2)}
    preference = {"user": rounded(N, 3), "item": rounded(N, 3)}
    there = {"user": torch.tensor([1.0, 1, 0, 1, 0, 1]), "item": torch.tensor([1.0, 0, 1, 1, 1, 0])}
    # a preference of zeros is one all the same
    preference["user"][3] = 0.0
    labels = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 1.0])
    users, items = [1, 2, 3, 1, 2, 2], [10, 11, 12, 13, 10, 14]
    content["item"][4], preference["item"][4], there["item"][4] = content["item"][0], preference["item"][0], 1.0
    p = {}
    for side in ("user", "item"):
        p[f"{side}.0.weight"], p[f"{side}.0.bias"] = rounded(6, 4), rounded(4)
        p[f"{side}.1.weight"], p[f"{side}.1.bias"] = rounded(4, 3), rounded(3)
    p["context.0.bias"] = rounded(1)
    if scale:
        p["combine.weight"] = rounded(1)
    for t in p.values():
        t.requires_grad_()

    def tower(side):
        m = there[side][:, None]
        x = torch.cat([content[side], preference[side] * m, m], 1)
        x = torch.tanh(x @ p[f"{side}.0.weight"] + p[f"{side}.0.bias"])
        x = x @ p[f"{side}.1.weight"] + p[f"{side}.1.bias"]
        return F.normalize(x, dim=1) if cosine else x

    s = tower("user") @ tower("item").T
    own = s.diagonal()
    factor = p["combine.weight"] if scale else 1.0
    logits = factor * own + p["context.0.bias"]
    loss = 0.0
    if "regression" in mix:
        both = there["user"][:, None] * there["item"][None]
        error = (s - preference["user"] @ preference["item"].T) ** 2
        loss = loss + mix["regression"]["weight"] * (error * both).sum() / both.sum()
    if "sigmoid" in mix:
        loss = loss + mix["sigmoid"]["weight"] * F.binary_cross_entropy_with_logits(logits, labels)
    if "ranknet" in mix:
        gaps = [F.softplus(own[j] - own[i]) for i in range(N) for j in range(N) if labels[i] > labels[j]
                and (not mix["ranknet"].get("same_user") or users[i] == users[j])]
        loss = loss + mix["ranknet"]["weight"] * torch.stack(gaps).mean()
    if "softmax" in mix:
        m = {"margin": 0.0, "gamma": 1.0, "support": 1.0, "negatives": None, **mix["softmax"]}
        each = []
        for i in range(N):
            if labels[i] == 0:
                continue
            liked = {items[j] for j in range(N) if users[j] == users[i] and labels[j] > 0}
            keep = [j for j in range(N) if items[j] != items[i] and items[j] not in liked]
            negatives = s[i, keep]
            if m["negatives"]:
                negatives = negatives.topk(m["negatives"]).values
            positive = own[i] - m["margin"]
            negatives = torch.where(negatives > positive, negatives * m["support"] + m["support"] - 1, negatives)
            row = torch.cat([positive[None], negatives]) * m["gamma"]
            each.append(F.cross_entropy(row[None], torch.tensor([0])))
        loss = loss + m["weight"] * torch.stack(each).mean()
    loss.backward()
    return {
        "mix": mix, "cosine": cosine, "scale": scale, "users": users, "items": items, "labels": labels.tolist(),
        "content": {k: v.tolist() for k, v in content.items()},
        "preference": {k: v.tolist() for k, v in preference.items()},
        "there": {k: v.tolist() for k, v in there.items()},
        "params": {k: {"shape": list(v.shape), "data": v.detach().flatten().tolist()} for k, v in p.items()},
        "logits": logits.tolist(), "loss": loss.item(),
        "grads": {k: v.grad.flatten().tolist() for k, v in p.items() if v.grad is not None},
    }


cases = [
    case({"regression": {"weight": 1.0}}, False, False),
    case({"sigmoid": {"weight": 1.0}}, True, True),
    case({"ranknet": {"weight": 1.0}}, False, False),
    case({"ranknet": {"weight": 1.0, "same_user": True}}, True, False),
    case({"softmax": {"weight": 1.0}}, False, False),
    case({"softmax": {"weight": 1.0, "margin": 0.1, "gamma": 5.0, "support": 1.3, "negatives": 2}}, True, False),
    case({"regression": {"weight": 0.5}, "sigmoid": {"weight": 2.0}, "ranknet": {"weight": 0.25},
          "softmax": {"weight": 1.5, "margin": 0.2, "gamma": 2.0, "support": 1.1}}, True, True),
]
out = pathlib.Path(__file__).resolve().parent.parent / "data" / "golden_dropoutnet.json"
out.write_text(json.dumps({"torch": torch.__version__, "cases": cases}) + "\n")
