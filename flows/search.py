"""Step 5 of the DAG: every combination is trained, to its end or, while halving, as far as it deserves.

The combinations are the grid, or drawn: all of them first or, where the sampler learns, some at a time.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from prefect import Task, flow, unmapped
from prefect.futures import PrefectFuture, as_completed
from prefect.states import Cancelled

from execution import log
from execution.cache.earlier import warm_start_trials
from execution.cache.refresh import compare, forget
from execution.config import RunContext
from execution.orchestration.forecast import Job, slowness
from execution.runners.runner import ended, renew, same_runner
from execution.steps.batch import Outcome, outcomes
from execution.steps.step import opaque_all
from experiment.axes import Combination
from experiment.config import Experiment, Sampler
from experiment.errors import Interrupted, TrainingFailed
from experiment.results.dataset import Dataset
from experiment.results.selection import Sampled
from experiment.results.split import Split
from experiment.results.trained import GradientCheck, Trained
from experiment.search.halving import promoted
from experiment.search.ranking import Candidate, candidates, rank, with_pruned
from experiment.search.stopping import gain
from experiment.summary import Stopped
from experiment.values import FoldData, Result
from flows.ui.progress import grid_progress
from tasks.sample import sample
from tasks.select import select
from tasks.train import train, train_batch

TRIES = 3  # that end with no combination more, since processes die


class Shared(NamedTuple):
    """What all trainings of a sweep share."""

    experiment: Experiment
    execution: RunContext
    data: Dataset
    folds: Mapping[int | None, FoldData]
    parts: Split
    to_come: int = 0  # combinations that are drawn later


class Found(NamedTuple):
    """Every combination as far as it was trained, in the order of the grid or as they were drawn."""

    candidates: list[Candidate]
    cached: int = 0  # trainings that nothing was computed for
    left: int = 0  # combinations that time did not suffice for, as far as they were to go
    sampled: tuple[Sampled, ...] = ()  # the steps that drew them
    stopped: Stopped | None = None  # before all trials

    @property
    def trained(self) -> list[Trained]:
        return [run for candidate in self.candidates for run in candidate.trained]

    @property
    def earlier(self) -> tuple[Combination, ...]:
        """The combinations of a warm start: those that no step drew."""
        new = {combination for sampled in self.sampled for combination in sampled.combinations}
        every = [candidate.combination for candidate in self.candidates if self.sampled]
        return tuple(one for one in every if one not in new)


@flow(name="train", flow_run_name="train", validate_parameters=False, persist_result=False)
def search(
    experiment: Experiment, execution: RunContext, data: Dataset, folds: Sequence[FoldData], parts: Split,
    check: GradientCheck,
) -> Found:  # fmt: skip
    """Train the grid, or draw combinations and train these, in a nested flow run: one node in the graph of the sweep.

    The rung in which the time is up is the last. Those that it was too short for keep what the rung before gave them.
    TrainingFailed names the combinations that failed and why, after all others have ended. CancelledRun: stopping was
    asked for, or the time was up before any combination was trained.
    """
    shared = Shared(experiment, execution, data, dict(zip(parts.numbered, folds, strict=True)), parts)
    try:
        with same_runner():
            if experiment.trials is None or experiment.drawn_by is None:
                found = successive_halving(shared, check, experiment.combinations, experiment.rungs)
            else:
                found = drawn(shared, check, experiment.trials, experiment.drawn_by)
        if not found.candidates:
            raise Interrupted(f"no combination was trained in the time limit of {execution.time_limit}")
    except Interrupted as stopped:
        return Cancelled(message=str(stopped))  # type: ignore[return-value]  # raises CancelledRun in the sweep
    return found._replace(candidates=with_pruned(found.candidates))


def drawn(shared: Shared, check: GradientCheck, trials: int, sampler: Sampler) -> Found:
    """Draw combinations, some at a time, and train them."""
    experiment, execution = shared.experiment, shared.execution
    found, new = Found([]), 0
    if experiment.warm_start:
        common = {"recipe": experiment.recipe}
        earlier = warm_start_trials(execution, experiment, train.fn.__module__, common, shared.folds)
        found = successive_halving(shared, check, earlier, [None])
        # They are ranked with those that came to the last rung.
        last = len(experiment.rungs) - 1
        found = found._replace(candidates=[one.model_copy(update={"rung": last}) for one in found.candidates])
    learns = sampler == "tpe"  # the others draw one sequence, whether it is tried at once or not
    while new < trials and not found.left and not found.stopped:
        ranking = sorted(found.candidates, key=lambda one: rank(one, experiment.select_by)) if learns else []
        sampled = sample(
            execution, experiment.grid, sampler, experiment.seed, [candidate.combination for candidate in ranking],
            experiment.at_once + (0 if learns else new), wait_for=opaque_all([check, *found.trained]),
        )  # fmt: skip
        batch = sampled.combinations[0 if learns else new :][: trials - new]
        if not batch:
            log.warning("%d trials, not %d: no combination of these axes is left that is not known", new, trials)
            break
        new += len(batch)
        more = successive_halving(shared._replace(to_come=trials - new), sampled, batch, experiment.rungs)
        found = Found(
            found.candidates + more.candidates, found.cached + more.cached, more.left, (*found.sampled, sampled)
        )  # fmt: skip
        if experiment.stop_when_noise and new < trials and not found.left:
            found = found._replace(stopped=enough(shared, found, batch, trials))
    return found._replace(left=found.left and found.left + trials - new)


def enough(shared: Shared, found: Found, batch: Sequence[Combination], trials: int) -> Stopped | None:
    """Why the search stops after this batch; None: another one may gain more than noise."""
    if all(one.diverged for one in found.candidates):
        return None
    selection = select(
        shared.execution, opaque_all(found.candidates), shared.parts, shared.data.train.labels,
        shared.experiment.select_by, wait_for=opaque_all(found.trained),
    )  # fmt: skip
    bound = gain(selection, batch)
    if bound is None or bound.difference > bound.standard_error:
        return None
    tried = len(found.candidates) - len(found.earlier)
    log.info("Stops after %d of %d trials: another %d may gain no more than noise", tried, trials, len(batch))
    return Stopped(trials=trials, batch=len(batch), gain=bound.difference, standard_error=bound.standard_error)


def successive_halving(
    shared: Shared, after: Result, combinations: Sequence[Combination], rungs: Sequence[int | None]
) -> Found:
    """Train these combinations with every seed on every fold; after each rung but the last the best go on."""
    experiment = shared.experiment
    going, reached = list(combinations), dict[Combination, Candidate]()
    computed: set[str] = set()
    for rung, until in enumerate(rungs):
        trained, anew = train_rung(shared, going, until, after)
        done = [one for one in candidates(trained, rung) if len(one.trained) == experiment.trainings]
        # Those that time did not suffice for have come to this rung, with the metrics of the one before.
        reached |= {each: reached[each].model_copy(update={"rung": rung}) for each in going if each in reached}
        reached |= {candidate.combination: candidate for candidate in done}
        computed |= anew
        left = len(going) - len(done)
        if left or all(run.diverged for run in trained):
            break
        if until is not None:
            after = selection = select(
                shared.execution, opaque_all(done), shared.parts, None, experiment.select_by,
                wait_for=opaque_all(trained),
            )  # fmt: skip
            going = promoted(going, [place.combination for place in selection.places], experiment.halving or 1)
    found = Found(list(reached.values()), left=left)
    return found._replace(cached=sum(run.identity not in computed for run in found.trained))


def train_rung(
    shared: Shared, combinations: Sequence[Combination], until: int | None, after: Result
) -> tuple[list[Trained], set[str]]:
    """The trainings as far as `until` that time sufficed for, and the identities of those that were not cached."""
    execution, so_far = shared.execution, "" if until is None else f" to epoch {until}"
    jobs = list(itertools.starmap(Job, itertools.product(combinations, shared.experiment.training_seeds, shared.folds)))
    # Slow learners train longest: they go first, so that no core idles while one of them ends the sweep.
    left = sorted(jobs, key=lambda job: slowness(job.combination), reverse=True)
    common = {"recipe": shared.experiment.recipe, "until": until}
    inputs = {job: {**job._asdict(), "data": shared.folds[job.fold], **common} for job in jobs}
    earlier = {job: forget(train, execution, inputs[job]) for job in jobs}
    done: dict[Job, Outcome] = {}
    begun: set[str] = set()  # task runs
    with grid_progress(shared.experiment, execution, jobs, until, shared.to_come) as progress:
        fruitless = 0
        while left and fruitless < TRIES:
            of = submit(execution, {job: inputs[job] for job in left}, after)
            begun |= {str(future.task_run_id) for future in of}
            for future in as_completed(list(of)):
                if state := ended(future):
                    for job, outcome in zip(of[future], outcomes(state, len(of[future])), strict=True):
                        done[job] = outcome
                        if isinstance(outcome, str) and execution.fail_fast:
                            execution.state.request_stop()
                        one = outcome if isinstance(outcome, Trained) else None
                        cached = one is not None and one.task_run not in begun
                        progress.add(job, one, cached=cached, left=outcome is None)
                        compare(f"train {job}", earlier[job] if one else None, one)
                    progress.show()
            lost = [job for job in left if job not in done]
            if not lost or execution.state.stop_requested:
                break
            log.warning("A process died: %d of %d trainings go on in another one.", len(lost), len(jobs))
            fruitless = fruitless + 1 if len(lost) == len(left) else 0
            left = lost
            renew()
    trained = [result for job in jobs if isinstance(result := done.get(job), Trained)]
    causes = {job: done.get(job, "each process that trained it died") for job in jobs}
    causes = {job: cause for job, cause in causes.items() if isinstance(cause, str)}
    if execution.state.stop_requested and not (causes and execution.fail_fast):
        raise Interrupted(f"{len(trained)} of {len(jobs)} trainings are done{so_far}")
    if causes:
        finished = "others are done and cached, and running again trains only these"
        others = "others were stopped, and running again continues" if execution.fail_fast else finished
        raise TrainingFailed(
            f"{len(causes)} of {len(jobs)} trainings failed; the {others}:\n"
            + "\n".join(f"  {job}: {cause}" for job, cause in causes.items())
        )
    if progress.left:
        log.warning("The time is up: %d of %d trainings are left%s.", progress.left, len(jobs), so_far)
    return trained, {run.identity for run in trained if run.task_run in begun}


def submit(
    execution: RunContext, inputs: Mapping[Job, Mapping[str, Any]], after: Result
) -> dict[PrefectFuture[Any], Sequence[Job]]:
    """Begin these trainings; return which task run has which."""
    jobs = list(inputs)
    batches = max(math.ceil(len(jobs) / execution.batch_per_task), min(execution.workers, len(jobs)))
    dealt = [jobs[at::batches] for at in range(batches)]  # to each some of those that train long
    step: Task[..., Any] = train if execution.batch_per_task == 1 else train_batch
    given: dict[str, Any] = {"jobs": [[inputs[job] for job in batch] for batch in dealt]}
    if step is train:
        given = {name: [inputs[job][name] for job in jobs] for name in inputs[jobs[0]]}
    opaque = dict(zip(given, opaque_all(given.values()), strict=True))
    futures = step.map(*opaque_all([unmapped(execution)]), **opaque, wait_for=opaque_all([after]))
    return dict(zip(futures, dealt, strict=True))
