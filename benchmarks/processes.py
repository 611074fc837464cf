"""Run the program as its users do and watch it from outside."""

import contextlib
import itertools
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[1]
SECONDS_BETWEEN_SAMPLES = 0.05
PARTS = ("program", "server", "others")


@dataclass(frozen=True)
class Ended:
    seconds: float  # from the start of the process to its exit
    rss: int  # bytes, the largest sum seen over the process and all below it; shared pages count in each
    pss: int  # with shared pages divided among the sharers, the largest seen when RSS was at a new high
    processes: int  # most seen at one time
    watching: float  # processor seconds that the sampling took, beside the program
    processor: dict[str, float]  # seconds of the program, of Prefect's server, and of all else below it


def program(*arguments: str) -> Ended:
    return python("-m", "flows", *arguments)


def python(*arguments: str) -> Ended:
    """Run the interpreter to its end, in the project's folder.

    Raises
    ------
    RuntimeError : it did not end with 0; with its last lines
    """
    started = time.perf_counter()
    process = begun(*arguments, stdout=subprocess.PIPE)
    sampler = Sampler(process.pid)
    sampler.start()
    try:
        output, _ = process.communicate()
        seconds = time.perf_counter() - started
    finally:
        process.terminate()  # does nothing to one that has ended
        sampler.stop.set()
        sampler.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{output[-2000:]}")
    taken = {part: sum(spent for of, spent in sampler.processor.values() if of == part) for part in PARTS}
    return Ended(seconds, sampler.rss, sampler.pss, sampler.processes, sampler.cost, taken)


def begun(*arguments: str, stdout: int) -> "subprocess.Popen[str]":
    """Start the interpreter in the project's folder, without the user's settings of Prefect and W&B."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "PREFECT_"))},
        stdout=stdout,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Sampler(threading.Thread):
    """Sums the memory of a process and its descendants every 50 ms.

    RSS takes microseconds to read; PSS takes the kernel milliseconds, so it is read when RSS is at a new high, and
    the tree is looked through anew twice a second.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.root = psutil.Process(pid)
        self.stop = threading.Event()
        self.rss = self.pss = self.processes = 0
        self.cost = 0.0
        self.processor: dict[int, tuple[str, float]] = {}  # by the process's number: its part, and seconds

    def run(self) -> None:
        tree: list[psutil.Process] = []
        for sample in itertools.count():
            if self.stop.wait(SECONDS_BETWEEN_SAMPLES):
                break
            with contextlib.suppress(psutil.NoSuchProcess):
                if sample % 10 == 0:
                    tree = [self.root, *self.root.children(recursive=True)]
            rss = total(tree, lambda process: process.memory_info().rss)
            if rss > self.rss * 1.01:
                self.rss = rss
                self.pss = max(self.pss, total(tree, lambda process: getattr(process.memory_full_info(), "pss", 0)))
            self.rss, self.processes = max(self.rss, rss), max(self.processes, len(tree))
            for process in tree:
                with contextlib.suppress(psutil.Error):
                    self.processor[process.pid] = (self.part(process), processor_seconds(process))
            self.cost = time.thread_time()

    def part(self, process: psutil.Process) -> str:
        if known := self.processor.get(process.pid):
            return known[0]
        return (
            PARTS[0]
            if process == self.root
            else PARTS[1]
            if "execution.orchestration.server" in process.cmdline()
            else PARTS[2]
        )


def processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def total(tree: list[psutil.Process], value: Callable[[psutil.Process], int]) -> int:
    """Over those that are still there."""
    result = 0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            result += value(process)
    return result


def steps(artifacts: Path, trainings: int) -> dict[str, float]:
    """Seconds from the start of the first to the end of the last task run of each step, by Prefect's own record.

    Raises
    ------
    RuntimeError : Prefect has not recorded every task run as completed, the `trainings` among them
    """
    query = """select substr(name, 1, instr(name || ' ', ' ') - 1) as step, sum(state_type <> 'COMPLETED'),
        86400 * (max(julianday(end_time)) - min(julianday(start_time))) from task_run
        where name not like 'train-%' group by step"""  # that is the nested flow run
    rows = ask(artifacts, query)
    if bad := [step for step, unfinished, _ in rows if unfinished]:
        raise RuntimeError(f"Prefect has no end of some task runs of {', '.join(bad)}")
    if (known := recorded(artifacts)) != trainings:
        raise RuntimeError(f"Prefect knows the end of {known} of {trainings} trainings")
    return {step: seconds for step, _, seconds in rows}


def recorded(artifacts: Path) -> int:
    """Trainings that Prefect's database says were completed: events still on their way when it stops are lost."""
    names = ask(artifacts, "select name from task_run where name like 'train %' and state_type = 'COMPLETED'")
    batches = (re.search(r"\((\d+)\)$", name) for (name,) in names)  # so many in one task run
    return sum(int(batch[1]) if batch else 1 for batch in batches)


def ask(artifacts: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{artifacts}/prefect/prefect.db?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()
