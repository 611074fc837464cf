"""How far the grid is: a live line on a terminal, a plain line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from experiment.results import Trained
from flows import shown

log = logging.getLogger("sweep")

SECONDS_BETWEEN_LINES = 5.0


class GridProgress:
    """Counts trainings as they end; `line` says it in words."""

    def __init__(self, total: int, workers: int) -> None:
        self.total, self.workers = total, workers
        self.done = self.cached = self.failed = 0
        self.best: Trained | None = None
        self.started = time.monotonic()
        self.last_line = self.started
        self.bar: Progress | None = None
        self.artifact = shown.begin_progress(total)  # in the Prefect UI

    def add(self, trained: Trained | None, cached: bool) -> None:
        """One more has ended: None when it failed."""
        self.done += 1
        self.cached += cached
        self.failed += trained is None
        if trained and trained.val_accuracy is not None:
            best = self.best.val_accuracy if self.best else None
            if best is None or trained.val_accuracy > best:
                self.best = trained
        now, words = time.monotonic(), self.words()
        if self.bar:
            self.bar.update(self.bar.task_ids[0], completed=self.done, words=words)
        if now - self.last_line >= SECONDS_BETWEEN_LINES or self.done == self.total:
            self.last_line = now
            shown.progressed(self.artifact, self.done, self.total, words)
            log.info("train: %d of %d done, %s", self.done, self.total, words, extra={"console": not self.bar})

    def words(self) -> str:
        parts = []
        if self.cached:
            parts.append(f"{self.cached} cached")
        if self.failed:
            parts.append(f"{self.failed} failed")
        if running := min(self.workers, self.total - self.done):
            parts.append(f"{running} running")
        if self.best:
            parts.append(f"best so far {self.best.val_accuracy:.2%} ({self.best.combination})")
        trained = self.done - self.cached
        if running and trained:
            left = (time.monotonic() - self.started) / trained * (self.total - self.done)
            parts.append(f"at most {duration(left)} left")  # the longest go first
        return ", ".join(parts)


@contextmanager
def grid_progress(total: int, workers: int) -> Iterator[GridProgress]:
    progress = GridProgress(total, workers)
    if not sys.stderr.isatty():
        yield progress
        return
    columns = (
        SpinnerColumn(),
        TextColumn("train"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress.bar:
        progress.bar.add_task("train", total=total, words=progress.words())
        yield progress
    log.info("train: %d of %d done, %s", progress.done, total, progress.words())


def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
