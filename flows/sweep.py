"""The sweep, as a DAG:

download → normalize → split → check_gradients → train × every combination → select → retrain → evaluate → report
"""

import importlib
import threading
import time

from prefect import flow, unmapped
from prefect.futures import as_completed
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner
from threadpoolctl import threadpool_limits

from experiment import interruption, prepare, tracking
from experiment.caching import steps_run_on
from experiment.config import Combination, Execution, Experiment
from experiment.results import Result, Split, Summary, Trained, TrainingSet
from flows.progress import grid_progress
from tasks.check_gradients import check_gradients
from tasks.download import download, source
from tasks.evaluate import evaluate
from tasks.normalize import normalize
from tasks.report import report
from tasks.retrain import retrain
from tasks.select import select
from tasks.split import split
from tasks.train import train


class TrainingFailed(RuntimeError):
    """Some combinations raised an exception; the others are done and cached."""


@flow(name="sweep", persist_result=False)
def sweep(experiment: Experiment = Experiment(), execution: Execution = Execution()) -> Summary:
    """Train softmax regression over a grid, select, retrain, test once, report.

    1. download          the four arrays, verified
    2. normalize         the training images
    3. split             the training rows: to train on, to validate on
    4. check_gradients   against finite differences, on this data
    5. train             every combination of the grid, side by side
    6. select            the best on the validation rows
    7. retrain           it on all training rows
    8. evaluate          on the test set, once
    9. report            tables, pictures, model
    """
    prepare.check(experiment, execution)
    execution = tracking.decided(prepare.named(experiment, execution))
    runner: ThreadPoolTaskRunner[Trained] = ThreadPoolTaskRunner(max_workers=execution.workers)
    try:
        # One BLAS thread each: workers run side by side, and the order of a sum must not depend on the machine.
        with steps_run_on(runner, execution.artifacts), threadpool_limits(1, "blas"), interruption.cancellable():
            return steps(experiment, execution)
    except interruption.Interrupted as stopped:
        return Cancelled(message=str(stopped))  # type: ignore[return-value]  # Prefect raises CancelledRun


def steps(experiment: Experiment, execution: Execution) -> Summary:
    """The DAG itself."""
    started = time.monotonic()
    data = download(source(experiment.data_dir), execution)
    normalized = normalize(data.train, execution)
    parts = split(normalized.train, experiment.validation_fraction, experiment.seed, execution)
    check = check_gradients(
        normalized.train, parts, data.info.classes, max(experiment.alphas), experiment.seed, execution
    )
    trained, cached = train_grid(experiment, data.info.classes, normalized.train, parts, execution)
    selection = select(trained, experiment.select_by, execution)
    best = selection.best
    if cached < len(trained):  # the report will draw, and needs a second to import what with: on another core
        threading.Thread(target=importlib.import_module, args=["report.pictures"]).start()
    model = retrain(
        best.combination, best.best_epoch, experiment.training_seeds[0], normalized.train, data.info.classes,
        experiment.recipe, execution,
    )  # fmt: skip
    test = evaluate(model, data.test, execution)
    seconds = time.monotonic() - started
    earlier: dict[str, Result] = {"download": data, "normalize": normalized, "split": parts}
    return report(experiment, data.info, earlier, check, selection, model, test, cached, seconds, execution)


def train_grid(
    experiment: Experiment, classes: int, training: TrainingSet, parts: Split, execution: Execution
) -> tuple[list[Trained], int]:
    """Train every combination under every seed, and say how many were cached.

    Raises
    ------
    TrainingFailed : names the combinations that failed and why, after all others have ended
    Interrupted : stopping was asked for
    """
    jobs = [(combination, seed) for combination in experiment.combinations for seed in experiment.training_seeds]
    # Slow learners train longest: they go first, so that no core idles while one of them ends the sweep.
    order = sorted(jobs, key=lambda job: slowness(job[0]), reverse=True)
    combinations, seeds = zip(*order, strict=True)
    with grid_progress(len(jobs), execution.workers) as progress:
        futures = train.map(
            combinations, seeds, unmapped(training), unmapped(parts), classes, unmapped(experiment.recipe),
            unmapped(execution),
        )  # fmt: skip
        for future in as_completed(list(futures)):
            future.wait()  # Prefect may yield a future just before its state arrives
            state = future.state
            progress.add(future.result() if state.is_completed() else None, state.name == "Cached")
    if interruption.requested():
        raise interruption.Interrupted(f"{progress.done - progress.failed} of {len(jobs)} combinations are trained")
    ended = dict(zip(order, futures, strict=True))
    if progress.failed:
        causes = [f"  {job[0]}: {ended[job].state.message}" for job in jobs if not ended[job].state.is_completed()]
        raise TrainingFailed(
            f"{progress.failed} of {len(jobs)} combinations failed; the others are done and cached, and running "
            "again trains only these:\n" + "\n".join(causes)
        )
    return [ended[job].result() for job in jobs], progress.cached


def slowness(combination: Combination) -> float:
    """Grows with the number of epochs to expect: small steps, taken seldom."""
    return combination.batch_size / combination.learning_rate
