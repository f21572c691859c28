"""The Complete Journey as our files: usage coldusers_data.py DATA OUT [FACTORS]; prints one JSON line.

Cold users, by this rule: the households with demographics in the order of their ids; of each five the fourth is of vali, the fifth of test, and
nothing they bought is learnt. Products are those that at least 20 learnt households bought. What a cold household bought on its first day is
what is known of it beside demographics ("acted"); relevant is what it bought in the 30 days after that and not on it.

Without FACTORS: the pairs to factorise. With the folder of their factors (users.npy, items.npy): the dictionaries and samples that
`confs/coldusers.feature.toml` reads, and the baselines' recall@100, the ridge's λ chosen on vali. Samples are at most 100 pairs of a learnt household;
in each fourth the household is somebody who came just now: its factors are left out and its first day stands for them.
"""

import json
import pathlib
import sys

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet

data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
K, LEAST, DAYS, MOST, LAMBDAS = 100, 20, 30, 100, [1.0, 10.0, 100.0, 1000.0]
FIELDS = ["age", "income", "home_ownership", "marital_status", "household_size", "household_comp", "kids_count"]
DAY = 24 * 3600


def columns(name, *fields):
    table = pyarrow.parquet.read_table(data / f"{name}.parquet", columns=list(fields))
    return [table[field].combine_chunks() for field in fields]


def whole(values):
    return values.cast(pyarrow.int64()).to_numpy(zero_copy_only=False)


households, bought, when = columns("transactions", "household_id", "product_id", "transaction_timestamp")
users, items = whole(households), whole(bought)
days = (pyarrow.compute.cast(when, pyarrow.timestamp("s")).cast(pyarrow.int64()).to_numpy(zero_copy_only=False)) // DAY
ids, *content = columns("demographics", "household_id", *FIELDS)
order = numpy.argsort(whole(ids))
known = whole(ids)[order]
content = {field: [values[int(at)].as_py() for at in order] for field, values in zip(FIELDS, content)}
parts = {"vali": known[3::5], "test": known[4::5]}
cold = numpy.concatenate([parts["vali"], parts["test"]])
learnt = ~numpy.isin(users, cold)
pairs = numpy.unique(numpy.stack([users[learnt], items[learnt]], 1), axis=0)
products, buyers = numpy.unique(pairs[:, 1], return_counts=True)
products, popularity = products[buyers >= LEAST], buyers[buyers >= LEAST].astype("f8")
kept = numpy.isin(items, products)
users, items, days = users[kept], numpy.searchsorted(products, items[kept]), days[kept]
pairs = pairs[numpy.isin(pairs[:, 1], products)]
pairs[:, 1] = numpy.searchsorted(products, pairs[:, 1])
everybody = numpy.unique(numpy.concatenate([pairs[:, 0], known]))
first = {}
for user in numpy.unique(users):
    own = users == user
    start = days[own].min()
    acted = numpy.unique(items[own & (days == start)])
    soon = numpy.unique(items[own & (days > start) & (days <= start + DAYS)])
    first[int(user)] = acted, numpy.setdiff1d(soon, acted)
asked = {part: [int(user) for user in members if user in first and len(first[int(user)][1]) > 0] for part, members in parts.items()}
out.mkdir(parents=True, exist_ok=True)
if len(sys.argv) == 3:
    (out / "pairs.csv").write_text("user,item,label\n" + "".join(f"{u},{i},1\n" for u, i in pairs))
    pyarrow.parquet.write_table(pyarrow.table({"user": numpy.unique(pairs[:, 0])}), out / "users.parquet")
    pyarrow.parquet.write_table(pyarrow.table({"item": numpy.arange(len(products))}), out / "items.parquet")
    print(json.dumps({"users": int(len(numpy.unique(pairs[:, 0]))), "items": len(products), "pairs": len(pairs), **{part: len(all) for part, all in asked.items()}}))
    sys.exit()


def lengths(x):
    return (x / numpy.maximum(numpy.linalg.norm(x, axis=1, keepdims=True), 1e-9)).astype("f4")


def vectors(x, there=None):
    rows = [row if there is None or there[at] else None for at, row in enumerate(x.astype("f4").tolist())]
    return pyarrow.array(rows, pyarrow.list_(pyarrow.float32(), x.shape[1]))


factors = {side: numpy.load(pathlib.Path(sys.argv[3]) / f"{side}.npy") for side in ("users", "items")}
factored = numpy.unique(pairs[:, 0])
words = sorted({(field, value) for field in FIELDS for value in content[field] if value is not None})
place = {word: at for at, word in enumerate(words)}
told_of = {int(user): [place[field, content[field][at]] for field in FIELDS if content[field][at] is not None] for at, user in enumerate(known)}
hot = numpy.zeros((len(everybody), len(words) + 1))
hot[:, -1] = 1
for row, user in enumerate(everybody):
    hot[row, told_of.get(int(user), [])] = 1
row_of = {int(user): row for row, user in enumerate(everybody)}


def recall(score, part):
    """Mean over cold users of the share of what is relevant among the first K of all products."""
    found = []
    for user in asked[part]:
        scores = numpy.array(score(user), dtype="f8")
        scores[first[user][0]] = -numpy.inf
        found.append(numpy.isin(first[user][1], numpy.argpartition(-scores, K)[:K]).mean())
    return float(numpy.mean(found))


described = numpy.array([user for user in factored if int(user) in told_of])
mine, theirs = hot[[row_of[int(u)] for u in described]], factors["users"][numpy.searchsorted(factored, described)]


def ridge(strength):
    return numpy.linalg.solve(mine.T @ mine + strength * numpy.eye(mine.shape[1]), mine.T @ theirs)


best = max(LAMBDAS, key=lambda l: recall(lambda user: factors["items"] @ (hot[row_of[user]] @ ridge(l)), "vali"))
told = hot @ ridge(best)
df = hot[[row_of[int(u)] for u in described]][:, :-1].sum(0)
weight = numpy.log((1 + len(described)) / (1 + df)) + 1
by_item = numpy.zeros((len(products), len(words)))
for user, item in pairs[numpy.isin(pairs[:, 0], described)]:
    by_item[item, told_of[int(user)]] += 1
by_item = lengths(by_item * weight)
draw = numpy.random.default_rng(1)
lines = {
    "random": lambda user: draw.random(len(products)),
    "popularity": lambda user: popularity,
    "content profile": lambda user: by_item @ (hot[row_of[user]][:-1] * weight),
    "ridge content to factors": lambda user: factors["items"] @ told[row_of[user]],
    "mean of the first day's factors (no network)": lambda user: factors["items"] @ factors["items"][first[user][0]].mean(0),
}
figures = {name: {part: round(recall(score, part), 4) for part in asked} for name, score in lines.items()}

there = numpy.isin(everybody, factored)
own = numpy.zeros((len(everybody), factors["users"].shape[1]))
own[there] = factors["users"]
rows = {field: pyarrow.array([content[field][numpy.searchsorted(known, user)] if int(user) in told_of else None for user in everybody], pyarrow.string()) for field in FIELDS}
pyarrow.parquet.write_table(pyarrow.table({"user": everybody, **rows, "told": vectors(lengths(told)), "factors": vectors(own, there)}), out / "user-rows.parquet")
pyarrow.parquet.write_table(pyarrow.table({"item": numpy.arange(len(products)), "factors": vectors(factors["items"])}), out / "item-rows.parquet")
draw = numpy.random.default_rng(2)
starts = numpy.flatnonzero(numpy.r_[True, pairs[1:, 0] != pairs[:-1, 0], True])
chosen = numpy.concatenate([from_ + draw.permutation(to - from_)[:MOST] for from_, to in zip(starts[:-1], starts[1:])])
learn = pairs[chosen]
new = numpy.arange(len(learn)) % 4 == 3
samples = {
    "user": learn[:, 0],
    "known": pyarrow.array([None if fresh else int(user) for user, fresh in zip(learn[:, 0], new)], pyarrow.int64()),
    "acted": pyarrow.array([first[int(u)][0][first[int(u)][0] != i].tolist() if fresh else [] for (u, i), fresh in zip(learn, new)], pyarrow.list_(pyarrow.int64())),
    "item": learn[:, 1],
    "label": numpy.ones(len(learn)),
}
pyarrow.parquet.write_table(pyarrow.table(samples), out / "learn.parquet")
members = sorted(asked["vali"] + asked["test"])
for name, of in (("cold", lambda user: []), ("acted", lambda user: first[user][0].tolist())):
    table = {"id": numpy.array(members), "user": numpy.array(members), "known": pyarrow.nulls(len(members), pyarrow.int64()),
             "acted": pyarrow.array([of(user) for user in members], pyarrow.list_(pyarrow.int64()))}
    pyarrow.parquet.write_table(pyarrow.table(table), out / f"users-{name}.parquet")
relevant = {part: {str(user): [first[user][0].tolist(), first[user][1].tolist()] for user in all} for part, all in asked.items()}
(out / "relevant.json").write_text(json.dumps({"members": members, **relevant}))
print(json.dumps({"lambda": best, "samples": len(learn), "lines": figures}))
