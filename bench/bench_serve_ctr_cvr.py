"""serve-ctr-cvr: two models (a click and a conversion model), 300 items a request, over gRPC on loopback.

The server has one thread to score on and core 0, the load generator core 1. First as many requests as four waiting callers
can ask; then an open loop at half and at 90 % of what they could ask just before: what a core can do moves by 1.7 x between minutes
on a shared host, and 90 % of a good minute is more than all of a bad one. "kept": items by id, whose parts the server has kept; "computed":
each item overrides a field, so that all of its features are extracted and both models' item parts computed. No peer
answers such a request.
"""

import os

import ctr_cvr
import measure


def run(options, emit):
    seconds, rounds = (4, 2) if options.quick else (20, 5)

    def measured(bench):
        for items in ("kept", "computed"):
            full = [bench.capacity(items, seconds) for _ in range(2)]
            shares = [round(share, 2) for _, share in full]
            more = {"items": ctr_cvr.ITEMS, "models": 2, "load_average": os.getloadavg()[0], "server_core": shares}
            emit(measure.line("serve-ctr-cvr", f"{items}: four callers", "requests/s", [rate for rate, _ in full], None, None, **more))
            loads = {share: (lambda s=share: bench.loaded(items, seconds, s)) for share in (0.5, 0.9)}
            for share, results in measure.alternate(loads, rounds).items():
                tell(emit, f"{items}, {share:.0%} load", results)

    ctr_cvr.opened(measured)


def tell(emit, name, results):
    failed = sum(r["failed"] for r in results)
    emit(measure.line("serve-ctr-cvr", f"{name}: requests", "requests/s", [r["rate"] for r in results], None, None, failed=failed))
    for key in ("p50", "p99", "p99.9"):
        emit(measure.line("serve-ctr-cvr", f"{name}: {key}", "ms", [r[key] for r in results], None, None))
    cpu = [1000 * r["cpu"] / max(r["requests"], 1) for r in results]
    emit(measure.line("serve-ctr-cvr", f"{name}: server CPU", "ms/request", cpu, None, None))
