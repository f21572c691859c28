"""EASE as its paper has it, in NumPy with SciPy's sparse product: CPU seconds; the weights are compared with ours.

    OPENBLAS_NUM_THREADS=1 python3 ease_numpy.py FOLDER REG BITS [OURS]
"""

import json
import pathlib
import sys
import time

import numpy as np
import scipy.sparse as sp

folder, reg, bits = pathlib.Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
pairs = np.fromfile(folder / "pairs.bin", dtype="<u4").reshape(-1, 2)
kept, columns = np.unique(pairs[:, 1], return_inverse=True)
kind = np.float64 if bits == 64 else np.float32
X = sp.csr_matrix((np.ones(len(pairs), dtype=kind), (pairs[:, 0], columns)))
cpu, wall = time.process_time(), time.perf_counter()
G = np.asarray((X.T @ X).todense())
G[np.diag_indices(len(G))] += reg
P = np.linalg.inv(G)
B = P / (-np.diag(P))
B[np.diag_indices(len(B))] = 0
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
report = {"cpu": cpu, "wall": wall, "items": len(B)}
if len(sys.argv) > 4:
    # ours numbers items by their signs, which here are their numbers
    report["difference"] = float(np.abs(np.fromfile(sys.argv[4], dtype="<f4").reshape(B.shape) - B).max())
    report["greatest"] = float(np.abs(B).max())
print(json.dumps(report))
