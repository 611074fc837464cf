"""A Dask cluster as processes of their own, which share nothing with the test but the machine."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from distributed import Client

from tests.patience import PATIENCE, until

LOOPBACK = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")

# For workers that are killed: they come back forked from a process that has imported what is not the project's.
FORKED = {"DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD": "forkserver"}
IMPORTED = ["distributed", "numba", "pandas", "prefect.flow_engine", "prefect.task_engine", "wandb.sdk.launch"]
IMPORT = f"from distributed.utils import get_mp_context; get_mp_context().set_forkserver_preload({IMPORTED})"


class Cluster:
    """A scheduler and two workers of one thread each, on a machine each or, if they are to be forked, on one.

    Each machine has a HOME and a working directory that are empty at first, and of the environment only what it is
    given.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str] = MappingProxyType({}), *, forked: bool = False
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.environment = folder, {**environment, **(FORKED if forked else {})}
        self.options = ["--preload-nanny", IMPORT, "--nworkers", "2"] if forked else []
        self.machines = 1 if forked else 2
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.begin()

    def begin(self) -> None:
        self.scheduler = self.start("scheduler", "--port", str(self.port))
        for _ in range(self.machines):
            self.add_worker()
        self.wait(2)

    def begin_again(self) -> None:
        """After the scheduler's end, with which workers end, too, and their nannies after them."""
        self.scheduler.wait()
        while self.workers:
            self.remove(self.workers[-1])
        self.begin()

    def add_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--local-directory", ".", *self.options]
        self.workers.append(self.start("worker", self.address, *options, **environment))
        return self.workers[-1]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        here = self.folder / f"{arguments[0]}-{len(self.workers)}"
        for name in ("home", "work"):
            (here / name).mkdir(parents=True, exist_ok=True)
        about = {"HOME": str(here / "home"), "PATH": os.environ["PATH"], "HOSTILE_LOG": str(self.folder)}
        about |= {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")}  # the same machine
        with (here / "log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *arguments, *LOOPBACK],
                cwd=here / "work", env=about | self.environment | environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def wait(self, workers: int) -> None:
        """Until the scheduler knows of so many."""
        with Client(self.address, timeout=PATIENCE, set_as_default=False) as client:
            until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) >= workers)

    def remove(self, worker: subprocess.Popen[bytes]) -> None:
        self.workers.remove(worker)
        kill(worker)

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # a worker has a nanny
    process.wait()
