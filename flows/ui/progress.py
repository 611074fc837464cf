"""Progress of the trainings: a live line on a terminal, otherwise a plain line now and then."""

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import numpy as np
from prefect.context import FlowRunContext
from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

from execution import log
from execution.config import RunContext
from execution.orchestration.forecast import Job, Standing, forecast, halved_epochs, unknown
from execution.runners.runner import outermost, slots
from experiment.axes import Combination, axes_of
from experiment.config import Experiment
from experiment.results.trained import Trained
from experiment.search.halving import survivors
from experiment.search.ranking import Candidate, rank
from experiment.values import text
from flows.ui import artifacts as shown

SECONDS_BETWEEN_SHOWS = 0.5  # a forecast takes milliseconds, dozens of them for thousands of trainings
SECONDS_BETWEEN_LINES = 5.0
LINES = 20  # approximate number of lines so far: the longer a sweep runs, the rarer they are
SHOWN = 5  # best trainings to show


class Display(Progress):
    """A progress bar and, below it, the best combinations so far."""

    best: Sequence[Candidate] = ()  # the best first

    def get_renderables(self) -> Iterable[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        if not self.best:
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        axes = axes_of(candidate.combination for candidate in self.best)
        for heading in (*(axis.label for axis in axes.values()), "accuracy", "loss", "epoch"):
            table.add_column(heading, justify="right")
        for candidate in self.best:
            values = [text(getattr(candidate.combination, name)) for name in axes]
            figures = f"{candidate.val_accuracy:.2%}", f"{candidate.val_cross_entropy:.4f}", f"{candidate.best_epoch}"
            table.add_row(*values, *figures)
        yield table


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
        self.total = len(jobs)
        self.ended: dict[int, Standing | None] = {}  # ended trainings, by position; None: without a result
        self.running: dict[int, Standing] = {}
        self.cached = self.failed = self.left = 0
        self.fraction = 0.0  # of all epochs
        self.trained: dict[Combination, list[Trained]] = {}  # with some seeds or folds, but not yet with all
        self.ranked: list[tuple[tuple[float, ...], Candidate]] = []  # the best, in the order of the final ranking
        self.begun = self.last_line = time.monotonic()
        self.last_shown = 0.0
        flow_run, limit = FlowRunContext.get(), execution.time_limit
        already = datetime.now(UTC) - flow_run.start_time if flow_run else timedelta()
        self.limit = None if limit is None else (limit - already).total_seconds()
        self.bar: Display | None = None
        self.artifact = shown.begin_progress(self.total)  # in the Prefect UI
        self.lock = threading.RLock()  # one thread counts ended trainings, another polls the running ones

    @property
    def best(self) -> list[Candidate]:
        return [candidate for _, candidate in self.ranked]

    @property
    def done(self) -> int:
        return len(self.ended)

    def add(self, job: Job, trained: Trained | None, cached: bool, left: bool) -> None:
        """Count a training that ended; None if it failed or was left unfinished."""
        with self.lock:
            self.cached += cached
            self.left += left
            self.failed += trained is None and not left
            self.ended[self.at[job]] = None if trained is None else self.standing(trained)
            if trained is None:
                return
            runs = self.trained.setdefault(job.combination, [])
            runs.append(trained)
            if len(runs) == self.experiment.trainings and not any(run.diverged for run in runs):
                candidate = Candidate(trained=tuple(runs))
                place = (*rank(candidate, self.experiment.select_by), self.at[job])
                self.ranked = sorted([*self.ranked, (place, candidate)], key=itemgetter(0))[:SHOWN]

    def standing(self, trained: Trained) -> Standing:
        """Final progress of a training that ended or paused."""
        epochs, recipe = trained.epochs_trained, self.experiment.recipe
        pauses = epochs == self.until and epochs < recipe.max_epochs and not trained.diverged
        return Standing(
            combination=trained.combination, seed=trained.seed, fold=trained.fold, epochs=epochs,
            before=min(self.before, epochs - 1), seconds=max(trained.seconds, 1e-6),
            expected=unknown(epochs, recipe.max_epochs) if pauses else epochs,
        )  # fmt: skip

    def look(self) -> None:
        """Read the progress of the running trainings, and show it."""
        standings = self.execution.state.standings()
        jobs = ((Job(one.combination, one.seed, one.fold), one) for one in standings)
        found = {self.at[job]: one for job, one in jobs if job in self.at}
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
                self.say(words, console=not self.bar)

    def say(self, words: str, console: bool = True) -> None:
        """Log a line of the sweep's flow run."""
        about = {"console": console, "flow_run_id": self.execution.flow_run}
        log.info("%s: %s", self.called, words, extra=about)

    def seconds_left(self) -> float | None:
        """Remaining seconds of the search, at most to the time limit; None while nothing is known."""
        known = {**{at: one for at, one in self.ended.items() if one}, **self.running}
        recipe, workers = self.experiment.recipe, self.execution.workers
        most = self.until or recipe.max_epochs
        found = forecast([job[0] for job in self.at], known, self.before, recipe.patience or most, most)
        if self.done == self.total:
            self.fraction = 1.0
        left = None if self.limit is None else max(self.limit - (time.monotonic() - self.begun), 0)
        if found is None:
            return left
        found.left[list(self.ended)] = 0
        expected = float(found.expected.clip(max=recipe.max_epochs).mean())
        halving, each_has = self.experiment.halving, self.experiment.trainings
        combinations = self.total // each_has
        going, at_once = survivors(combinations, halving or 1), min(self.experiment.at_once, combinations)
        more = each_has * halved_epochs(going, self.later, halving, expected, self.until or 0)
        each = halved_epochs(at_once, self.experiment.rungs, halving, expected) / at_once
        more += each_has * self.to_come * each
        done = float(np.sum([one.epochs - one.before for one in known.values()]))
        self.fraction = max(self.fraction, done / (done + found.left.sum()) if self.done < self.total else 1.0)
        seconds = found.seconds(workers) + more * float(found.pace.mean()) / workers
        return seconds if left is None else min(seconds, left)

    def words(self, parts: Sequence[str]) -> str:
        best = [f"best so far {one.val_accuracy:.2%} ({one.combination})" for one in self.best[:1]]
        return ", ".join([f"{self.done} of {self.total} done", *parts, *best])

    def counts(self, left: float | None) -> list[str]:
        counted = {"cached": self.cached, "failed": self.failed, "left": self.left}
        parts = [f"{count} {what}" for what, count in counted.items() if count]
        if running := min(slots(self.execution), self.total - self.done):
            epochs = sum(one.epochs - one.before for one in self.running.values())
            parts.append(f"{running} running" + (f" ({epochs} epochs)" if epochs else ""))
            if left is not None:
                how = "about" if self.fraction else "at most"  # at first only the time limit is known
                parts.append(f"{how} {duration(left)} left")
        elif self.done < self.total:
            parts.append("waiting for a worker")
        return parts


@contextmanager
def grid_progress(
    experiment: Experiment, execution: RunContext, jobs: Sequence[Job], until: int | None, to_come: int = 0
) -> Iterator[GridProgress]:
    """Show the progress of the trainings of a rung while the block runs; a thread polls it.

    `until`: the epoch after which they pause; `to_come`: number of combinations that will be drawn later.
    """
    with outermost():
        progress = GridProgress(experiment, execution, jobs, until, to_come)
    over = threading.Event()

    def look() -> None:
        while not over.wait(execution.state.seconds_between_looks):
            try:
                progress.look()
            except Exception as error:  # the storage or Prefect's server may be down for a while
                log.debug("Cannot read the progress of the trainings: %s", error)

    thread = threading.Thread(target=copy_context().run, args=(look,), name="progress", daemon=True)
    if sys.stderr.isatty():
        words = TextColumn("{task.percentage:.0f}%"), TextColumn("{task.fields[words]}")
        columns = SpinnerColumn(), TextColumn(progress.called), BarColumn(), *words
        progress.bar = Display(*columns, console=Console(stderr=True), transient=True)
        progress.bar.add_task(progress.called, total=1.0, words="")
    with progress.bar or nullcontext():
        thread.start()
        try:
            yield progress
        finally:
            over.set()
            thread.join()
    if progress.bar:
        progress.say(progress.words(progress.counts(None)))


def duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
