"""Writes golden_layers.json: layers of graphs computed by PyTorch in f64, the reference of tests/layers.rs.

    python crates/model/tests/data/golden_layers.py > crates/model/tests/data/golden_layers.json
"""

import json

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
ROWS, CASES = 5, []


def draw(*shape):
    return torch.rand(*shape) * 2 - 1


def case(name, shape, sources, blocks, out):
    """Sources and value are rows × numbers; a block is its weight, inputs × outputs, and its bias or none."""
    block = lambda w, b: {"weight": w.flatten().tolist(), "bias": [] if b is None else b.flatten().tolist()}
    CASES.append({"layer": name, "shape": shape, "rows": ROWS, "from": [s.reshape(ROWS, -1).tolist() for s in sources],
                  "blocks": [block(*b) for b in blocks], "out": out.reshape(ROWS, -1).tolist()})


def sequence(dim, length):
    """Entries, zeros behind them, and how many there are; a row has none."""
    counts = torch.tensor([0, 1, length, 2, length - 1])
    entries = draw(ROWS, length, dim) * (torch.arange(length)[None, :, None] < counts[:, None, None])
    return entries, counts, torch.cat([entries.flatten(1), counts[:, None].double()], 1)


def crosses():
    x0, x = draw(ROWS, 4), draw(ROWS, 4)
    w, b = draw(4, 4), draw(4)
    case("cross", {"width": 4}, [x0, x], [(w, b)], x0 * (x @ w + b) + x)
    v, u = draw(4, 2), draw(2, 4)
    case("cross", {"width": 4, "rank": 2}, [x0, x], [(v, None), (u, b)], x0 * (x @ v @ u + b) + x)


def interact():
    fields, dim, heads, outputs = 3, 4, 2, 6
    x, (q, k, v, r) = draw(ROWS, fields, dim), [draw(dim, outputs) for _ in range(4)]
    split = lambda m: (x @ m).reshape(ROWS, fields, heads, -1).transpose(1, 2)
    weights = (split(q) @ split(k).transpose(2, 3)).softmax(3)
    seen = (weights @ split(v)).transpose(1, 2).reshape(ROWS, fields, outputs)
    shape = {"fields": fields, "dim": dim, "heads": heads, "outputs": outputs}
    case("interact", shape, [x], [(m, None) for m in (q, k, v, r)], F.relu(seen + x @ r))


def attention(softmax):
    dim, length, hidden = 3, 4, 5
    e, counts, s = sequence(dim, length)
    q, (w, b), (u, c) = draw(ROWS, dim), (draw(4 * dim, hidden), draw(hidden)), (draw(hidden, 1), draw(1))
    wide = q[:, None].expand_as(e)
    a = (torch.sigmoid(torch.cat([e, wide, e - wide, e * wide], 2) @ w + b) @ u + c)[..., 0]
    there = torch.arange(length)[None] < counts[:, None]
    a = a.masked_fill(~there, float("-inf")).softmax(1).nan_to_num() if softmax else a * there
    shape = {"dim": dim, "length": length, "hidden": hidden, "softmax": softmax}
    case("attention", shape, [q, s], [(w, b), (u, c)], (a[..., None] * e).sum(1))


def recurrent():
    dim, states, length = 3, 4, 4
    e, counts, s = sequence(dim, length)
    gru = nn.GRU(dim, states, batch_first=True)
    # PyTorch's gates stand as r, z, n; ours as z, r, n
    order = torch.cat([torch.arange(states, 2 * states), torch.arange(states), torch.arange(2 * states, 3 * states)])
    blocks = [(getattr(gru, f"weight_{k}_l0").detach()[order].T, getattr(gru, f"bias_{k}_l0").detach()[order]) for k in ("ih", "hh")]
    h = gru(e)[0].detach() * (torch.arange(length)[None, :, None] < counts[:, None, None])
    case("gru", {"dim": dim, "states": states, "length": length}, [s], blocks, torch.cat([h.flatten(1), counts[:, None].double()], 1))


def evolve():
    target, n, length = 3, 2, 4
    e, counts, s = sequence(n, length)
    q, a = draw(ROWS, target), draw(target, n)
    (w, b), (u, c) = (draw(n, 3 * n), draw(3 * n)), (draw(n, 3 * n), draw(3 * n))
    out = torch.zeros(ROWS, n)
    for i in range(ROWS):
        there = int(counts[i])
        weights = (e[i, :there] @ (q[i] @ a)).softmax(0)
        for t in range(there):
            x, y = e[i, t] @ w + b, out[i] @ u + c
            z, r = torch.sigmoid(x[:n] + y[:n]), torch.sigmoid(x[n:2 * n] + y[n:2 * n])
            new = torch.tanh(x[2 * n:] + r * y[2 * n:])
            z = weights[t] * z
            out[i] = (1 - z) * out[i] + z * new
    case("evolve", {"target": target, "states": n, "length": length}, [q, s], [(a, None), (w, b), (u, c)], out)


def mixture():
    experts, x, w = [draw(ROWS, 3) for _ in range(4)], draw(ROWS, 5), draw(5, 4)
    gates = (x @ w).softmax(1)
    out = sum(gates[:, k:k + 1] * expert for k, expert in enumerate(experts))
    case("mixture", {"experts": 4, "width": 3, "inputs": 5}, [*experts, x], [(w, None)], out)


def norms():
    x, (g, b), (mean, variance) = draw(ROWS, 4), (draw(4), draw(4)), (draw(4), draw(4).abs() + 0.1)
    case("batchnorm", {"width": 4}, [x], [(g, b), (mean, variance)], F.batch_norm(x, mean, variance, g, b, False))
    case("layernorm", {"width": 4}, [x], [(g, b)], F.layer_norm(x, (4,), g, b))
    case("prelu", {"width": 4}, [x], [(g, None)], torch.where(x > 0, x, g * x))
    case("gelu", {"width": 4}, [x], [], F.gelu(x, approximate="tanh"))
    p = torch.sigmoid(F.batch_norm(x, mean, variance))
    case("dice", {"width": 4}, [x], [(g, None), (mean, variance)], p * x + (1 - p) * g * x)


def sums():
    a, b = draw(ROWS, 1) * 6, draw(ROWS, 1) * 6
    case("both", {}, [a, b], [], torch.logit(torch.sigmoid(a) * torch.sigmoid(b)))
    vectors = [draw(ROWS, 3) for _ in range(4)]
    pairs = sum((vectors[i] * vectors[j]).sum(1) for i in range(4) for j in range(i))
    case("pairs", {"dim": 3}, vectors, [], pairs)


for make in (crosses, interact, lambda: attention(False), lambda: attention(True), recurrent, evolve, mixture, norms, sums):
    make()
print(json.dumps({"by": f"PyTorch {torch.__version__}, f64", "cases": CASES}, indent=0))
