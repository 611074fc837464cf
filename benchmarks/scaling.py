"""The default task runner, from one core to all: the training step of the sweep."""

import json
from statistics import median

import psutil

from benchmarks.data import cold
from benchmarks.processes import program, steps
from benchmarks.results import Bench, Section, ratio, spread


def run(bench: Bench) -> Section:
    cores = 1 if bench.quick else len(psutil.Process().cpu_affinity())
    counts = sorted({1, *(2**i for i in range(1, 10) if 2**i < cores), cores})
    rounds = 1 if bench.quick else 3
    train: dict[int, list[float]] = {workers: [] for workers in counts}
    for turn in range(rounds):
        for workers in counts:
            artifacts, arguments = cold(bench, f"scaling-{workers}-{turn}")
            program(*arguments, "--workers", str(workers), "--wandb-mode", "offline")
            combinations = json.loads((artifacts / "sweeps/latest/summary.json").read_text())["combinations"]
            train[workers].append(steps(artifacts, combinations)["train"])

    section = Section(
        "Scaling",
        [
            f"The training step of the whole sweep ({combinations} combinations, early stopping), cold, W&B offline, "
            "in turns: from the first start of a training to the last end, as Prefect recorded them. "
            "Median (least–greatest).",
        ],
        [["workers", "seconds", "speed-up", "of the ideal"]],
        {f"workers {workers}": seconds for workers, seconds in train.items()},
    )
    for workers in counts:
        ideal = median(one / here for one, here in zip(train[1], train[workers], strict=True)) / workers
        section.table.append([str(workers), spread(train[workers]), ratio(train[1], train[workers]), f"{ideal:.0%}"])
    return section
