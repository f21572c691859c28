"""PyTorch peer of train-tabular: the same two models, sparse embeddings with SparseAdam (lazy, as ours), Adam elsewhere.

Prints one JSON line: samples per CPU-second of the training loop, and the test ROC-AUC.
"""

import json
import sys
import time

import torch
from sklearn.metrics import roc_auc_score

import tabular_data


class Net(torch.nn.Module):
    def __init__(self, kind, sizes):
        super().__init__()
        self.kind = kind
        self.user = torch.nn.Embedding(sizes["user"], 10, sparse=True)
        self.movie = torch.nn.Embedding(sizes["movie"], 10, sparse=True)
        self.genre = torch.nn.Embedding(sizes["genre"], 10, sparse=True) if kind == "embeddingmlp" else None
        for table in (self.user, self.movie, self.genre):
            if table is not None:  # torch draws from N(0, 1); Keras from U(-.05, .05), which learns better here
                torch.nn.init.uniform_(table.weight, -0.05, 0.05)
        width, hidden = (20, 10) if kind == "neuralcf" else (107, 128)
        self.top = torch.nn.Sequential(torch.nn.Linear(width, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, hidden),
                                       torch.nn.ReLU(), torch.nn.Linear(hidden, 1))

    def forward(self, x):
        parts = [self.movie(x["movie"]), self.user(x["user"])]
        if self.genre is not None:
            parts += [self.genre(x["genres"]).flatten(1), x["numerics"]]
        return self.top(torch.cat(parts, 1))[:, 0]


def main():
    kind, train, test, batch, epochs = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    a, b, sizes = tabular_data.encode(tabular_data.read(train), tabular_data.read(test))
    a, b = ({k: torch.from_numpy(v) for k, v in part.items()} for part in (a, b))
    net = Net(kind, sizes)
    sparse = [p for n, p in net.named_parameters() if not n.startswith("top")]
    optimisers = [torch.optim.SparseAdam(sparse, lr=1e-3), torch.optim.Adam(net.top.parameters(), lr=1e-3, fused=True)]
    loss = torch.nn.BCEWithLogitsLoss()
    rows = len(a["label"])
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(epochs):
        order = torch.randperm(rows)
        for start in range(0, rows, batch):
            pick = order[start:start + batch]
            x = {k: v[pick] for k, v in a.items()}
            value = loss(net(x), x["label"])
            for o in optimisers:
                o.zero_grad(set_to_none=True)
            value.backward()
            for o in optimisers:
                o.step()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    with torch.no_grad():
        auc = roc_auc_score(b["label"].numpy(), net(b).numpy())
    print(json.dumps({"rate": rows * epochs / cpu, "wall_rate": rows * epochs / wall, "auc": float(auc), "version": torch.__version__}))


main()
