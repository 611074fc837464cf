"""What a combination costs that takes no time to train: the first time, and when it is cached."""

import math
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.data import ONCE, made_up
from benchmarks.processes import Ended, program, recorded, steps
from benchmarks.results import Bench, Section, figure, spread

TINY = (300, 16, 3)  # examples, features, classes
MODES = ("disabled", "offline")
PER_TASK = 100  # combinations that share a task run, where they do


def run(bench: Bench) -> Section:
    kinds = [("offline", 2)] if bench.quick else [(mode, per_task) for mode in MODES for per_task in (1, PER_TASK)]
    # For each number of combinations
    rounds = {1: 1, 5: 1} if bench.quick else {1: 3, 10: 3, 100: 3, 1000: 1, 10000: 1}
    data = made_up(bench.scratch / "tiny", *TINY)
    ended: dict[tuple[str, int, int], list[Ended]] = {(*kind, n): [] for kind in kinds for n in rounds}
    for turn in range(max(rounds.values())):
        for n in rounds:
            for mode, per_task in kinds:
                if turn < rounds[n]:
                    artifacts = bench.scratch / f"overhead-{mode}-{per_task}-{n}-{turn}"
                    ended[mode, per_task, n].append(tiny_sweep(artifacts, data, mode, n, per_task))

    section = Section(
        "Fixed cost of a combination",
        [
            f"{TINY[0]} examples × {TINY[1]} features, {TINY[2]} classes, 2 epochs; the whole program from process "
            "start to exit, cold, with its temporary Prefect server. Cost = (seconds of n − seconds of 1) / (n − 1), "
            "of medians. Recorded: the share of trainings whose end Prefect's database knows afterwards, at worst. "
            "Report: seconds of the step that draws and writes it. Cached: the most combinations run again.",
        ],
        [
            [
                "W&B", "to a task run", "combinations", "seconds", "ms a combination", "peak RSS, MB", "peak PSS, MB",
                "recorded", "report, s",
            ]
        ],
    )  # fmt: skip
    for (mode, per_task, n), runs in ended.items():
        places = [bench.scratch / f"overhead-{mode}-{per_task}-{n}-{turn}" for turn in range(len(runs))]
        known = min(map(recorded, places))
        seconds = [run.seconds for run in runs]
        alone = median(run.seconds for run in ended[mode, per_task, 1])
        cost = (median(seconds) - alone) / (n - 1) if n > 1 else None
        peak = max(runs, key=lambda run: run.pss)
        report = steps(places[0], n)["report"]
        section.table.append(
            [
                mode, str(per_task), str(n), spread(seconds), figure(1000 * cost) if cost is not None else "",
                figure(peak.rss / 1e6), figure(peak.pss / 1e6), f"{known / n:.0%}", figure(report),
            ]
        )  # fmt: skip
        section.data[f"{mode} {per_task} {n}"] = {
            "runs": [vars(run) for run in runs], "cost": cost, "recorded": known, "report": report,
        }  # fmt: skip
    most = max(rounds)
    for mode, per_task in kinds:
        again = tiny_sweep(bench.scratch / f"overhead-{mode}-{per_task}-{most}-0", data, mode, most, per_task)
        cells = [figure(again.seconds), figure(1000 * again.seconds / most), figure(again.rss / 1e6)]
        section.table.append(
            [f"{mode}, cached", str(per_task), str(most), *cells, figure(again.pss / 1e6), "", ""]
        )  # fmt: skip
        section.data[f"{mode} {per_task} {most} cached"] = vars(again)
    return section


def tiny_sweep(artifacts: Path | str, data: Path, mode: str, n: int, per_task: int = 1) -> Ended:
    """Over n combinations of learning rates and penalties, about as many of each."""
    alphas = max(count for count in range(1, math.isqrt(n) + 1) if n % count == 0)
    where = ["--artifacts", str(artifacts), "--data-dir", str(data), "--wandb-mode", mode]
    grid = ["--learning-rates", *spaced(0.001, 0.1, n // alphas), "--alphas", *spaced(0, 0.01, alphas)]
    return program(*where, *grid, *ONCE, "--batch-sizes", "16", "--max-epochs", "2", "--batch-per-task", str(per_task))


def spaced(low: float, high: float, count: int) -> list[str]:
    return [f"{value:.6f}" for value in np.linspace(low, high, count)]
