"""Makes matrix.json: iALS, BPR, EASE and ItemKNN of a small matrix by numpy alone, from the papers' formulas.

    python3 crates/train/tests/golden/matrix.py > crates/train/tests/golden/matrix.json
"""

import json

import numpy as np

rng = np.random.default_rng(7)
USERS, ITEMS = 23, 11
X = (rng.random((USERS, ITEMS)) < 0.3).astype(float)
X[np.arange(USERS), rng.integers(0, ITEMS, USERS)] = 1.0
X[rng.integers(0, USERS, ITEMS), np.arange(ITEMS)] = 1.0
W = X * np.round(0.5 + 1.5 * rng.random((USERS, ITEMS)), 2)
events = [[int(u), int(i), float(W[u, i])] for u, i in zip(*np.nonzero(X))]
W = W.astype(np.float32).astype(float)  # the weights of samples are f32


def ials(dim=4, a0=0.1, reg=0.05, nu=0.8, sweeps=3):
    P, Q = rng.normal(0, 0.1, (USERS, dim)), rng.normal(0, 0.1, (ITEMS, dim))
    first = P.copy(), Q.copy()
    n_u = (X.sum(1) + a0 * ITEMS) ** nu
    n_i = (X.sum(0) + a0 * USERS) ** nu
    for _ in range(sweeps):
        for u in range(USERS):
            A = a0 * Q.T @ Q + reg * n_u[u] * np.eye(dim) + (Q.T * W[u]) @ Q
            P[u] = np.linalg.solve(A, Q.T @ W[u])
        for i in range(ITEMS):
            A = a0 * P.T @ P + reg * n_i[i] * np.eye(dim) + (P.T * W[:, i]) @ P
            Q[i] = np.linalg.solve(A, P.T @ W[:, i])
    S = P @ Q.T
    loss = (W * (S - 1) ** 2).sum() + a0 * (S ** 2).sum() + reg * ((n_u * (P ** 2).sum(1)).sum() + (n_i * (Q ** 2).sum(1)).sum())
    return {"first_users": first[0].tolist(), "first_items": first[1].tolist(), "users": P.tolist(), "items": Q.tolist(),
            "loss": loss / X.sum()}


def bpr(dim=3, lr=0.1, reg=0.02, steps=40):
    P, Q, b = rng.normal(0, 1, (5, dim)), rng.normal(0, 1, (6, dim)), rng.normal(0, 1, 6)
    out = {"first_users": P.tolist(), "first_items": Q.tolist(), "first_biases": b.tolist(), "triples": []}
    loss = 0.0
    for _ in range(steps):
        u, (i, j) = int(rng.integers(5)), rng.choice(6, 2, replace=False).tolist()
        out["triples"].append([u, i, j])
        x = P[u] @ (Q[i] - Q[j]) + b[i] - b[j]
        g = 1 / (1 + np.exp(x))
        loss += np.log1p(np.exp(-x))
        p, q, r = P[u].copy(), Q[i].copy(), Q[j].copy()
        P[u] += lr * (g * (q - r) - reg * p)
        Q[i] += lr * (g * p - reg * q)
        Q[j] += lr * (-g * p - reg * r)
        b[i] += lr * (g - reg * b[i])
        b[j] += lr * (-g - reg * b[j])
    return out | {"users": P.tolist(), "items": Q.tolist(), "biases": b.tolist(), "loss": loss}


def ease(reg=2.5):
    P = np.linalg.inv(X.T @ X + reg * np.eye(ITEMS))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0)
    return B.tolist()


def itemknn(shrink=3.0):
    both = X.T @ X
    norm = np.sqrt(np.diag(both))
    S = both / (np.outer(norm, norm) + shrink)
    np.fill_diagonal(S, 0)
    return S.tolist()


print(json.dumps({"events": events, "ials": ials(), "bpr": bpr(), "ease": ease(), "itemknn": itemknn()}))
