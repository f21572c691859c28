"""ease: the closed form (XtX, inverse, weights), CPU seconds; 1 / seconds is the rate.

Peer: the paper's NumPy lines with SciPy's sparse product, one BLAS thread, the same precision; weights are compared.
"""

import os

import matrix
import measure

REG = 200.0


def run(options, emit):
    example, python = matrix.ready()
    users, items, events, rounds = (20_000, 2_000, 1_000_000, 2) if options.quick else (40_000, 6_000, 2_000_000, 5)
    folder = matrix.data(python, users, items, events)
    emit({"bench": "ease", "data": (folder / "about.txt").read_text(), "versions": matrix.versions(python, "numpy", "scipy")})
    for bits in (64, 32):
        out = measure.WORK / "ease.bin"
        jobs = {
            "ours": lambda: matrix.ours(example, "ease", folder / "pairs.bin", reg=REG, bits=bits, out=out),
            "theirs": lambda: matrix.theirs(python, "ease_numpy.py", folder, REG, bits, out),
            "two": lambda: matrix.ours(example, "ease", folder / "pairs.bin", reg=REG, bits=bits, threads=2),
        }
        results = measure.alternate(jobs, rounds)
        for name, threads in (("ours", 1), ("two", 2)):
            emit(measure.line("ease", f"{results['ours'][0]['items']} items, f{bits}, T={threads}", "CPU seconds", [r["cpu"] for r in results[name]],
                              "NumPy", [r["cpu"] for r in results["theirs"]], higher_is_better=False,
                              greatest_difference=max(r["difference"] for r in results["theirs"]), greatest_weight=results["theirs"][0]["greatest"],
                              wall=measure.median(r["wall"] for r in results[name]), their_wall=measure.median(r["wall"] for r in results["theirs"]),
                              load_average=os.getloadavg()[0]))
