"""Halving and random search on ranges against the full grid, five seeds: `python -m benchmarks.search [--quick]`.

Each run is cold, a process of its own; a seed decides the split, the initial weights, the order of examples and what is
drawn. Winners are compared on the validation rows of their seed; the test set is looked at by the runs, not here. For
docs/results.md.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import cold, problem
from benchmarks.processes import program
from benchmarks.results import Bench, Section, markdown
from experiment.data.split import split_rows
from softmax import reference

SEEDS = (541, 542, 543, 544, 545)
HALVING = ("--halving", "3", "--first-rung", "3")
RANGES = ("--learning-rates", "0.001:0.1", "--batch-sizes", "8:64", "--alphas", "1e-6:0.01", "--trials", "36")
SEARCHES = {
    "full grid": (),
    "grid, halving": HALVING,
    "36 at random from ranges, halving": (*RANGES, *HALVING),
    "36 by TPE from ranges, halving": (*RANGES, "--sampler", "tpe", *HALVING),
}


class Winner(NamedTuple):
    said: str
    accuracy: float
    right: NDArray[np.bool_]  # (validation rows,)
    epochs: int  # of all trainings
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, made-up data: shows that it runs")
    parser.add_argument("--data", type=Path, default=Path("artifacts/data"), help="folder with Fashion-MNIST's files")
    arguments = parser.parse_args()
    for seed in SEEDS[:1] if arguments.quick else SEEDS:
        with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch:
            bench = Bench(quick=arguments.quick, data=arguments.data.resolve(), scratch=Path(scratch))
            found = {name: winner(bench, name, seed, flags) for name, flags in SEARCHES.items()}
        print(markdown(compared(seed, found)), flush=True)


def compared(seed: int, found: dict[str, Winner]) -> Section:
    """One seed's winners, and how far each is behind the full grid's, with the paired standard error."""
    grid, *_ = found.values()
    table = [["", "winner", "validation accuracy", "behind the full grid, points", "epochs", "seconds"]]
    for name, one in found.items():
        less = grid.right.astype(float) - one.right
        apart = "" if one is grid else f"{100 * less.mean():.2f} ± {100 * less.std(ddof=1) / len(less) ** 0.5:.2f}"
        table.append([name, one.said, f"{one.accuracy:.2%}", apart, f"{one.epochs:,}", f"{one.seconds:.0f}"])
    return Section(f"Seed {seed}", [], table)


def winner(bench: Bench, name: str, seed: int, flags: tuple[str, ...]) -> Winner:
    """Run a search; which validation rows its winner has right, by the parameters that it left."""
    artifacts, arguments = cold(bench, name.replace(" ", "-").replace(",", ""))
    if bench.quick and "--alphas" in flags:
        arguments = arguments[: arguments.index("--alphas")]
    ended = program(*arguments, "--seed", str(seed), "--wandb-mode", "offline", *flags)
    latest = artifacts / "sweeps" / "latest"
    summary = json.loads((latest / "summary.json").read_text())
    data = problem(bench)
    rows = split_rows(data.labels, 0.2, seed).held_out
    with np.load(latest / "model.npz") as model:
        predicted, _ = reference.predictions(
            model["W_best_validation"], model["b_best_validation"], data.images, data.labels, rows
        )
    said = " ".join(map(str, summary["best"].values()))
    return Winner(
        said, summary["val_accuracy"], predicted == data.labels[rows], summary["epochs_trained"], ended.seconds
    )


if __name__ == "__main__":
    main()
