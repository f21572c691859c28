"""MovieLens 100K as samples: label = rating of 4 or more; each user's rows by (time, item), the last 20 % test, the 8 %
before validation. History = the last twenty liked films before the event's time, latest first; events of one second do
not see each other."""

import csv
import datetime


def rows_of(path):
    with open(path, encoding="utf-8") as file:
        reader = csv.reader(file, delimiter="\t")
        names = [name.split(":")[0] for name in next(reader)]
        for row in reader:
            yield dict(zip(names, row))


def age_bucket(age):
    bounds = [18, 25, 35, 45, 50, 56]
    return sum(age >= bound for bound in bounds)


def samples(folder):
    """Rows of (split, columns)."""
    users = {int(u["user_id"]): u for u in rows_of(folder / "ml-100k.user")}
    items = {int(i["item_id"]): i for i in rows_of(folder / "ml-100k.item")}
    by_user = {}
    for row in rows_of(folder / "ml-100k.inter"):
        event = (int(float(row["timestamp"])), int(row["item_id"]), float(row["rating"]))
        by_user.setdefault(int(row["user_id"]), []).append(event)
    for user, events in sorted(by_user.items()):
        events.sort()
        count = len(events)
        test, valid = count - int(count * 0.2), count - int(count * 0.28)
        liked = []
        for at, (time, item, rating) in enumerate(events):
            split = "test" if at >= test else "valid" if at >= valid else "train"
            before = [i for t, i in liked if t < time][-20:][::-1]
            when = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
            about, film = users[user], items.get(item, {})
            year = film.get("release_year", "")
            yield split, {
                "user": user, "age": age_bucket(int(about["age"])), "gender": about["gender"],
                "occupation": about["occupation"], "zip": about["zip_code"][:1], "liked": before,
                "item": item, "year": int(year) if year.isdigit() else None,
                "genres": film.get("class", "").split(), "hour": when.hour, "weekday": when.weekday(),
                "timestamp": time, "label": float(rating >= 4),
            }
            if rating >= 4:
                liked.append((time, item))


def cell(value):
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return "\\N" if value is None else str(value)


def write(folder, target):
    """Writes train, valid and test as tab-separated text with a header; returns the files by split."""
    target.mkdir(parents=True, exist_ok=True)
    files, parts = {}, {"train": [], "valid": [], "test": []}
    for split, row in samples(folder):
        parts[split].append(row)
    for split, rows in parts.items():
        files[split] = target / f"{split}.tsv"
        lines = ["\t".join(rows[0])] + ["\t".join(cell(value) for value in row.values()) for row in rows]
        files[split].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return files
