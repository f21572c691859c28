"""implicit's ALS on pairs.bin: CPU seconds of the sweeps, and the loss that both minimise.

    OPENBLAS_NUM_THREADS=1 python3 ials_implicit.py FOLDER DIM REG SWEEPS [THREADS]
"""

import json
import pathlib
import sys
import time

import numpy as np
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares

folder, dim, reg, sweeps = pathlib.Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
threads = int(sys.argv[5]) if len(sys.argv) > 5 else 1
pairs = np.fromfile(folder / "pairs.bin", dtype="<u4").reshape(-1, 2)
# an observed pair weighs 2, every other 1: confidence 2 here, unobserved + 1 there
X = sp.csr_matrix((np.full(len(pairs), 2, dtype=np.float32), (pairs[:, 0], pairs[:, 1])))
model = AlternatingLeastSquares(factors=dim, regularization=reg, alpha=1.0, dtype=np.float32, use_native=True, use_cg=True,
                                iterations=sweeps, calculate_training_loss=False, num_threads=threads, random_state=1)
model.fit(X[:100], show_progress=False)
model = AlternatingLeastSquares(factors=dim, regularization=reg, alpha=1.0, dtype=np.float32, use_native=True, use_cg=True,
                                iterations=sweeps, calculate_training_loss=False, num_threads=threads, random_state=1)
cpu, wall = time.process_time(), time.perf_counter()
model.fit(X, show_progress=False)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
P, Q = model.user_factors.astype(float), model.item_factors.astype(float)
s = np.einsum("ij,ij->i", P[pairs[:, 0]], Q[pairs[:, 1]])
loss = (2 * (s - 1) ** 2 - s ** 2).sum() + ((P.T @ P) * (Q.T @ Q)).sum() + reg * ((P ** 2).sum() + (Q ** 2).sum())
print(json.dumps({"cpu": cpu, "wall": wall, "loss": loss}))
