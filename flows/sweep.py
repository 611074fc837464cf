"""The sweep, as a DAG:

download → normalize → split → train × every combination → select → retrain → evaluate → report
"""

import time

from prefect import flow, unmapped
from prefect.futures import as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from experiment import prepare, tracking
from experiment.caching import steps_run_on
from experiment.config import Combination, Execution, Experiment
from experiment.results import Dataset, Split, Summary, Trained, TrainingSet
from flows.progress import grid_progress
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

    1. download    the four arrays, verified
    2. normalize   the training images
    3. split       the training rows: to train on, to validate on
    4. train       every combination of the grid, side by side
    5. select      the best on the validation rows
    6. retrain     it on all training rows
    7. evaluate    on the test set, once
    8. report      tables, pictures, model
    """
    started = time.monotonic()
    prepare.check(experiment, execution)
    execution = prepare.named(experiment, execution)
    execution = tracking.decided(execution)
    with steps_run_on(ThreadPoolTaskRunner(max_workers=execution.workers), execution.artifacts):
        data = download(source(experiment.data_dir), execution)
        training = normalize(data.train, execution)
        parts = split(training, experiment.validation_fraction, experiment.seed, execution)
        trained, cached = train_grid(experiment, data, training, parts, execution)
        selection = select(trained, experiment.select_by, execution)
        best = selection.best
        model = retrain(
            best.combination, best.best_epoch, experiment.training_seeds[0], training, data.classes,
            experiment.recipe, execution,
        )  # fmt: skip
        test = evaluate(model, data.test, execution)
        seconds = time.monotonic() - started
        return report(experiment, data, selection, model, test, cached, seconds, execution)


def train_grid(
    experiment: Experiment, data: Dataset, training: TrainingSet, parts: Split, execution: Execution
) -> tuple[list[Trained], int]:
    """Train every combination under every seed, and say how many were cached.

    Raises
    ------
    TrainingFailed : names the combinations that failed and why, after all others have ended
    """
    jobs = [(combination, seed) for combination in experiment.combinations for seed in experiment.training_seeds]
    # Slow learners train longest: they go first, so that no core idles while one of them ends the sweep.
    order = sorted(range(len(jobs)), key=lambda job: slowness(jobs[job][0]), reverse=True)
    with grid_progress(len(jobs), execution.workers) as progress:
        futures = train.map(
            [jobs[job][0] for job in order],
            [jobs[job][1] for job in order],
            unmapped(training), unmapped(parts), data.classes, unmapped(experiment.recipe), unmapped(execution),
        )  # fmt: skip
        for future in as_completed(list(futures)):
            future.wait()  # Prefect may yield a future just before its state arrives
            state = future.state
            progress.add(future.result() if state.is_completed() else None, state.name == "Cached")
    failures = [
        f"{jobs[job][0]}: {future.state.message}"
        for job, future in zip(order, futures, strict=True)
        if not future.state.is_completed()
    ]
    if failures:
        raise TrainingFailed(
            f"{len(failures)} of {len(jobs)} combinations failed, the others are done and cached: running again "
            "trains only these.\n" + "\n".join(failures)
        )
    results = {job: future.result() for job, future in zip(order, futures, strict=True)}
    return [results[job] for job in range(len(jobs))], progress.cached


def slowness(combination: Combination) -> float:
    """Grows with the number of epochs to expect: small steps, taken seldom."""
    return combination.batch_size / combination.learning_rate
