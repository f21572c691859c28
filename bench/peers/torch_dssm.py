"""PyTorch peer of the bench dssm: fused Adam, one thread, arrays in memory; prints one JSON line."""

import json
import sys
import time

import numpy
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.user, self.item, self.top = torch.nn.Linear(128, 64), torch.nn.Linear(128, 64), torch.nn.Linear(64, 1)

    def forward(self, x):
        return self.top(torch.relu(self.user(x[:, :128])) * torch.relu(self.item(x[:, 128:])))[:, 0]


folder, batch, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(1)
torch.manual_seed(1)
train, valid = (torch.from_numpy(numpy.load(f"{folder}/{name}.npy")) for name in ("train", "valid"))
net, loss = Net(), torch.nn.BCEWithLogitsLoss()
adam = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
cpu = time.process_time()
for _ in range(epochs):
    order, total, right = torch.randperm(len(train)), 0.0, 0
    for start in range(0, len(train), batch):
        rows = train[order[start:start + batch]]
        x, y = rows[:, 1:], rows[:, 0]
        logits = net(x)
        value = loss(logits, y)
        adam.zero_grad(set_to_none=True)
        value.backward()
        adam.step()
        total += value.item() * len(rows)
        right += ((logits > 0) == (y > 0.5)).sum().item()
    with torch.no_grad():
        judged = loss(net(valid[:, 1:]), valid[:, 0]).item()
cpu = time.process_time() - cpu
print(json.dumps({"rate": len(train) * epochs / cpu, "loss": judged, "version": torch.__version__}))
