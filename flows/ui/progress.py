"""Progress of the trainings: a live line on a terminal, otherwise a plain line now and then."""

import logging
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime
from operator import itemgetter

import numpy as np
from prefect.context import FlowRunContext
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from execution.config import RunContext
from execution.orchestration.forecast import Standing, forecast, halved_epochs, unknown
from experiment.axes import Combination, axes_of
from experiment.config import Experiment
from experiment.results.trained import Trained
from experiment.search.halving import survivors
from experiment.search.ranking import Candidate, rank
from experiment.values import text
from flows.ui import artifacts as shown

log = logging.getLogger("sweep")

SECONDS_BETWEEN_SHOWS = 0.5  # a forecast takes milliseconds, dozens of them for thousands of trainings
SECONDS_BETWEEN_LINES = 5.0
LINES = 20  # approximate number of lines so far: the longer a sweep runs, the rarer they are
SHOWN = 5  # best trainings to show


class Display(Progress):
    """A progress bar and, below it, the best trainings so far."""

    best: Sequence[Trained] = ()  # the best first

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if self.best:
            yield standings(self.best)


def standings(best: Sequence[Trained]) -> Table:
    """Trainings as a table."""
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


Job = tuple[Combination, int]  # and the seed


class GridProgress:
    """Counts of finished trainings and of epochs, with a forecast of the remaining time."""

    def __init__(
        self, experiment: Experiment, execution: RunContext, jobs: Sequence[Job], until: int | None, to_come: int
    ) -> None:
        self.experiment, self.execution, self.until, self.to_come = experiment, execution, until, to_come
        self.called = "train" if until is None else f"train to epoch {until}"
        rungs = experiment.rungs
        self.later = rungs[rungs.index(until) + 1 :]
        self.before = (0, *(rung or 0 for rung in rungs))[rungs.index(until)]
        self.at = {job: position for position, job in enumerate(jobs)}
        self.total, self.workers = len(jobs), execution.workers
        self.ended: dict[int, Standing | None] = {}  # ended trainings, by position; None: without a result
        self.running: dict[int, Standing] = {}
        self.cached = self.failed = self.left = 0
        self.fraction = 0.0  # of all epochs
        self.ranked: list[tuple[tuple[float, ...], Trained]] = []  # the best, in the order of the final ranking
        self.begun = self.last_line = time.monotonic()
        self.last_shown = 0.0
        limit = execution.time_limit
        self.limit = None if limit is None else limit.total_seconds() - already()
        self.bar: Display | None = None
        self.artifact = shown.begin_progress(self.total)  # in the Prefect UI
        self.lock = threading.RLock()  # one thread counts ended trainings, another polls the running ones

    @property
    def best(self) -> list[Trained]:
        return [trained for _, trained in self.ranked]

    @property
    def done(self) -> int:
        return len(self.ended)

    def add(self, job: Job, trained: Trained | None, cached: bool, left: bool) -> None:
        """Count a training that ended; None if it failed or was left unfinished."""
        with self.lock:
            self.cached += cached
            self.left += left
            self.failed += trained is None and not left
            self.ended[self.at[job]] = None if trained is None else self.standing(trained, job[1])
            if trained and not trained.diverged:
                order = rank(Candidate(combination=trained.combination, trained=(trained,)), self.experiment.select_by)
                self.ranked = sorted([*self.ranked, ((*order, self.at[job]), trained)], key=itemgetter(0))[:SHOWN]

    def standing(self, trained: Trained, seed: int) -> Standing:
        """Final progress of a training that ended or paused."""
        epochs, recipe = trained.epochs_trained, self.experiment.recipe
        pauses = epochs == self.until and epochs < recipe.max_epochs and not trained.diverged
        return Standing(
            combination=trained.combination, seed=seed, epochs=epochs, before=min(self.before, epochs - 1),
            seconds=max(trained.seconds, 1e-6), expected=unknown(epochs, recipe.max_epochs) if pauses else epochs,
        )  # fmt: skip

    def look(self) -> None:
        """Read the progress of the running trainings, and show it."""
        standings = self.execution.state.standings()
        found = {self.at[job]: one for one in standings if (job := (one.combination, one.seed)) in self.at}
        with self.lock:
            self.running = {position: one for position, one in found.items() if position not in self.ended}
            self.show()

    def show(self) -> None:
        """Show the progress; called after all trainings that ended together are counted."""
        with self.lock:
            now = time.monotonic()
            if now - self.last_shown < SECONDS_BETWEEN_SHOWS and self.done < self.total:
                return
            self.last_shown, parts = now, self.counts(self.seconds_left())
            if self.bar:
                self.bar.best = self.best
                self.bar.update(self.bar.task_ids[0], completed=self.fraction, words=", ".join(parts))
            seldom = max(SECONDS_BETWEEN_LINES, (now - self.begun) / LINES)
            if now - self.last_line >= seldom or self.done == self.total:
                self.last_line, words = now, self.words(parts)
                shown.progressed(self.artifact, self.fraction, words)
                log.info("%s: %s", self.called, words, extra={"console": not self.bar})

    def seconds_left(self) -> float | None:
        """Remaining seconds of the search, at most to the time limit; None while nothing is known."""
        known = {**{at: one for at, one in self.ended.items() if one}, **self.running}
        recipe, most = self.experiment.recipe, self.until or self.experiment.max_epochs
        assert recipe.patience is not None
        found = forecast([job[0] for job in self.at], known, self.before, recipe.patience, most)
        if self.done == self.total:
            self.fraction = 1.0
        if found is None:
            return self.in_time(None)
        found.left[list(self.ended)] = 0
        expected = float(found.expected.clip(max=recipe.max_epochs).mean())
        halving = self.experiment.halving
        seeds = len(self.experiment.training_seeds)
        going, at_once = survivors(self.total // seeds, halving or 1), min(self.experiment.at_once, self.total // seeds)
        more = seeds * halved_epochs(going, self.later, halving, expected, self.until or 0)
        each = halved_epochs(at_once, self.experiment.rungs, halving, expected) / at_once
        more += seeds * self.to_come * each
        done = float(np.sum([one.epochs - one.before for one in known.values()]))
        self.fraction = max(self.fraction, done / (done + found.left.sum()) if self.done < self.total else 1.0)
        seconds = found.seconds(self.workers) + more * float(found.pace.mean()) / self.workers
        return self.in_time(seconds)

    def in_time(self, seconds: float | None) -> float | None:
        """The seconds, or those until the time limit if that is sooner."""
        if self.limit is None:
            return seconds
        left = max(self.limit - (time.monotonic() - self.begun), 0)
        return left if seconds is None else min(seconds, left)

    def words(self, parts: Sequence[str]) -> str:
        best = [f"best so far {run.val_accuracy:.2%} ({run.combination})" for run in self.best[:1]]
        return ", ".join([f"{self.done} of {self.total} done", *parts, *best])

    def counts(self, left: float | None) -> list[str]:
        parts = []
        if self.cached:
            parts.append(f"{self.cached} cached")
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.left:
            parts.append(f"{self.left} left")
        if running := min(self.workers, self.total - self.done):
            epochs = sum(one.epochs - one.before for one in self.running.values())
            parts.append(f"{running} running" + (f" ({epochs} epochs)" if epochs else ""))
            if left is not None:
                how = "about" if self.fraction else "at most"  # at first only the time limit is known
                parts.append(f"{how} {duration(left)} left")
        return parts


def already() -> float:
    """Seconds that the flow run has taken so far."""
    flow_run = FlowRunContext.get()
    return (datetime.now(UTC) - flow_run.start_time).total_seconds() if flow_run else 0.0


@contextmanager
def grid_progress(
    experiment: Experiment, execution: RunContext, jobs: Sequence[Job], until: int | None, to_come: int = 0
) -> Iterator[GridProgress]:
    """Show the progress of the trainings of a rung while the block runs.

    Parameters
    ----------
    until : the epoch after which they pause
    to_come : number of combinations that will be drawn later
    """
    progress = GridProgress(experiment, execution, jobs, until, to_come)
    if not sys.stderr.isatty():
        with looking(progress):
            yield progress
        return
    columns = (
        SpinnerColumn(),
        TextColumn(progress.called),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        TextColumn("{task.fields[words]}"),
    )
    progress.bar = Display(*columns, console=Console(stderr=True), transient=True)
    with progress.bar:
        progress.bar.add_task(progress.called, total=1.0, words="")
        with looking(progress):
            yield progress
    log.info("%s: %s", progress.called, progress.words(progress.counts(None)))


@contextmanager
def looking(progress: GridProgress) -> Iterator[None]:
    """Poll the progress of the running trainings in a thread."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(progress.execution.state.seconds_between_looks):
            try:
                progress.look()
            except Exception as error:  # the storage or Prefect's server may be down for a while
                log.debug("Cannot read the progress of the trainings: %s", error)

    thread = threading.Thread(target=copy_context().run, args=(look,), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
