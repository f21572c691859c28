"""PyTorch peer of the bench dropoutnet: the same towers and loss, fused Adam, one thread; prints one JSON line."""

import json
import sys
import time

import numpy
import torch

folder, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(1)


def tower():
    return torch.nn.Sequential(torch.nn.Linear(769, 128), torch.nn.ReLU(), torch.nn.Linear(128, 64))


def side(name):
    return [torch.from_numpy(numpy.load(f"{folder}/{name}-{part}.npy")) for part in ("content", "preference")]


def embed(net, parts, ids):
    kept = (torch.rand(len(ids), 1) >= 0.5).float()
    x = torch.cat([parts[0][ids], parts[1][ids] * kept, kept], 1)
    return torch.nn.functional.normalize(net(x), dim=1)


pairs = torch.from_numpy(numpy.load(f"{folder}/pairs.npy"))
users, items = side("user"), side("item")
nets = torch.nn.ModuleList([tower(), tower()])
adam = torch.optim.Adam(nets.parameters(), lr=1e-3, fused=True)
cpu = time.process_time()
for _ in range(epochs):
    order, total = torch.randperm(len(pairs)), 0.0
    for start in range(0, len(pairs), batch):
        rows = pairs[order[start:start + batch]]
        u, i = embed(nets[0], users, rows[:, 0]), embed(nets[1], items, rows[:, 1])
        same = (rows[:, 1][None] == rows[:, 1][:, None]) & ~torch.eye(len(rows), dtype=torch.bool)
        scores = (u @ i.T / 0.1).masked_fill(same, float("-inf"))
        loss = torch.nn.functional.cross_entropy(scores, torch.arange(len(rows)))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        adam.step()
        total += loss.item() * len(rows)
cpu = time.process_time() - cpu
print(json.dumps({"rate": len(pairs) * epochs / cpu, "loss": total / len(pairs), "version": torch.__version__}))
