"""The program as a process of its own, to be killed and run again."""

import atexit
import faulthandler
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import psutil

from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

KILLED = -9
# Programs are forked from a process with one thread: a copied lock that another one held would never be released.
os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"


@dataclass
class Ended:
    code: int
    stdout: str
    stderr: str
    epochs: int = 0  # that it computed, if it was to count them

    @property
    def output(self) -> str:
        return self.stderr + self.stdout


class Program:
    """`python -m flows` with these flags, the artifact root among them, in this environment."""

    def __init__(self, artifacts: Path, *flags: object, **environment: str) -> None:
        self.artifacts = artifacts
        self.flags = ["--artifacts", str(artifacts), *map(str, flags)]
        self.environment = environment
        self.folder = PROJECT
        self.log = artifacts.with_name(f"{artifacts.name}.log")

    def start(self, *, forked: bool = True, **environment: str) -> "Running":
        """Start it as a user would, or forked from a process that has done the imports: a fifth of the time.

        Then the Prefect server that it starts if it is told of none is forked, too. COUNT_EPOCHS=1 has epochs counted,
        DRAWN=1 pictures drawn in full; with PATIENT=1 no signal forces its end; SECONDS_TO_ANSWER is what W&B's service
        has.
        """
        if not forked:
            with self.log.open("w") as log, table_of(self.log).open("w") as table:
                process = subprocess.Popen(
                    [sys.executable, "-m", "flows", *self.flags],
                    cwd=self.folder,
                    env=clean_environment() | self.environment | environment | {"HOSTILE_LOG": str(self.log)},
                    stdout=table,
                    stderr=log,
                    start_new_session=True,
                )
            return Running(process, self.log)
        return fork("flows", self.flags, self.log, self.environment | environment, self.folder)

    def run(self, **environment: str) -> Ended:
        return self.start(forked=True, **environment).wait()


def fork(
    module: str, arguments: Iterable[object], log: Path, environment: Mapping[str, str], folder: Path = PROJECT
) -> "Running":
    """`python -m module`, forked from a process that has done the imports."""
    here = {**environment, "HOSTILE_LOG": str(log)}
    process = FORKED.Process(target=main, args=(module, list(map(str, arguments)), here, folder, log))
    process.start()
    return Running(Forked(process), log)


class Forked:
    """Of a forked process what `subprocess.Popen` has of another."""

    def __init__(self, process: Any) -> None:
        self.process, self.pid = process, process.pid

    def poll(self) -> int | None:
        code: int | None = self.process.exitcode
        return code

    def wait(self, timeout: float) -> int:
        self.process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired("flows", timeout)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self.process.kill()


class ForkedServer(Forked):
    """The same for the temporary server, which ends with its standard input."""

    def __init__(self, command: list[str], *, env: dict[str, str], stdout: BinaryIO, **_: Any) -> None:
        read, write = os.pipe()
        arguments = (int(command[-1]), env, read, write, stdout.fileno())
        process = multiprocessing.get_context("fork").Process(target=serve, args=arguments)
        process.start()
        super().__init__(process)
        with server_of(Path(os.environ["HOSTILE_LOG"])).open("a") as file:
            print(self.pid, file=file)
        os.close(read)
        self.stdin = os.fdopen(write, "wb")


class Running:
    def __init__(self, process: subprocess.Popen[bytes] | Forked, log: Path) -> None:
        self.process, self.log = process, log
        self.began = time.monotonic()

    def wait(self) -> Ended:
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as error:
            for process in self.family():
                process.kill()
            error.add_note(self.log.read_text())  # its threads' stacks among it
            raise
        counted = self.log.with_suffix(".epochs")
        epochs = int(counted.read_text()) if counted.exists() else 0
        return Ended(code, table_of(self.log).read_text(), self.log.read_text(), epochs)

    def wait_for(self, pattern: str, folder: Path, count: int = 1) -> None:
        """Until so many files like this are there; fails if the program ends before."""
        while len(list(folder.glob(pattern))) < count:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() - self.began < PATIENCE
            time.sleep(0.01)

    def orphans(self) -> list[psutil.Process]:
        """What still runs some time after the program has ended."""
        end = time.monotonic() + 60
        while (found := self.family()) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    def family(self) -> list[psutil.Process]:
        """Itself and every process that it started, which all have its environment, or are forked servers."""
        servers = server_of(self.log)
        known = {self.process.pid, *map(int, servers.read_text().split() if servers.exists() else [])}
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                ended = process.status() == psutil.STATUS_ZOMBIE
                if not ended and (process.pid in known or process.environ().get("HOSTILE_LOG") == str(self.log)):
                    found.append(process)
        return found


def server_of(log: Path) -> Path:
    """Where the ids of the servers are that it forked."""
    return log.with_suffix(".servers")


def table_of(log: Path) -> Path:
    """Where it writes what it prints, beside the log of what it says."""
    return log.with_suffix(".out")


SERVER = ["uvicorn", "prefect.server.api.server"]  # which its process imports
FORKED: Any = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload([__name__, "flows.__main__", "flows.sweep", "wandb.sdk.launch", "tests.warm", *SERVER])


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


def serve(listening: int, environment: dict[str, str], stdin: int, others: int, log: int) -> None:
    """In the forked process of the temporary server; `others` is the end of its standard input that is not its own."""
    os.setsid()
    os.close(others)
    for descriptor, number in ((stdin, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, number)
    sys.stdin = os.fdopen(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # not as the program would
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    from prefect.context import refresh_global_settings_context

    from execution.orchestration import server

    refresh_global_settings_context()
    server.serve(socket.socket(fileno=listening))


def main(module: str, arguments: list[str], environment: dict[str, str], folder: Path, log: Path) -> None:
    """In the forked process."""
    os.setsid()
    os.chdir(folder)
    for path, descriptor in ((table_of(log), 1), (log, 2)):
        with path.open("w") as file:
            os.dup2(file.fileno(), descriptor)
    faulthandler.dump_traceback_later(PATIENCE - 5, file=2)
    for name in os.environ.keys() - clean_environment().keys():
        del os.environ[name]
    os.environ.update({"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"} | environment)
    sys.argv = [module, *arguments]
    from prefect.context import refresh_global_settings_context
    from wandb.sdk.data_types._private import MEDIA_TMP

    # W&B's client made a folder for its tables when it was imported, which goes with the first of the forked to end.
    MEDIA_TMP.name = tempfile.mkdtemp(dir=log.parent)
    if module == "flows":
        code = run_flows(environment, log)
    else:
        refresh_global_settings_context()  # Prefect read the environment when it was imported
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
    threading._shutdown()  # type: ignore[attr-defined]  # Prefect says its last words then, to a server that ends next
    atexit._run_exitfuncs()  # multiprocessing leaves without
    sys.exit(code)


def run_flows(environment: dict[str, str], log: Path) -> int:
    """The program, with what tests want of it otherwise."""
    from prefect.context import refresh_global_settings_context
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from execution.orchestration import server, signals
    from execution.tracking import service
    from flows import __main__
    from tests.sketches import use_sketches

    if "PATIENT" in environment:
        signals.SECONDS_TO_STOP = 2 * PATIENCE
    if seconds := environment.get("SECONDS_TO_ANSWER"):
        service.SECONDS_TO_ANSWER = float(seconds)
    if "DRAWN" not in environment:
        use_sketches(setattr)
    server.subprocess = SimpleNamespace(  # type: ignore[assignment, attr-defined]
        **vars(subprocess) | {"Popen": ForkedServer}
    )
    computed = count_epochs() if "COUNT_EPOCHS" in environment else []
    set_up = __main__.set_up_prefect
    with ExitStack() as settings:

        def set_up_prefect(execution: Any) -> Any:
            own = set_up(execution)
            refresh_global_settings_context()  # Prefect read the environment when it was imported
            # A flow's end waits for a second for its heartbeats.
            settings.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
            return own

        __main__.set_up_prefect = set_up_prefect
        code = __main__.main()
    if "COUNT_EPOCHS" in environment:
        log.with_suffix(".epochs").write_text(str(len(computed)))
    return code
