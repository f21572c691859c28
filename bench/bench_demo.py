"""demo: seconds of `rankine demo --once` from nothing and with all there, peak memory, size of the binary. No peer; targets."""

import os
import shutil
import subprocess
import time

import measure


def demo(home):
    """Wall seconds, CPU seconds and peak memory in MiB of one run."""
    begin = time.perf_counter()
    child = subprocess.Popen([str(measure.BINARY), "--home", str(home), "demo", "--once"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise SystemExit(f"demo --once failed ({child.returncode})")
    return {"wall": time.perf_counter() - begin, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss / 1024}


def run(options, emit):
    measure.build()
    home = measure.WORK / "demo-fresh"
    rounds = []
    for _ in range(2 if options.quick else 5):
        shutil.rmtree(home, ignore_errors=True)
        rounds.append((demo(home), demo(home)))
    shutil.rmtree(home, ignore_errors=True)
    load = os.getloadavg()[0]
    pick = lambda at, key: [r[at][key] for r in rounds]
    emit(measure.line("demo", "from nothing", "s", pick(0, "wall"), "target 30", [30], higher_is_better=False, load_average=load))
    emit(measure.line("demo", "from nothing, CPU", "s", pick(0, "cpu"), None, None))
    emit(measure.line("demo", "all there", "s", pick(1, "wall"), "target 2", [2], higher_is_better=False))
    emit(measure.line("demo", "peak memory", "MiB", pick(0, "memory"), None, None))
    emit(measure.line("demo", "binary", "MiB", [measure.BINARY.stat().st_size / 2**20], None, None))
