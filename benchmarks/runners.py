"""The same sweep on threads and on a Dask cluster, and what a combination costs on one whose artifacts are in S3."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from distributed import Client
from moto.server import ThreadedMotoServer

from benchmarks.data import QUICK, cold, made_up
from benchmarks.overhead import TINY
from benchmarks.processes import program
from benchmarks.results import Bench, Section, figure, ratio, spread
from experiment.data.formats import FASHION_MNIST

KINDS = {"threads": [], "processes": ["--runner", "processes"], "dask": ["--runner", "dask"]}
BUCKET = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
SECONDS_TO_START = 60


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
    with cluster(bench.scratch / "cluster") as address:
        where = ["--wandb-mode", "disabled", "--runner", "dask", "--dask-address", address]
        taken = {}
        for n in (2, 1, combinations):  # the first has the workers import and compile
            rates = [f"{rate:.6f}" for rate in np.linspace(0.001, 0.1, n)]
            grid = ["--data-dir", str(data), "--learning-rates", *rates, "--batch-sizes", "16", "--alphas", "0"]
            taken[n] = program("--artifacts", f"s3://bucket/{n}", *where, *grid, "--max-epochs", "2").seconds
        before = resident(address)
        program("--artifacts", "s3://bucket/real", *where, *real, "--learning-rates", "0.1", "--max-epochs", "2")
        after = resident(address)
    levels = int(np.prod(FASHION_MNIST["train_images"].shape)) if not bench.quick else QUICK[0] * QUICK[1]
    memory = [(after[worker] - before[worker]) / levels for worker in before]
    return (taken[combinations] - taken[1]) / (combinations - 1), memory


def resident(address: str) -> dict[str, int]:
    """Return each worker's bytes in memory."""
    with Client(address, set_as_default=False) as client:
        found: dict[str, int] = client.run(lambda: psutil.Process().memory_info().rss)
    return found


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """A Dask scheduler and two workers, and an S3 that they and this process's programs use; gives the address."""
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    os.environ |= BUCKET | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}
    subprocess.run(["curl", "-fsS", "-X", "PUT", f"http://{host}:{port}/bucket"], check=True)
    folder.mkdir()
    file, loopback = folder / "scheduler.json", ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
    commands = [["scheduler", "--port", "0", "--scheduler-file", str(file)]]
    commands += [["worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-nanny"]] * 2
    with (folder / "log").open("w") as log, contextlib.ExitStack() as ending:
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command, *loopback], cwd=folder, stdout=log, stderr=log
            )
            ending.callback(process.wait)
            ending.callback(process.terminate)
        until = time.monotonic() + SECONDS_TO_START
        while not file.exists() and time.monotonic() < until:
            time.sleep(0.1)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=SECONDS_TO_START)
            address = client.scheduler.address
        yield address
    store.stop()
