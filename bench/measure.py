"""What every benchmark shares: the release binary, the peers' venv, alternating rounds, medians."""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench"
BINARY = pathlib.Path(os.environ.get("RANKINE_BIN") or ROOT / "target" / "release" / "rankine")


def build():
    """Builds the release binary, unless RANKINE_BIN names one."""
    if os.environ.get("RANKINE_BIN"):
        return BINARY
    subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "rankine"], cwd=ROOT, check=True)
    return BINARY


def example(name):
    """Builds an example of one of the crates in release; its path."""
    # of the whole workspace: a package alone would have its dependencies built again with other features
    subprocess.run(["cargo", "build", "--release", "--locked", "--workspace", "--example", name], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    return target / "release" / "examples" / name


def cpu_seconds(command, **kwargs):
    """Runs a command to its good end; its user and system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([str(c) for c in command], check=True, **kwargs)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def python(packages, venv=WORK / "venv", interpreter=sys.executable):
    """A venv under target/ with the peers' packages, made once."""
    exe = venv / "bin" / "python"
    if not exe.exists():
        venv.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([str(interpreter), "-m", "venv", str(venv)], check=True)
    have = subprocess.run([str(exe), "-m", "pip", "freeze"], capture_output=True, text=True).stdout.lower()
    missing = [p for p in packages if f"{p.lower().split('==')[0]}==" not in have]
    if missing:
        subprocess.run([str(exe), "-m", "pip", "install", "-q", *missing], check=True)
    return exe


def median(values):
    return round(statistics.median(list(values)), 4)


def last_json(command, **kwargs):
    """Runs a command and reads the last line of its standard output as JSON."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **kwargs)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\nfailed ({done.returncode}):\n{done.stdout}\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def alternate(runners, rounds):
    """Calls every runner in turn, `rounds` times (A B A B …); returns a list of results for each name."""
    results = {name: [] for name in runners}
    for _ in range(rounds):
        for name, call in runners.items():
            results[name].append(call())
    return results


def line(bench, what, unit, ours, peer, theirs, higher_is_better=True, **more):
    """One measurement: medians of the rounds and their ratio."""
    a, b = median(ours), median(theirs) if theirs else None
    ratio = None if b is None else (a / b if higher_is_better else b / a)
    return {"bench": bench, "what": what, "unit": unit, "ours": a, "peer": peer, "theirs": b,
            "ratio": None if ratio is None else round(ratio, 3), "rounds": len(ours), **more}
