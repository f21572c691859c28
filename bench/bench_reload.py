"""reload: serve-ctr-cvr at half load while 20 new versions a minute are published, in turn with the same without any.

Targets: no failed request, p99 below 1.5 times the steady one, anonymous memory below 1.2 times. "from publish to
served": from the rename of the version's folder to the first answer that names the version. A failed request, or an
answer that lacks a score, is counted and its reason printed.
"""

import os
import threading
import time

import ctr_cvr
import measure

EVERY = 3.0


def run(options, emit):
    seconds, rounds = (7, 2) if options.quick else (60, 5)

    def measured(bench):
        rate = []

        def steady():
            rate[:] = [0.5 * bench.capacity("kept", 2)[0]]
            return bench.run("open", "kept", seconds=seconds, rate=rate[0])

        results = measure.alternate({"steady": steady, "reload": lambda: reloading(bench, seconds, rate[0])}, rounds)
        tell(emit, results, bench)

    ctr_cvr.opened(measured)


def reloading(bench, seconds, rate):
    """A run with a publication every three seconds, the two models in turn."""
    for name in ctr_cvr.MODELS:
        bench.prepare(name, int(seconds / EVERY / 2) + 1)
    begin, published = time.perf_counter(), []

    def publish():
        number = 0
        while (moment := begin + EVERY * (number + 0.5)) < begin + seconds - 1:
            ctr_cvr.sleep_until(moment)
            bench.publish(("ctr", "cvr")[number % 2])
            number += 1
        published.append(number)

    publisher = threading.Thread(target=publish)
    publisher.start()
    result = bench.run("open", "kept", seconds=seconds, rate=rate)
    publisher.join()
    return {**result, "published": published[0]}


def tell(emit, results, bench):
    steady, reload = results["steady"], results["reload"]
    column = lambda rows, key: [row[key] for row in rows]
    failed = {"failed": sum(column(reload, "failed")), "faults": sum(column(reload, "faults"), [])[:5], "steady_failed": sum(column(steady, "failed"))}
    more = {"published": sum(column(reload, "published")), "load_average": os.getloadavg()[0], **failed}
    emit(measure.line("reload", "requests", "requests/s", column(reload, "rate"), "steady", column(steady, "rate"), **more))
    for key in ("p50", "p99", "p99.9"):
        rounds = {"by_round": [[round(row[key], 2) for row in rows] for rows in (reload, steady)]}
        emit(measure.line("reload", key, "ms", column(reload, key), "steady", column(steady, key), higher_is_better=False, **rounds))
    memory = (column(reload, "anonymous"), "steady", column(steady, "typical"))
    emit(measure.line("reload", "most anonymous memory", "MiB", *memory, higher_is_better=False))
    served = sum(column(reload, "served"), [])
    emit(measure.line("reload", "from publish to served", "s", served or [float("nan")], None, None, most=round(max(served, default=0), 3), seen=len(served)))
