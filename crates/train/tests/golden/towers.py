"""Writes ../data/golden_towers.json with PyTorch: towers of every combination, and every objective over a batch.

Run: python3 crates/train/tests/golden/towers.py   (needs torch; f64 throughout)
"""

import json
import pathlib

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
F = torch.nn.functional


def rounded(t):
    return torch.round(torch.randn(*t) * 100) / 100


def towers(combine, temperature, last, senet):
    users, items, labels = rounded((5, 4)), rounded((5, 4)), torch.tensor([1.0, 0.0, 1.0, 0.25, 0.0])
    p = {}
    for side in ("user", "item"):
        p[f"{side}.0.weight"], p[f"{side}.0.bias"] = rounded((4, 3)), rounded((3,))
    if senet:
        p["user.squeeze.weight"], p["user.squeeze.bias"] = rounded((2, 1)), rounded((1,))
        p["user.excite.weight"], p["user.excite.bias"] = rounded((1, 2)), rounded((2,))
    p["context.0.bias"] = rounded((1,))
    if combine in ("product", "concat"):
        p["combine.weight"] = rounded((3 if combine == "product" else 6,))
    for t in p.values():
        t.requires_grad_()
    x = users
    if senet:  # two fields: the first three numbers and the last one
        z = torch.stack([x[:, :3].mean(1), x[:, 3]], 1)
        s = torch.sigmoid(torch.relu(z @ p["user.squeeze.weight"] + p["user.squeeze.bias"])
                          @ p["user.excite.weight"] + p["user.excite.bias"])
        x = torch.cat([x[:, :3] * s[:, :1], x[:, 3:] * s[:, 1:]], 1)
    act = {"relu": torch.relu, "linear": lambda v: v, "tanh": torch.tanh}[last]
    u = act(x @ p["user.0.weight"] + p["user.0.bias"])
    i = act(items @ p["item.0.weight"] + p["item.0.bias"])
    number = {
        "dot": lambda: (u * i).sum(1),
        "cosine": lambda: F.cosine_similarity(u, i, dim=1, eps=1e-12),
        "product": lambda: (u * i) @ p["combine.weight"],
        "concat": lambda: torch.cat([u, i], 1) @ p["combine.weight"],
    }[combine]()
    logits = number / temperature + p["context.0.bias"]
    loss = F.binary_cross_entropy_with_logits(logits, labels)
    loss.backward()
    return {
        "combine": combine, "temperature": temperature, "last": last, "senet": senet,
        "users": users.tolist(), "items": items.tolist(), "labels": labels.tolist(),
        "params": {k: {"shape": list(v.shape), "data": v.detach().flatten().tolist()} for k, v in p.items()},
        "logits": logits.tolist(), "loss": loss.item(),
        "grads": {k: v.grad.flatten().tolist() for k, v in p.items()},
    }


def objective(kind, hard, hits, logq):
    own, drawn, dim = 6, 4, 3
    q, k = rounded((own, dim)).requires_grad_(), rounded((own + drawn, dim)).requires_grad_()
    labels = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0, 1.0])
    weights = torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0, 1.0])
    users, items = [1, 2, 1, 1, 3, 2], [10, 11, 12, 13, 10, 14, 13, 20, 11, 21]
    corrections = rounded((own + drawn,)) if logq else torch.zeros(own + drawn)
    first = 0 if kind == "inbatch" else own
    loss, total = 0.0, (labels * weights).sum()
    for b in range(own):
        if labels[b] == 0:
            continue
        liked = {items[c] for c in range(own) if users[c] == users[b] and labels[c] > 0} if hits else set()
        keep = [j for j in range(first, own + drawn) if items[j] != items[b] and items[j] not in liked]
        scores = k[keep] @ q[b] - corrections[keep]
        positive = k[b] @ q[b] - corrections[b]
        if hard:
            scores = scores.topk(min(hard, len(keep))).values
        if kind in ("inbatch", "sampled"):
            one = F.cross_entropy(torch.cat([positive[None], scores])[None], torch.tensor([0]))
        elif kind == "bpr":
            one = F.softplus(scores - positive).mean()
        else:
            one = torch.relu(0.5 + scores - positive).mean()
        loss = loss + weights[b] * labels[b] * one
    loss = loss / total
    loss.backward()
    return {
        "kind": kind, "hard": hard, "hits": hits, "users": users, "items": items, "labels": labels.tolist(),
        "weights": weights.tolist(), "queries": q.flatten().tolist(), "keys": k.flatten().tolist(),
        "corrections": corrections.tolist(), "loss": loss.item(),
        "to_queries": q.grad.flatten().tolist(), "to_keys": k.grad.flatten().tolist(),
    }


golden = {
    "torch": torch.__version__,
    "towers": [towers(c, t, last, senet) for c, t, last, senet in [
        ("dot", 1.0, "linear", False), ("dot", 0.5, "tanh", True), ("cosine", 0.1, "linear", False),
        ("product", 1.0, "relu", False), ("product", 2.0, "linear", True), ("concat", 1.0, "relu", False)]],
    "objectives": [objective(*o) for o in [
        ("inbatch", None, True, True), ("inbatch", 2, False, False), ("sampled", None, True, True),
        ("sampled", 2, True, True), ("bpr", None, True, False), ("bpr", 1, False, False), ("hinge", None, True, False)]],
}
out = pathlib.Path(__file__).resolve().parent.parent / "data" / "golden_towers.json"
out.write_text(json.dumps(golden) + "\n")
