"""Step 5 of the DAG: every combination is trained, to its end or, while halving, as far as it deserves.

The combinations are the grid, or drawn: all of them first or, where the sampler learns, some at a time.
"""

import logging
import math
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from prefect import unmapped
from prefect.futures import as_completed

from execution.config import Underway
from execution.earlier import begun_from
from experiment.axes import Combination
from experiment.config import Experiment, Until
from experiment.errors import Interrupted, TrainingFailed
from experiment.ranking import candidates, rank
from experiment.results import Dataset, GradientCheck, Sampled, Selection, Split, Trained, TrainingSet
from flows.progress import grid_progress
from tasks.sample import sample
from tasks.select import select
from tasks.train import train

log = logging.getLogger("sweep")


class Found(NamedTuple):
    """Every combination, in the order of the grid or as they were drawn, as far as it came."""

    trained: list[Trained]  # those of a combination side by side
    rungs: list[int]  # of each combination, the last that it trained for
    cached: int  # trainings that nothing was computed for
    earlier: tuple[Combination, ...] = ()  # those that a warm start began from, which are among the others
    sampled: tuple[Sampled, ...] = ()  # the steps that drew the others

    def and_then(self, other: "Found") -> "Found":
        """Return both together."""
        return Found(*(mine + more for mine, more in zip(self, other, strict=True)))  # type: ignore[operator]


def search(
    experiment: Experiment,
    execution: Underway,
    data: Dataset,
    training: TrainingSet,
    parts: Split,
    check: GradientCheck,
) -> Found:
    """Train the grid, or draw combinations and train these, by what those before came to if the sampler heeds that.

    Raises
    ------
    TrainingFailed : names the combinations that failed and why, after all others have ended
    Interrupted : stopping was asked for
    EveryCombinationDiverged
    InputError : there is nothing to begin warm from, or the ranges are exhausted
    """
    go_through = partial(climb, experiment, execution, data, training, parts)
    if experiment.trials is None or experiment.drawn_by is None:
        return go_through(check, experiment.combinations, experiment.rungs)
    found = Found([], [], 0)
    if experiment.warm_start:
        common = {"training": training, "split": parts, "classes": data.classes, "recipe": experiment.recipe}
        earlier = begun_from(execution, experiment, common)
        found = go_through(check, earlier, [Until()])
        found = found._replace(rungs=[len(experiment.rungs) - 1] * len(earlier), earlier=earlier)
    for drawn in range(0, experiment.trials, experiment.at_once):
        ranking = sorted(candidates(found.trained, found.rungs), key=lambda one: rank(one, experiment.select_by))
        sampled = sample(
            execution, experiment.grid, experiment.drawn_by, experiment.seed,
            [candidate.combination for candidate in ranking], experiment.at_once, wait_for=[check, *found.trained],
        )  # fmt: skip
        batch = sampled.combinations[: experiment.trials - drawn]
        if not batch:
            break
        found = found.and_then(go_through(sampled, batch, experiment.rungs)._replace(sampled=(sampled,)))
    new = len(found.rungs) - len(found.earlier)
    if new < experiment.trials:
        log.warning("%d trials, not %d: no combination of these axes is left that is not known", new, experiment.trials)
    return found


def climb(
    experiment: Experiment,
    execution: Underway,
    data: Dataset,
    training: TrainingSet,
    parts: Split,
    after: GradientCheck | Sampled | Selection,
    combinations: Sequence[Combination],
    rungs: Sequence[Until],
) -> Found:
    """Train these combinations under every seed; after each rung but the last the best go on."""
    going, furthest = list(combinations), dict.fromkeys(combinations, 0)
    trained: dict[tuple[Combination, int], Trained] = {}
    computed: set[tuple[Combination, int]] = set()
    for rung, until in enumerate(rungs):
        jobs = [(combination, seed) for combination in going for seed in experiment.training_seeds]
        rung_trained, anew = train_rung(experiment, execution, data, training, parts, jobs, until, after)
        trained |= rung_trained
        computed |= anew
        furthest |= dict.fromkeys(going, rung)
        if all(run.diverged for run in rung_trained.values()):
            break
        if until.epochs is not None:
            after = select(execution, list(rung_trained.values()), parts, experiment.select_by, [rung] * len(going))
            kept = math.ceil(len(going) / (experiment.halving or 1))
            going = [going[at] for at in sorted(after.order[:kept])]
    return Found(list(trained.values()), list(furthest.values()), len(trained) - len(computed))


Job = tuple[Combination, int]  # and the seed


def train_rung(
    experiment: Experiment,
    execution: Underway,
    data: Dataset,
    training: TrainingSet,
    parts: Split,
    jobs: Sequence[Job],
    until: Until,
    after: GradientCheck | Sampled | Selection,
) -> tuple[dict[Job, Trained], set[Job]]:
    """Train all jobs as far as `until`; say which were not cached."""
    # Slow learners train longest: they go first, so that no core idles while one of them ends the sweep.
    order = sorted(jobs, key=lambda job: slowness(job[0]), reverse=True)
    combinations, seeds = zip(*order, strict=True)
    with grid_progress(len(jobs), execution.workers, f"train{until}") as progress:
        futures = train.map(
            unmapped(execution), combinations, seeds, unmapped(training), unmapped(parts), data.classes,
            unmapped(experiment.recipe), unmapped(until), wait_for=[after],  # type: ignore[list-item]  # Prefect wants one of its own type
        )  # fmt: skip
        for future in as_completed(list(futures)):
            future.wait()  # Prefect may yield a future just before its state arrives
            state = future.state
            progress.add(future.result() if state.is_completed() else None, state.name == "Cached")
    if execution.state.stop_requested:
        raise Interrupted(f"{progress.done - progress.failed} of {len(jobs)} combinations are trained{until}")
    ended = dict(zip(order, futures, strict=True))
    if progress.failed:
        causes = [f"  {job[0]}: {ended[job].state.message}" for job in jobs if not ended[job].state.is_completed()]
        raise TrainingFailed(
            f"{progress.failed} of {len(jobs)} combinations failed; the others are done and cached, and running "
            "again trains only these:\n" + "\n".join(causes)
        )
    anew = {job for job in jobs if ended[job].state.name != "Cached"}
    return {job: ended[job].result() for job in jobs}, anew


def slowness(combination: Combination) -> float:
    """Return what grows with the number of epochs to expect: small steps, taken seldom."""
    return combination.batch_size / combination.learning_rate
