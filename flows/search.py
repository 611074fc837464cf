"""Step 5 of the DAG: every combination is trained, to its end or, while halving, as far as it deserves."""

import logging
import math
from collections.abc import Sequence
from typing import NamedTuple

from prefect import unmapped
from prefect.futures import PrefectFuture, as_completed

from execution.config import Underway
from execution.runner import ended, renew
from experiment.axes import Combination
from experiment.config import Experiment, Until
from experiment.errors import Interrupted, TrainingFailed
from experiment.results import Dataset, GradientCheck, Selection, Split, Trained, TrainingSet
from flows.progress import grid_progress
from tasks.select import select
from tasks.train import train

log = logging.getLogger("sweep")

TRIES = 3  # that end with no combination more, since processes die


class Found(NamedTuple):
    """Every combination, in the order of the grid, as far as it came."""

    trained: list[Trained]  # those of a combination side by side
    rungs: list[int]  # of each combination, the last that it trained for
    cached: int  # trainings that nothing was computed for


def search(
    experiment: Experiment,
    execution: Underway,
    data: Dataset,
    training: TrainingSet,
    parts: Split,
    check: GradientCheck,
) -> Found:
    """Train every combination under every seed; after each rung but the last the best go on.

    Raises
    ------
    TrainingFailed : names the combinations that failed and why, after all others have ended
    Interrupted : stopping was asked for
    EveryCombinationDiverged
    """
    going, furthest = experiment.combinations, dict.fromkeys(experiment.combinations, 0)
    trained: dict[tuple[Combination, int], Trained] = {}
    computed: set[tuple[Combination, int]] = set()
    after: GradientCheck | Selection = check
    for rung, until in enumerate(experiment.rungs):
        jobs = [(combination, seed) for combination in going for seed in experiment.training_seeds]
        rung_trained, anew = train_rung(experiment, execution, data, training, parts, jobs, until, after)
        trained |= rung_trained
        computed |= anew
        furthest |= dict.fromkeys(going, rung)
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
    after: GradientCheck | Selection,
) -> tuple[dict[Job, Trained], set[Job]]:
    """Train all jobs as far as `until`; say which were not cached."""
    # Slow learners train longest: they go first, so that no core idles while one of them ends the sweep.
    left = sorted(jobs, key=lambda job: slowness(job[0]), reverse=True)
    done: dict[Job, PrefectFuture[Trained]] = {}
    with grid_progress(len(jobs), execution.workers, f"train{until}") as progress:
        fruitless = 0
        while left and fruitless < TRIES:
            combinations, seeds = zip(*left, strict=True)
            futures = train.map(
                unmapped(execution), combinations, seeds, unmapped(training), unmapped(parts), data.classes,
                unmapped(experiment.recipe), unmapped(until), wait_for=[after],  # type: ignore[list-item]  # Prefect wants one of its own type
            )  # fmt: skip
            of = dict(zip(futures, left, strict=True))
            for future in as_completed(list(futures)):
                if state := ended(future):
                    done[of[future]] = future
                    progress.add(future.result() if state.is_completed() else None, state.name == "Cached")
            lost = [job for job in left if job not in done]
            if not lost or execution.state.stop_requested:
                break
            log.warning("A process died: %d of %d combinations go on in another one.", len(lost), len(jobs))
            fruitless = fruitless + 1 if len(lost) == len(left) else 0
            left = lost
            renew()
    if execution.state.stop_requested:
        raise Interrupted(f"{progress.done - progress.failed} of {len(jobs)} combinations are trained{until}")
    if len(done) < len(jobs) or progress.failed:
        causes = {job: done[job].state.message for job in done if not done[job].state.is_completed()}
        causes |= dict.fromkeys(set(jobs) - set(done), "each process that trained it died")
        raise TrainingFailed(
            f"{len(causes)} of {len(jobs)} combinations failed; the others are done and cached, and running "
            "again trains only these:\n" + "\n".join(f"  {job[0]}: {causes[job]}" for job in jobs if job in causes)
        )
    anew = {job for job in jobs if done[job].state.name != "Cached"}
    return {job: done[job].result() for job in jobs}, anew


def slowness(combination: Combination) -> float:
    """Return what grows with the number of epochs to expect: small steps, taken seldom."""
    return combination.batch_size / combination.learning_rate
