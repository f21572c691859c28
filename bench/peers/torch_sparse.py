"""PyTorch peer of the bench sparse: sparse embeddings with SparseAdam, fused Adam for the layers; prints one JSON line."""

import json
import sys
import time

import numpy
import torch

folder, threads, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(1)


def load(name):
    with numpy.load(f"{folder}/{name}.npz") as part:
        return [torch.from_numpy(part[key]) for key in ("user", "item", "label")]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.user, self.item = torch.nn.Embedding(100_000, 16, sparse=True), torch.nn.Embedding(1_000_000, 16, sparse=True)
        for table in (self.user, self.item):
            torch.nn.init.uniform_(table.weight, -0.05, 0.05)
        self.top = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU(),
                                       torch.nn.Linear(32, 1))

    def forward(self, user, item):
        return self.top(torch.cat([self.user(user), self.item(item)], 1))[:, 0]


train, valid = load("train"), load("valid")
net, loss, batch, rows = Net(), torch.nn.BCEWithLogitsLoss(), 1024, len(train[0])
optimisers = [torch.optim.SparseAdam([net.user.weight, net.item.weight], lr=1e-3), torch.optim.Adam(net.top.parameters(), lr=1e-3, fused=True)]
cpu, wall = time.process_time(), time.perf_counter()
for _ in range(epochs):
    order, total = torch.randperm(rows), 0.0
    for start in range(0, rows, batch):
        user, item, label = (column[order[start:start + batch]] for column in train)
        value = loss(net(user, item), label)
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        value.backward()
        for optimiser in optimisers:
            optimiser.step()
        total += value.item() * len(label)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
with torch.no_grad():
    judged = loss(net(valid[0], valid[1]), valid[2]).item()
print(json.dumps({"rate": rows * epochs / cpu, "wall": rows * epochs / wall, "loss": judged, "version": torch.__version__}))
