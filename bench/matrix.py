"""What `ials`, `ease` and `item2vec` share: made data, our example, a peer's script."""

import os
import subprocess

import measure

PACKAGES = ["numpy", "scipy", "implicit", "gensim"]
ONE = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def ready():
    """Our example and the peers' Python."""
    named = os.environ.get("RANKINE_MATRIX")
    return named or measure.example("matrix"), measure.python(PACKAGES)


def data(python, users, items, events):
    folder = measure.WORK / f"matrix-{users}-{items}-{events}"
    if not (folder / "about.txt").exists():
        subprocess.run([str(python), "-B", str(measure.ROOT / "bench" / "peers" / "matrix_data.py"), str(folder), str(users), str(items), str(events)], check=True)
    return folder


def ours(example, kind, file, **keys):
    return measure.last_json([example, kind, file, *(f"{k}={v}" for k, v in keys.items())])


def theirs(python, script, *arguments):
    return measure.last_json([python, "-B", measure.ROOT / "bench" / "peers" / script, *arguments], env=ONE)


def versions(python, *names):
    code = "import importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in %r))" % (names,)
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True).stdout.strip()
