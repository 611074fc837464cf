"""The same grid by other programs that search grids, with the same kernel: seconds, cost of a trial, of a SIGKILL.

Optuna and scikit-learn come with the project. Ray Tune is measured where it is installed, in a copy of the environment:

    make setup && cp -a .venv .venv-peers
    .venv-peers/bin/python -m pip install -r benchmarks/peers/requirements.txt
    .venv-peers/bin/python -m benchmarks peers

Each contender is a script in this folder, as someone who knows the library would write it; all train with `train` of
`problem.py`, two at a time.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil

from benchmarks.data import QUICK, made_up, quiet
from benchmarks.overhead import TINY
from benchmarks.peers.problem import BEST, EXPERIMENT, epochs
from benchmarks.processes import Ended, begun, python
from benchmarks.results import Bench, Section, figure
from execution.fetch.sources import fashion_mnist
from experiment.config import Experiment

CONTENDERS = {
    "this project, W&B offline": ("ours", "offline"),
    "this project, W&B disabled": ("ours", "disabled"),
    "Optuna, SQLite": ("optuna_grid",),
    "Ray Tune": ("ray_tune",),
    "scikit-learn": ("sklearn_grid",),
}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def run(bench: Bench) -> Section:
    contenders = [name for name in CONTENDERS if name != "Ray Tune" or importlib.util.find_spec("ray")]
    few, many = (2, 6) if bench.quick else (2, 200)
    if bench.quick:
        grid = Experiment(data_dir=made_up(bench.scratch / "quick", *QUICK), max_epochs=20)
    else:
        grid = Experiment()
        fashion_mnist(bench.data, quiet)
    tiny = made_up(bench.scratch / "tiny", *TINY)

    def trials(n: int) -> Experiment:
        rates = np.linspace(0.001, 0.1, n).round(6).tolist()
        grid = {"learning_rates": rates, "batch_sizes": [16], "alphas": [0.0], "decay": ["none"], "folds": 1}
        return Experiment.model_validate({"data_dir": tiny, "max_epochs": 2, **grid})

    measured: dict[str, dict[str, Any]] = {name: {} for name in contenders}
    with patch.dict(os.environ, ONE_THREAD):
        for name in contenders:  # once before they are timed: they compile, and read their files from disk
            ended(name, cold(bench, trials(few)))
        for name in contenders:
            whole = cold(bench, grid)
            measured[name] = {"whole": vars(ended(name, whole)), "epochs": epochs(whole), "best": best(whole)}
        agree([figures["best"] for figures in measured.values()])
        for name in contenders:
            seconds = [ended(name, cold(bench, trials(n))).seconds for n in (few, many)]
            measured[name] |= {"tiny": seconds, "cost": (seconds[1] - seconds[0]) / (many - few)}
        for name in contenders:
            root = cold(bench, grid)
            kill_after(name, root, measured[name]["epochs"] // 2)
            at_kill, again = epochs(root), ended(name, root).seconds
            measured[name] |= {"at the kill": at_kill, "again": again, "epochs with a kill": epochs(root)}
            agree([measured[name]["best"], best(root)])
    return section(measured, few, many)


def section(measured: dict[str, dict[str, Any]], few: int, many: int) -> Section:
    first = next(iter(measured.values()))
    result = Section(
        "Against other programs that search grids",
        [
            f"The sweep's {first['best']['trials']} combinations with the same kernel, two at a time, one thread each, "
            "from process start to exit, cold; in turns. "
            f"All found {first['best']['val_accuracy']:.2%} validation accuracy at best.",
            f"A trial: {TINY[0]} examples × {TINY[1]} features, 2 epochs; (seconds of {many} − seconds of {few}) / "
            f"{many - few}.",
            "SIGKILL to the program and all below it when half of the epochs were trained, then the same command "
            "again: epochs trained beyond those of an undisturbed run, and seconds from the second start to its end.",
        ],
        [["", "seconds", "epochs", "peak PSS, MB", "ms a trial", "epochs lost by a kill", "seconds after a kill"]],
        measured,
    )
    for name, figures in measured.items():
        result.table.append(
            [
                name, figure(figures["whole"]["seconds"]), f"{figures['epochs']:,}",
                figure(figures["whole"]["pss"] / 1e6), figure(1000 * figures["cost"]),
                f"{figures['epochs with a kill'] - figures['epochs']:,}", figure(figures["again"]),
            ]
        )  # fmt: skip
    return result


def cold(bench: Bench, experiment: Experiment) -> Path:
    """A new folder for a contender, with the experiment, and with Fashion-MNIST's files if that is what it is on."""
    root = bench.scratch / f"peers-{len(list(bench.scratch.glob('peers-*')))}"
    root.mkdir()
    (root / EXPERIMENT).write_text(experiment.model_dump_json(exclude_defaults=True))
    if experiment.own_data is None:
        shutil.copytree(bench.data, root / "data", ignore=lambda _, names: [n for n in names if n.startswith(".")])
    return root


def command(name: str, root: Path) -> list[str]:
    script, *arguments = CONTENDERS[name]
    return ["-m", f"benchmarks.peers.{script}", str(root), *arguments]


def ended(name: str, root: Path) -> Ended:
    run = python(*command(name, root))
    print(f"{name}: {run.seconds:.1f} s, {epochs(root)} epochs in all", file=sys.stderr)
    return run


def best(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / BEST).read_text())
    return found


def agree(outcomes: list[dict[str, Any]]) -> None:
    """RuntimeError if they have not tried as many combinations, or found another best accuracy."""
    if len({(outcome["trials"], outcome["val_accuracy"]) for outcome in outcomes}) > 1:
        raise RuntimeError(f"contenders do not agree: {outcomes}")


def kill_after(name: str, root: Path, enough: int) -> None:
    """Start it, and kill it and all below it when so many epochs are trained."""
    process = begun(*command(name, root), stdout=subprocess.DEVNULL)
    family = [psutil.Process(process.pid)]
    try:
        while epochs(root) < enough:
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended after {epochs(root)} epochs, before it could be killed")
            time.sleep(0.005)
        family += family[0].children(recursive=True)
    finally:
        for member in family:
            if member.is_running():
                member.kill()
        process.wait()
        psutil.wait_procs(family, timeout=10)
