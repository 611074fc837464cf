"""The whole sweep from start to exit: cold, halved, cached; the textbook's loop and the arithmetic beside it."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import psutil

from benchmarks.data import cold, problem
from benchmarks.epoch import ALPHA, LEARNING_RATE, SEED, SIDE, draw
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
    times, products = textbook_times(bench, rounds), product_times(rounds)
    first = program(*arguments)
    for name, seconds in textbook_times(bench, rounds).items():
        times[name] += seconds
    products += product_times(rounds)
    table = pd.read_csv(artifacts / "sweeps/latest/leaderboard.csv")
    summary = json.loads((artifacts / "sweeps/latest/summary.json").read_text())
    parts = steps(artifacts, len(table))
    extrapolated = textbook_sweep(table, summary, times)
    arithmetic = training_products(bench, table) * median(products)
    halving = ("--wandb-mode", "offline", "--halving", "3")
    halved = [program(*cold(bench, f"halving-{turn}")[1], *halving) for turn in range(1 if bench.quick else 3)]
    again, server = cached(artifacts, arguments, rounds=1 if bench.quick else 5)
    rest = [run.seconds - start for run, start in zip(again, server, strict=True)]

    section = Section(
        "The sweep",
        [
            f"{len(table)} combinations, {table.epochs_trained.sum():,} epochs, then {summary['best_epoch']} more of "
            "retraining, all cores, W&B offline, from process start to exit. Cold: a new artifact root that holds only "
            "the data's files, so that no network is measured; Numba's compiled code is kept beside the source.",
            "*Textbook*: **extrapolated**, not run: seconds of an epoch and of a validation of the float64 NumPy loop "
            "(one process, one thread; measured before and after the sweep) × the epochs that each combination "
            "trained.",
            f"*Arithmetic*: the multiply–adds of the training step, {table.epochs_trained.sum():,} epochs and "
            f"validations, at the speed of {SIDE}³ float32 products, one on each core at a time, measured before and "
            "after. *Halving*: `--halving 3`, cold.",
            "*Prefect's server*: a process that starts the temporary server, waits until it answers and exits, less "
            "one that only exits; in turns with the cached sweep. "
            "Memory: the process and all below it, summed every 50 ms; PSS when RSS is at a new high.",
        ],
        [["", "seconds", "processor, s: program", "Prefect's server", "W&B", "peak RSS, MB", "peak PSS, MB"]],
    )
    rows = [
        ["cold", figure(first.seconds), *spent(first)],
        *([f"– {step}", figure(seconds)] for step, seconds in parts.items()),
        ["arithmetic of training", figure(arithmetic)],
        ["**train / arithmetic**", f"**{figure(parts['train'] / arithmetic)}×**"],
        ["textbook, extrapolated", figure(extrapolated)],
        ["**textbook / cold**", f"**{figure(extrapolated / first.seconds)}×**"],
        ["halving", spread([run.seconds for run in halved]), *spent(median_of(halved))],
        ["second run, all cached", spread([run.seconds for run in again]), *spent(median_of(again))],
        ["– Prefect's server, start and stop", spread(server)],
        ["– the rest", spread(rest)],
    ]
    section.table += [row + [""] * (len(section.table[0]) - len(row)) for row in rows]
    section.data = {
        "cold": vars(first),
        "steps": parts,
        "epochs": int(table.epochs_trained.sum()),
        "textbook": {"extrapolated seconds": extrapolated, "measured": times},
        "arithmetic": {"seconds": arithmetic, "a product": products},
        "halving": [vars(run) for run in halved],
        "cached": [vars(run) for run in again],
        "server": server,
        "rest": rest,
    }
    return section


def spent(run: Ended) -> list[str]:
    """Processor seconds of each part, and peak memory."""
    return [*map(figure, run.processor.values()), figure(run.rss / 1e6), figure(run.pss / 1e6)]


def median_of(runs: list[Ended]) -> Ended:
    """The run of median duration."""
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def product_times(rounds: int) -> list[float]:
    """Seconds of a large product while every core computes one."""
    cores = len(psutil.Process().cpu_affinity() or [])
    factors = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)

    def product(_: int) -> float:  # of a core
        return timed(lambda: factors[0] @ factors[1])

    with one_thread(), ThreadPoolExecutor(cores) as threads:
        return [median(list(threads.map(product, range(cores)))) / cores for _ in range(rounds)]


def training_products(bench: Bench, table: pd.DataFrame) -> float:
    """The multiply–adds of the training step, in large products."""
    data = problem(bench)
    of_epoch: int = (2 * len(data.train) + len(data.validation)) * data.images.shape[1] * data.classes
    return int(table.epochs_trained.sum()) * of_epoch / SIDE**3


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
