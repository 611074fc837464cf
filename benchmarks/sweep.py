"""The whole sweep from process start to exit: cold, and cached; time and memory; the textbook's loop beside it."""

import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import cold, problem
from benchmarks.epoch import ALPHA, LEARNING_RATE, SEED, draw
from benchmarks.processes import Ended, program, python, steps
from benchmarks.results import Bench, Section, figure, spread
from benchmarks.textbook import Textbook, evaluate
from benchmarks.timing import one_thread, timed
from softmax.loss import one_hot
from softmax.sgd import initial_parameters

Times = dict[str, list[float]]


def run(bench: Bench) -> Section:
    rounds = 1 if bench.quick else 6  # some seconds: the machine's speed changes from one to the next
    artifacts, arguments = cold(bench, "sweep")
    arguments += ["--wandb-mode", "offline"]
    times = textbook_times(bench, rounds)
    first = program(*arguments)
    for name, seconds in textbook_times(bench, rounds).items():
        times[name] += seconds
    table = pd.read_csv(artifacts / "sweeps/latest/leaderboard.csv")
    summary = json.loads((artifacts / "sweeps/latest/summary.json").read_text())
    parts = steps(artifacts, len(table))
    extrapolated = textbook_sweep(table, summary, times)
    again, server = cached(artifacts, arguments, rounds=1 if bench.quick else 5)
    rest = [run.seconds - start for run, start in zip(again, server, strict=True)]

    peak = max(again, key=lambda run: run.pss)
    section = Section(
        "The sweep",
        [
            f"{len(table)} combinations, {table.epochs_trained.sum():,} epochs, then {summary['best_epoch']} more of "
            "retraining, all cores, W&B offline, from process start to exit. Cold: a new artifact root that holds only "
            "the data's files, so that no network is measured; Numba's compiled code is kept beside the source.",
            "*Textbook*: **extrapolated**, not run: seconds of an epoch and of a validation of the float64 NumPy loop "
            "(one process, one thread; measured before and after the sweep) × the epochs that each combination "
            "trained.",
            "*Prefect's server*: a process that starts the temporary server, waits until it answers and exits, less "
            "one that only exits; in turns with the cached sweep. "
            "Memory: the process and all below it, summed every 50 ms; PSS when RSS is at a new high.",
        ],
        [["", "seconds", "peak RSS, MB", "peak PSS, MB"]],
    )
    section.table += [
        ["cold", figure(first.seconds), *memory(first)],
        *([f"– {step}", figure(seconds), "", ""] for step, seconds in parts.items()),
        ["textbook, extrapolated", figure(extrapolated), "", ""],
        ["**textbook / cold**", f"**{figure(extrapolated / first.seconds)}×**", "", ""],
        ["second run, all cached", spread([run.seconds for run in again]), *memory(peak)],
        ["– Prefect's server, start and stop", spread(server), "", ""],
        ["– the rest", spread(rest), "", ""],
    ]
    section.data = {
        "cold": vars(first),
        "steps": parts,
        "epochs": int(table.epochs_trained.sum()),
        "textbook": {"extrapolated seconds": extrapolated, "measured": times},
        "cached": [vars(run) for run in again],
        "server": server,
        "rest": rest,
    }
    return section


def memory(run: Ended) -> list[str]:
    return [figure(run.rss / 1e6), figure(run.pss / 1e6)]


def textbook_times(bench: Bench, rounds: int) -> Times:
    """Seconds of an epoch at each batch size, and of one validation; one untimed round first."""
    data = problem(bench)
    targets = one_hot(data.labels[data.train], data.classes, np.float64)
    book = Textbook(data.images[data.train].astype(np.float64), targets)
    validation_images = data.images[data.validation].astype(np.float64)
    validation_targets = one_hot(data.labels[data.validation], data.classes, np.float64)
    W, b = initial_parameters(data.images.shape[1], data.classes, SEED, np.float64)
    W = np.ascontiguousarray(W)

    def epoch(batch_size: int) -> None:
        book.epoch(W, b, draw(len(targets)), batch_size, LEARNING_RATE, ALPHA)

    times: Times = {name: [] for name in ("8", "16", "32", "64", "validation")}
    with one_thread():
        for turn in range(rounds + 1):
            for name, seconds in times.items():
                if name == "validation":
                    took = timed(lambda: evaluate(W, b, validation_images, validation_targets, ALPHA))
                else:
                    took = timed(lambda size=int(name): epoch(size))  # type: ignore[misc]
                if turn:
                    seconds.append(took)
    return times


def textbook_sweep(table: pd.DataFrame, summary: dict[str, Any], times: Times) -> float:
    """The same epochs by the textbook's loop; those of the retraining without validation, on all rows."""
    typical = {name: median(seconds) for name, seconds in times.items()}
    tuning = sum(
        epochs * (typical[str(size)] + typical["validation"])
        for size, epochs in zip(table.batch_size, table.epochs_trained, strict=True)
    )
    fraction = summary["provenance"]["experiment"]["validation_fraction"]
    retraining = summary["best_epoch"] * typical[str(summary["best"]["batch_size"])] / (1 - fraction)
    return float(tuning + retraining)


def cached(artifacts: Path, arguments: list[str], rounds: int) -> tuple[list[Ended], list[float]]:
    """The same sweep again, and what of it is Prefect's server."""
    again, server = [], []
    for _ in range(rounds):
        again.append(program(*arguments))
        started = python("-m", "benchmarks.server", str(artifacts), "start")
        without = python("-m", "benchmarks.server", str(artifacts))
        server.append(started.seconds - without.seconds)
    summary = json.loads((artifacts / "sweeps/latest/summary.json").read_text())
    if summary["cached"] != summary["combinations"]:
        raise RuntimeError(f"only {summary['cached']} of {summary['combinations']} combinations were cached")
    return again, server
