"""Makes the data of `ials`, `ease` and `item2vec` from a seed: users with tastes among items of Zipf's popularity.

    python3 matrix_data.py FOLDER USERS ITEMS EVENTS
pairs.bin: (user, item) once each, u32; sentences.bin: per user the number of his items, then his items, u32.
"""

import pathlib
import sys

import numpy as np

folder, users, items, events = pathlib.Path(sys.argv[1]), *map(int, sys.argv[2:5])
rng = np.random.default_rng(1)
GROUPS = 40
popularity = 1 / np.arange(1, items + 1) ** 0.8
popularity /= popularity.sum()
order = rng.permutation(items)
group = rng.integers(0, GROUPS, items)
taste = rng.integers(0, GROUPS, (users, 3))
length = np.maximum(2, rng.lognormal(np.log(events / users) - 0.5, 1.0, users)).astype(int)
members = [np.flatnonzero(group == g) for g in range(GROUPS)]
weights = [popularity[m] / popularity[m].sum() for m in members]
sentences, pairs = [], []
for user in range(users):
    n, own = length[user], taste[user]
    parts = [rng.choice(members[g], k, p=weights[g]) for g, k in zip(own, rng.multinomial(int(n * 0.7), [1 / 3] * 3))]
    mixed = np.concatenate([rng.permutation(p) for p in parts] + [rng.choice(items, n - int(n * 0.7), p=popularity)])
    blocks = np.array_split(mixed, max(1, len(mixed) // 8))
    sentence = order[np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])]
    sentences += [len(sentence), *sentence.tolist()]
    met = np.unique(sentence)
    pairs.append(np.stack([np.full(len(met), user), met], 1))
folder.mkdir(parents=True, exist_ok=True)
np.concatenate(pairs).astype("<u4").tofile(folder / "pairs.bin")
np.array(sentences, dtype="<u4").tofile(folder / "sentences.bin")
np.savez(folder / "groups.npz", item=order, group=group)
(folder / "about.txt").write_text(f"{users} users, {items} items, {sum(len(p) for p in pairs)} pairs, {int(length.sum())} events, seed 1")
