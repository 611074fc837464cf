"""`python -m benchmarks [epoch scaling sweep overhead store runners quality] [--quick]`: tables, all in JSON, too.

`peers` and `own_data`, a quarter of an hour each, are measured when they are named: they say what they need.
"""

import argparse
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

SECTIONS = ("epoch", "scaling", "sweep", "overhead", "store", "runners", "quality")
NAMED = ("peers", "own_data")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections",
        nargs="*",
        metavar="section",
        help=f"which of {', '.join(SECTIONS)}, the default; {', '.join(NAMED)}",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small made-up data: shows that all runs, measures nothing"
    )
    parser.add_argument("--data", type=Path, default=Path("artifacts/data"), help="folder with Fashion-MNIST's files")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results.json"), help="where the JSON goes")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - {*SECTIONS, *NAMED}:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS + NAMED)}")

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that what was started ends too
    # They tell OpenBLAS of another processor than the real one, and NumPy reads them when it is imported: below. Meant
    # they are where Numba is told of another one, too.
    others = set() if "NUMBA_CPU_NAME" in os.environ else {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}
    told = {name: os.environ.pop(name) for name in sorted(others & os.environ.keys())}
    from benchmarks.history import remember
    from benchmarks.machine import machine
    from benchmarks.results import Bench, markdown

    about = machine()
    about |= {name: f"was {value}, unset for all that is measured" for name, value in told.items()}
    print("# Benchmarks\n")
    print("\n".join(f"- {name}: {value}" for name, value in about.items()), flush=True)

    results = {}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
        bench = Bench(quick=arguments.quick, data=arguments.data.resolve(), scratch=Path(scratch))
        for name in arguments.sections or SECTIONS:
            started = time.monotonic()
            section = importlib.import_module(f"benchmarks.{name}").run(bench)
            print(f"{name}: took {time.monotonic() - started:.0f} s", file=sys.stderr)
            print(markdown(section), flush=True)
            results[name] = section.data
    if "epoch" in results and not arguments.quick:
        remember(results["epoch"], about["commit"])
    arguments.output.write_text(json.dumps({"machine": about, "quick": arguments.quick, **results}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
