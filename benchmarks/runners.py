"""The same sweep on threads and on a Dask cluster, and what a combination costs on one whose artifacts are in S3."""

import contextlib
import os

import numpy as np
import psutil
from distributed import Client

from benchmarks.data import QUICK, cold, made_up
from benchmarks.overhead import TINY
from benchmarks.processes import program
from benchmarks.results import Bench, Section, figure, ratio, spread
from experiment.data.formats import FASHION_MNIST
from tests.flows.dask_cluster import Cluster
from tests.object_store import ObjectStore

KINDS = {"threads": [], "processes": ["--runner", "processes"], "dask": ["--runner", "dask"]}


def run(bench: Bench) -> Section:
    rounds, combinations = (1, 5) if bench.quick else (3, 200)
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for turn in range(rounds):
        for kind, flags in KINDS.items():
            _, arguments = cold(bench, f"runners-{kind}-{turn}")
            seconds[kind].append(program(*arguments, *flags, "--workers", "2", "--wandb-mode", "offline").seconds)
    cost, memory = on_cluster(bench, combinations)

    section = Section(
        "Runners",
        [
            "The whole sweep from process start to exit, cold, W&B offline, 2 workers, in turns. The last line: "
            "tracking off, on a cluster of two workers that have imported and compiled, artifacts in an S3 on loopback "
            f"(moto, in Python). {TINY[0]} examples × {TINY[1]} features, 2 epochs: (seconds of {combinations} − "
            f"seconds of 1) / {combinations - 1}. Memory: what a worker has more after trainings on the sweep's data "
            "than before, ÷ the bytes of its grey levels.",
        ],
        [["runner", "seconds", "÷ threads", "ms a combination", "memory ÷ grey levels"]],
        {**seconds, "cost": cost, "memory": memory},
    )
    for kind, taken in seconds.items():
        section.table.append([kind, spread(taken), ratio(taken, seconds["threads"]), "", ""])
    section.table.append(["a cluster, S3", "", "", figure(1000 * cost), spread(memory)])
    return section


def on_cluster(bench: Bench, combinations: int) -> tuple[float, list[float]]:
    """Return seconds that one more combination takes, and the memory of each worker in grey levels."""
    data = made_up(bench.scratch / "tiny-remote", *TINY)
    _, (_, _, *real) = cold(bench, "runners-cluster")
    with ObjectStore() as store, contextlib.closing(Cluster(bench.scratch / "cluster", store.environment)) as dask:
        os.environ |= store.environment
        address = dask.address
        where = ["--wandb-mode", "disabled", "--runner", "dask", "--dask-address", address]
        taken = {}
        for n in (2, 1, combinations):  # the first has the workers import and compile
            rates = [f"{rate:.6f}" for rate in np.linspace(0.001, 0.1, n)]
            grid = ["--data-dir", str(data), "--learning-rates", *rates, "--batch-sizes", "16", "--alphas", "0"]
            taken[n] = program("--artifacts", f"s3://bucket/{n}", *where, *grid, "--max-epochs", "2").seconds
        before = resident(address)
        short = [] if bench.quick else ["--max-epochs", "2"]  # quick data are short already
        program("--artifacts", "s3://bucket/real", *where, *real, "--learning-rates", "0.1", *short)
        after = resident(address)
    levels = int(np.prod(FASHION_MNIST["train_images"].shape)) if not bench.quick else QUICK[0] * QUICK[1]
    memory = [(after[worker] - before[worker]) / levels for worker in before]
    return (taken[combinations] - taken[1]) / (combinations - 1), memory


def resident(address: str) -> dict[str, int]:
    """Return each worker's bytes in memory."""
    with Client(address, set_as_default=False) as client:
        found: dict[str, int] = client.run(lambda: psutil.Process().memory_info().rss)
    return found
