"""ials: alternating least squares by three steps of conjugate gradients per row and sweep, user-item pairs per CPU-second.

Peer: implicit's ALS (its native code, use_cg), the same objective (observed pairs weigh 2, others 1; reg on every row alike),
factors, sweeps and steps; one BLAS thread. The loss of both is computed to the end in f64.
"""

import os

import matrix
import measure

REG = 2.0


def run(options, emit):
    example, python = matrix.ready()
    users, items, events, rounds = (20_000, 5_000, 1_000_000, 2) if options.quick else (60_000, 12_000, 5_000_000, 5)
    folder = matrix.data(python, users, items, events)
    count = (folder / "pairs.bin").stat().st_size // 8
    emit({"bench": "ials", "data": (folder / "about.txt").read_text(), "versions": matrix.versions(python, "implicit", "numpy")})
    for dim in (64, 128):
        sweeps = 5
        jobs = {
            "ours": lambda: matrix.ours(example, "ials", folder / "pairs.bin", dim=dim, reg=REG, epochs=sweeps, steps=3),
            "theirs": lambda: matrix.theirs(python, "ials_implicit.py", folder, dim, REG, sweeps),
            "two": lambda: matrix.ours(example, "ials", folder / "pairs.bin", dim=dim, reg=REG, epochs=sweeps, steps=3, threads=2),
        }
        results = measure.alternate(jobs, rounds)
        rate = lambda name: [count * sweeps / r["cpu"] for r in results[name]]
        loss = {name: measure.median(r["loss"] for r in results[name]) for name in results}
        for name, threads in (("ours", 1), ("two", 2)):
            emit(measure.line("ials", f"dim {dim}, {sweeps} sweeps, T={threads}", "pairs x sweeps / CPU-second", rate(name), "implicit", rate("theirs"),
                              loss=loss[name], their_loss=loss["theirs"], wall=measure.median(r["wall"] for r in results[name]),
                              their_wall=measure.median(r["wall"] for r in results["theirs"]), load_average=os.getloadavg()[0]))
