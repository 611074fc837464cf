"""How far the grid is: a live line on a terminal, a plain line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from experiment.axes import axes_of
from experiment.results.trained import Trained
from experiment.values import text
from flows.ui import artifacts as shown

log = logging.getLogger("sweep")

SECONDS_BETWEEN_LINES = 5.0
SHOWN = 5  # of the best, while the grid is trained


class Display(Progress):
    """A bar and, below it, the best trainings so far."""

    best: Sequence[Trained] = ()  # the best first

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if self.best:
            yield standings(self.best)


def standings(best: Sequence[Trained]) -> Table:
    """Return some trainings as a table."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    axes = axes_of(trained.combination for trained in best)
    for heading in (*(axis.label for axis in axes.values()), "accuracy", "loss", "epoch"):
        table.add_column(heading, justify="right")
    for trained in best:
        values = [text(getattr(trained.combination, name)) for name in axes]
        table.add_row(
            *values, f"{trained.val_accuracy:.2%}", f"{trained.val_cross_entropy:.4f}", f"{trained.best_epoch}"
        )
    return table


class GridProgress:
    """Counts trainings as they end; `line` says it in words."""

    def __init__(self, total: int, workers: int, called: str) -> None:
        self.total, self.workers, self.called = total, workers, called
        self.done = self.cached = self.failed = self.left = 0
        self.best: list[Trained] = []
        self.started = time.monotonic()
        self.last_line = self.started
        self.bar: Display | None = None
        self.artifact = shown.begin_progress(total)  # in the Prefect UI

    def add(self, trained: Trained | None, cached: bool, left: bool) -> None:
        """One more has ended: None when it failed or was left."""
        self.done += 1
        self.cached += cached
        self.left += left
        self.failed += trained is None and not left
        if trained and trained.val_accuracy is not None:
            self.best = sorted([*self.best, trained], key=lambda run: -(run.val_accuracy or 0))[:SHOWN]

    def show(self) -> None:
        """Show how far it is; to be called when all that ended together is counted."""
        now = time.monotonic()
        if self.bar:
            self.bar.best = self.best
            self.bar.update(self.bar.task_ids[0], completed=self.done, words=", ".join(self.counts()))
        if now - self.last_line >= SECONDS_BETWEEN_LINES or self.done == self.total:
            self.last_line, words = now, self.words()
            shown.progressed(self.artifact, self.done, self.total, words)
            log.info(
                "%s: %d of %d done, %s", self.called, self.done, self.total, words, extra={"console": not self.bar}
            )

    def words(self) -> str:
        best = [f"best so far {run.val_accuracy:.2%} ({run.combination})" for run in self.best[:1]]
        return ", ".join([*self.counts(), *best])

    def counts(self) -> list[str]:
        parts = []
        if self.cached:
            parts.append(f"{self.cached} cached")
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.left:
            parts.append(f"{self.left} left")
        if running := min(self.workers, self.total - self.done):
            parts.append(f"{running} running")
        trained = self.done - self.cached
        if running and trained:
            left = (time.monotonic() - self.started) / trained * (self.total - self.done)
            parts.append(f"at most {duration(left)} left")  # the longest go first
        return parts


@contextmanager
def grid_progress(total: int, workers: int, called: str) -> Iterator[GridProgress]:
    progress = GridProgress(total, workers, called)
    if not sys.stderr.isatty():
        yield progress
        return
    columns = (
        SpinnerColumn(),
        TextColumn(called),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
    )
    progress.bar = Display(*columns, console=Console(stderr=True), transient=True)
    with progress.bar:
        progress.bar.add_task(called, total=total, words=", ".join(progress.counts()))
        yield progress
    log.info("%s: %d of %d done, %s", called, progress.done, total, progress.words())


def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
