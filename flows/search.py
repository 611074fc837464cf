"""Step 5 of the DAG: every combination is trained, to its end or, while halving, as far as it deserves.

The combinations are the grid, or drawn: all of them first or, where the sampler learns, some at a time.
"""

import logging
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from prefect import unmapped
from prefect.futures import PrefectFuture, as_completed

from execution.cache.earlier import warm_start_trials
from execution.config import RunContext
from execution.orchestration.forecast import slowness
from execution.runners.runner import ended, renew
from execution.steps.batch import Outcome, outcomes
from execution.steps.step import opaque_all
from experiment.axes import Combination
from experiment.config import Experiment
from experiment.errors import Interrupted, TrainingFailed
from experiment.results.dataset import Dataset
from experiment.results.examples import TrainingSet
from experiment.results.gradient_check import GradientCheck
from experiment.results.sampled import Sampled
from experiment.results.selection import Selection
from experiment.results.split import Split
from experiment.results.trained import Trained
from experiment.search.halving import promoted
from experiment.search.ranking import candidates, rank
from flows.ui.progress import grid_progress
from tasks.sample import sample
from tasks.select import select
from tasks.train import train, train_batch

log = logging.getLogger("sweep")

TRIES = 3  # that end with no combination more, since processes die


class Shared(NamedTuple):
    """What all trainings of a sweep share."""

    experiment: Experiment
    execution: RunContext
    data: Dataset
    training: TrainingSet
    parts: Split
    to_come: int = 0  # combinations that are drawn later


class Found(NamedTuple):
    """Every combination, in the order of the grid or as they were drawn, as far as it came."""

    trained: list[Trained]  # those of a combination side by side
    rungs: list[int]  # of each combination, the last that it trained for
    cached: int  # trainings that nothing was computed for
    earlier: tuple[Combination, ...] = ()  # those that a warm start began from, which are among the others
    sampled: tuple[Sampled, ...] = ()  # the steps that drew the others
    left: int = 0  # combinations that time did not suffice for, as far as they were to go

    def and_then(self, other: "Found") -> "Found":
        """Return both together."""
        return Found(*(mine + more for mine, more in zip(self, other, strict=True)))  # type: ignore[operator]


def search(
    experiment: Experiment,
    execution: RunContext,
    data: Dataset,
    training: TrainingSet,
    parts: Split,
    check: GradientCheck,
) -> Found:
    """Train the grid, or draw combinations and train these, by what those before came to if the sampler heeds that.

    The rung in which the time is up is the last. Those that it was too short for keep what the rung before gave them.

    Raises
    ------
    TrainingFailed : names the combinations that failed and why, after all others have ended
    Interrupted : stopping was asked for, or the time was up before any combination was trained
    EveryCombinationDiverged
    InputError : there is nothing to begin warm from, or the ranges are exhausted
    """
    shared = Shared(experiment, execution, data, training, parts)
    if experiment.trials is None or experiment.drawn_by is None:
        return in_time(execution, successive_halving(shared, check, experiment.combinations, experiment.rungs))
    found = Found([], [], 0)
    if experiment.warm_start:
        common = {"training": training, "split": parts, "classes": data.classes, "recipe": experiment.recipe}
        earlier = warm_start_trials(execution, experiment, train.fn.__module__, common)
        found = successive_halving(shared, check, earlier, [None])
        found = found._replace(rungs=[len(experiment.rungs) - 1] * len(earlier), earlier=earlier)
    for drawn in range(0, experiment.trials, experiment.at_once):
        ranking = sorted(candidates(found.trained, found.rungs), key=lambda one: rank(one, experiment.select_by))
        sampled = sample(
            execution, experiment.grid, experiment.drawn_by, experiment.seed,
            [candidate.combination for candidate in ranking], experiment.at_once,
            wait_for=opaque_all([check, *found.trained]),
        )  # fmt: skip
        batch = sampled.combinations[: experiment.trials - drawn]
        if not batch:
            break
        shared = shared._replace(to_come=experiment.trials - drawn - len(batch))
        halved = successive_halving(shared, sampled, batch, experiment.rungs)
        found = found.and_then(halved._replace(sampled=(sampled,)))
        if found.left:
            found = found._replace(left=found.left + experiment.trials - drawn - len(batch))
            break
    new = len(found.rungs) - len(found.earlier)
    if not found.left and new < experiment.trials:
        log.warning("%d trials, not %d: no combination of these axes is left that is not known", new, experiment.trials)
    return in_time(execution, found)


def in_time(execution: RunContext, found: Found) -> Found:
    """The combinations found, unless the time limit was too short for any.

    Raises
    ------
    Interrupted : it was
    """
    if not found.trained:
        raise Interrupted(f"no combination was trained in the time limit of {execution.time_limit}")
    return found


def successive_halving(
    shared: Shared,
    after: GradientCheck | Sampled | Selection,
    combinations: Sequence[Combination],
    rungs: Sequence[int | None],
) -> Found:
    """Train these combinations under every seed; after each rung but the last the best go on."""
    experiment, execution, _, _, parts, _ = shared
    going, furthest = list(combinations), dict.fromkeys(combinations, 0)
    trained: dict[tuple[Combination, int], Trained] = {}
    computed: set[tuple[Combination, int]] = set()
    for rung, until in enumerate(rungs):
        jobs = [(combination, seed) for combination in going for seed in experiment.training_seeds]
        rung_trained, anew = train_rung(shared, jobs, until, after)
        done = {each for each in going if all((each, seed) in rung_trained for seed in experiment.training_seeds)}
        trained |= {job: rung_trained[job] for job in jobs if job[0] in done}
        computed |= anew
        furthest |= dict.fromkeys(going, rung)
        left = len(going) - len(done)
        if left or all(run.diverged for run in rung_trained.values()):
            break
        if until is not None:
            trainings = opaque_all(rung_trained.values())
            after = select(execution, trainings, parts, None, experiment.select_by, [rung] * len(going))
            going = [going[at] for at in promoted(after.order, experiment.halving or 1)]
    reached = [furthest[each] for each in dict.fromkeys(combination for combination, _ in trained)]
    return Found(list(trained.values()), reached, len(trained.keys() - computed), left=left)


Job = tuple[Combination, int]  # and the seed


def train_rung(
    shared: Shared,
    jobs: Sequence[Job],
    until: int | None,
    after: GradientCheck | Sampled | Selection,
) -> tuple[dict[Job, Trained], set[Job]]:
    """Train all jobs as far as `until`; return those that time sufficed for, and say which were not cached."""
    execution, so_far = shared.execution, "" if until is None else f" to epoch {until}"
    # Slow learners train longest: they go first, so that no core idles while one of them ends the sweep.
    left = sorted(jobs, key=lambda job: slowness(job[0]), reverse=True)
    done: dict[Job, Outcome] = {}
    begun: set[str] = set()  # task runs
    with grid_progress(shared.experiment, execution, jobs, until, shared.to_come) as progress:
        fruitless = 0
        while left and fruitless < TRIES:
            of = submit(shared, left, until, after)
            begun |= {str(future.task_run_id) for future in of}
            for future in as_completed(list(of)):
                if state := ended(future):
                    for job, outcome in zip(of[future], outcomes(state, len(of[future])), strict=True):
                        done[job] = outcome
                        one = outcome if isinstance(outcome, Trained) else None
                        cached = one is not None and one.task_run not in begun
                        progress.add(job, one, cached=cached, left=outcome is None)
                    progress.show()
            lost = [job for job in left if job not in done]
            if not lost or execution.state.stop_requested:
                break
            log.warning("A process died: %d of %d combinations go on in another one.", len(lost), len(jobs))
            fruitless = fruitless + 1 if len(lost) == len(left) else 0
            left = lost
            renew()
    trained = {job: result for job in jobs if isinstance(result := done.get(job), Trained)}
    if execution.state.stop_requested:
        raise Interrupted(f"{len(trained)} of {len(jobs)} combinations are trained{so_far}")
    causes = {job: done.get(job, "each process that trained it died") for job in jobs}
    causes = {job: cause for job, cause in causes.items() if isinstance(cause, str)}
    if causes:
        raise TrainingFailed(
            f"{len(causes)} of {len(jobs)} combinations failed; the others are done and cached, and running "
            "again trains only these:\n" + "\n".join(f"  {job[0]}: {cause}" for job, cause in causes.items())
        )
    if progress.left:
        log.warning("The time is up: %d of %d trainings are left%s.", progress.left, len(jobs), so_far)
    return trained, {job for job, one in trained.items() if one.task_run in begun}


def submit(
    shared: Shared,
    jobs: Sequence[Job],
    until: int | None,
    after: GradientCheck | Sampled | Selection,
) -> dict[PrefectFuture[Any], Sequence[Job]]:
    """Begin to train all jobs as far as `until`; return which task run has which."""
    experiment, execution, data, training, parts, _ = shared
    alone = execution.batch_per_task == 1
    batches = max(math.ceil(len(jobs) / execution.batch_per_task), min(execution.workers, len(jobs)))
    dealt = [jobs[at::batches] for at in range(batches)]  # to each some of those that train long
    given = [batch[0] if alone else tuple(zip(*batch, strict=True)) for batch in dealt]
    combinations, seeds = zip(*given, strict=True)
    inputs = (
        unmapped(execution), combinations, seeds, unmapped(training), unmapped(parts), data.classes,
        unmapped(experiment.recipe),
    )  # fmt: skip
    (more,) = opaque_all([unmapped(until)])
    futures = (train if alone else train_batch).map(*opaque_all(inputs), until=more, wait_for=opaque_all([after]))  # type: ignore[list-item]
    return dict(zip(futures, dealt, strict=True))
