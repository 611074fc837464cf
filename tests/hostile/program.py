"""The program as a process of its own, to be killed and run again."""

import atexit
import faulthandler
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.conftest import PATIENCE, PROJECT, clean_environment

KILLED = -9


@dataclass
class Ended:
    code: int
    output: str
    seconds: float
    epochs: int = 0  # that it computed, if it was to count them


class Program:
    """`python -m flows` with these flags, the artifact root among them, in this environment."""

    def __init__(self, artifacts: Path, *flags: object, **environment: str) -> None:
        self.artifacts = artifacts
        self.flags = ["--artifacts", str(artifacts), *map(str, flags)]
        self.environment = environment
        self.log = artifacts.with_name(f"{artifacts.name}.log")

    def start(self, **environment: str) -> "Running":
        with self.log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "flows", *self.flags],
                cwd=PROJECT,
                env=clean_environment() | self.environment | environment | {"HOSTILE_LOG": str(self.log)},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Running(process, self.log)

    def run(self, **environment: str) -> Ended:
        return self.start(**environment).wait()

    def run_forked(self, **environment: str) -> Ended:
        """The same, forked from a process that has done the imports: a fifth of the time.

        COUNT_EPOCHS=1 has the epochs counted.
        """
        process = FORKED.Process(target=main, args=(self.flags, self.environment | environment, self.log))
        began = time.monotonic()
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
        assert process.exitcode is not None, f"still running after {PATIENCE} s: {self.log.read_text()}"
        counted = self.log.with_suffix(".epochs")
        epochs = int(counted.read_text()) if "COUNT_EPOCHS" in environment and process.exitcode == 0 else 0
        return Ended(process.exitcode, self.log.read_text(), time.monotonic() - began, epochs)


class Running:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process, self.log = process, log
        self.began = time.monotonic()

    def wait(self) -> Ended:
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for process in self.family():
                process.kill()
            raise
        return Ended(code, self.log.read_text(), time.monotonic() - self.began)

    def wait_for(self, pattern: str, folder: Path, count: int = 1) -> None:
        """Until so many files like this are there; fails if the program ends before."""
        while len(list(folder.glob(pattern))) < count:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() - self.began < PATIENCE
            time.sleep(0.01)

    def orphans(self, patience: float = 3.0) -> list[psutil.Process]:
        """What still runs some time after the program has ended."""
        end = time.monotonic() + patience
        while (found := self.family()) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def family(self) -> list[psutil.Process]:
        """Itself and every process that it started, which all have its environment."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get("HOSTILE_LOG") == str(self.log):
                    found.append(process)
        return found


FORKED: Any = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [__name__, "flows.__main__", "flows.sweep", "wandb.sdk.launch", "softmax.kernels", "report.pictures"]
)


def nothing() -> None:
    """Something to fork for."""


def count_epochs() -> list[float]:
    """Return what grows by one with every epoch of the kernel, on small data."""
    from softmax import kernels

    computed: list[float] = []
    sgd_epoch = kernels.sgd_epoch

    def counted(*given: Any, **more: Any) -> float:
        computed.append(sgd_epoch(*given, **more))
        return computed[-1]

    kernels.sgd_epoch = counted
    return computed


def main(flags: list[str], environment: dict[str, str], log: Path) -> None:
    """In the forked process."""
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    faulthandler.dump_traceback_later(PATIENCE - 5, file=2)
    for name in os.environ.keys() - clean_environment().keys():
        del os.environ[name]
    os.environ.update(environment)
    sys.argv = ["flows", *flags]
    from wandb.sdk.data_types._private import MEDIA_TMP

    from flows.__main__ import main

    # W&B's client made a folder for its tables when it was imported, which goes with the first of the forked to end.
    MEDIA_TMP.name = tempfile.mkdtemp(dir=log.parent)

    computed = count_epochs() if "COUNT_EPOCHS" in environment else []
    code = main()
    log.with_suffix(".epochs").write_text(str(len(computed)))
    atexit._run_exitfuncs()  # multiprocessing leaves without
    sys.exit(code)
