"""The same sweep on threads and on a Dask cluster, and what a combination costs on one whose artifacts are in S3."""

import contextlib
import os
import subprocess
from typing import NamedTuple

import numpy as np
import psutil
from distributed import Client

from benchmarks.data import ONCE, QUICK, cold, made_up
from benchmarks.overhead import TINY
from benchmarks.processes import processor_seconds, program
from benchmarks.results import Bench, Section, figure, ratio, spread
from experiment.data.formats import FASHION_MNIST
from tests.flows.dask_cluster import Cluster
from tests.object_store import ObjectStore

KINDS = {"threads": [], "processes": ["--runner", "processes"], "dask": ["--runner", "dask"]}


class OnCluster(NamedTuple):
    cost: float  # seconds that one more combination takes
    processor: dict[str, float]  # of which processors work, by whose
    memory: list[float]  # that each worker holds more after trainings on the sweep's data, in grey levels


def run(bench: Bench) -> Section:
    rounds, combinations = (1, 3) if bench.quick else (3, 200)
    kinds = {} if bench.quick else KINDS
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(rounds):
        for kind, flags in kinds.items():
            _, arguments = cold(bench, f"runners-{kind}-{turn}")
            seconds[kind].append(program(*arguments, *flags, "--workers", "2", "--wandb-mode", "offline").seconds)
    remote = on_cluster(bench, combinations)

    section = Section(
        "Runners",
        [
            "The whole sweep from process start to exit, cold, W&B offline, 2 workers, in turns.",
            "Then a combination that takes no time to train, tracking off, on a cluster of two workers that have "
            "imported and compiled, artifacts in an S3 on loopback (moto, in Python). "
            f"{TINY[0]} examples × {TINY[1]} features, 2 epochs: (milliseconds of {combinations} − of 1) / "
            f"{combinations - 1}, and for how long of it processors work, on two cores. Memory: what a worker has more "
            "after trainings on the sweep's data than before, ÷ the bytes of its grey levels.",
        ],
        [["runner", "seconds", "÷ threads"]],
        {**seconds, **remote._asdict()},
    )
    section.table += [[kind, spread(taken), ratio(taken, seconds["threads"])] for kind, taken in seconds.items()]
    section.table += [
        ["**a combination on the cluster, ms**", figure(1000 * remote.cost), ""],
        *([f"– {part}, of processor", figure(1000 * spent), ""] for part, spent in remote.processor.items()),
        ["**a worker's memory, in grey levels**", spread(remote.memory), ""],
    ]
    return section


def on_cluster(bench: Bench, combinations: int) -> OnCluster:
    """Measure the cluster."""
    # As pictures they are grey levels, as the sweep's data are, so that the same kernel is compiled.
    tiny = ["--data-dir", str(made_up(bench.scratch / "tiny-remote", *TINY)), "--pictures", "4x4"]
    _, (_, _, *real) = cold(bench, "runners-cluster")
    folder = bench.scratch / "cluster"
    with ObjectStore() as store, contextlib.closing(Cluster(folder, store.environment, forked=bench.quick)) as dask:
        os.environ |= store.environment
        address = dask.address
        where = ["--wandb-mode", "disabled", "--runner", "dask", "--dask-address", address]
        taken, spent = {}, {}
        for n in (1, combinations) if bench.quick else (2, 1, combinations):  # first the workers import and compile
            rates = [f"{rate:.6f}" for rate in np.linspace(0.001, 0.1, n)]
            grid = ["--learning-rates", *rates, "--batch-sizes", "16", "--alphas", "0", "--max-epochs", "2", *ONCE]
            before = of_cluster(dask)
            ended = program("--artifacts", f"s3://bucket/{n}", *where, *tiny, *grid)
            own = {"program": ended.processor["program"], "Prefect's server": ended.processor["server"]}
            spent[n] = own | {part: seconds - before[part] for part, seconds in of_cluster(dask).items()}
            spent[n]["store"] -= ended.watching
            taken[n] = ended.seconds
        levels = int(np.prod(FASHION_MNIST["train_images"].shape)) if not bench.quick else QUICK[0] * QUICK[1]
        held = resident(address)
        short = [] if bench.quick else ["--max-epochs", "2"]  # quick data are short already
        program("--artifacts", "s3://bucket/real", *where, *real, "--learning-rates", "0.1", *short)
        memory = [(now - held[worker]) / levels for worker, now in resident(address).items()]
    each = combinations - 1
    processor = {part: (spent[combinations][part] - spent[1][part]) / each for part in spent[1]}
    return OnCluster((taken[combinations] - taken[1]) / each, processor, memory)


def of_cluster(dask: Cluster) -> dict[str, float]:
    """Return processor seconds of its parts so far, and of the store, which is a part of this process."""

    def family(process: subprocess.Popen[bytes]) -> float:
        root = psutil.Process(process.pid)
        return sum(processor_seconds(one) for one in (root, *root.children(recursive=True)))

    return {
        "scheduler": family(dask.scheduler),
        "workers": sum(map(family, dask.workers)),
        "store": processor_seconds(psutil.Process()),
    }


def resident(address: str) -> dict[str, int]:
    """Return each worker's bytes in memory."""
    with Client(address, set_as_default=False) as client:
        found: dict[str, int] = client.run(lambda: psutil.Process().memory_info().rss)
    return found
