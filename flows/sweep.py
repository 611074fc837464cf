"""The sweep, as a DAG:

download → split → scale → check_gradients → train × every combination → select → retrain → evaluate → analyse → report
"""

import importlib
import time
from typing import NamedTuple

from prefect import flow
from prefect.context import FlowRunContext
from prefect.exceptions import CancelledRun
from prefect.states import Cancelled, Completed, Failed

from execution import log, prepare
from execution.config import Execution, RunContext
from execution.orchestration import startup
from execution.orchestration.stopping import stoppable
from execution.outputs import champion
from execution.outputs.history import remember
from execution.outputs.provenance import code_origin, provenance
from execution.outputs.publish import publish
from execution.outputs.retention import in_use, keep_newest
from execution.runners.runner import steps_run
from execution.steps.step import opaque_all
from execution.storage import layout
from execution.storage.arrays import read_file
from execution.tracking import mode
from execution.tracking.offline import to_send, unsent
from experiment.champion import by_person
from experiment.config import Experiment
from experiment.defaults import settled, with_folds
from experiment.errors import EveryCombinationDiverged, Interrupted
from experiment.results.report import Report, Shown
from experiment.search.listed import space_of
from experiment.search.ranking import Candidate, ranked
from experiment.search.space import Range
from experiment.summary import Summary
from flows.search import search
from flows.ui import approval, events
from flows.ui import artifacts as shown
from flows.ui.settings import command, read, toml
from report.page import PAGE
from report.page.render import page
from report.summary import Results, completed, summarized
from report.text.verdict import verdict, warnings
from tasks.analyse import analyse
from tasks.check_gradients import check_gradients
from tasks.download import download, source
from tasks.evaluate import evaluate
from tasks.lbfgs import lbfgs
from tasks.report import report
from tasks.retrain import retrain
from tasks.scale import scale
from tasks.select import select
from tasks.split import split


@flow(name="sweep", flow_run_name=shown.name, persist_result=False)  # its summary is published
def sweep(
    experiment: Experiment = Experiment(), execution: Execution = Execution(), config: str | None = None
) -> Summary:
    """Train softmax regression over a grid, select, retrain, test once, report.

    1. download          the four arrays, verified
    2. split             the training rows: to train on, to validate on
    3. scale             features to inputs
    4. check_gradients   against finite differences, on this data
    5. train             every combination of the grid, side by side; with `trials`, those that a step `sample` draws
    6. select            the best on the validation rows; while halving, after every rung
    7. retrain           it on all training rows
    8. evaluate          on the test set, once
    9. analyse           what mattered, and how sure that is
    10. report           tables, pictures, model

    With `baseline`, scikit-learn's L-BFGS is fitted after 6, to compare with. `config` is a TOML file of settings; what
    `experiment` and `execution` set counts more. None is returned if `until` names a step.
    """
    if config:
        experiment, execution = read(config, experiment, execution)
    prepare.check(experiment, execution)
    if execution.approve:
        approval.check()
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    assert flow_run.flow_run is not None
    context = prepare.run_context(experiment, execution, str(flow_run.flow_run.id))
    try:
        with in_use(context.storage, context.flow_run), steps_run(context, search.__module__), stoppable(context):
            context = mode.settled(context, execution).model_copy(update={"origin": code_origin()})
            done = steps(experiment, context)
            challenge = champion.challenge(context, done.summary)
            if execution.approve:
                approved = approval.promotion(done.summary, challenge.decision)
                challenge = challenge._replace(decision=by_person(approved, challenge.decision))
            outcome, message = tell(experiment, execution, context, done, challenge)
    except Reached as reached:
        message = f"{reached}. All of it is cached: without --until the sweep continues"
        log.info("Stopped after %s", message)
        return Completed(name="Stopped", message=message)  # type: ignore[return-value]
    except (Interrupted, CancelledRun) as stopped:
        return Cancelled(message=f"{stopped}. Run it again: it goes on from there.")  # type: ignore[return-value]
    except EveryCombinationDiverged as error:
        events.emit(events.DIVERGED, context.name, str(error))
        return Failed(name="All diverged", message=str(error), data=error)  # type: ignore[return-value]
    finally:
        context.state.forget()
        events.tidy(flow_run.flow_run, context.storage)
    if execution.keep:
        keep_newest(context.storage, execution.keep)
    return Completed(name=outcome, message=message, data=done.summary)  # type: ignore[return-value]  # its data is returned


class Reached(Exception):
    """The sweep has come as far as it was to."""


def stop_after(execution: RunContext, step: str, what: str) -> None:
    """Raise Reached if the sweep was to come as far as this step."""
    if execution.until == step:
        raise Reached(f"{step}: {what}")


class Done(NamedTuple):
    summary: Summary
    ranking: tuple[Candidate, ...]
    report: Report


def steps(experiment: Experiment, execution: RunContext) -> Done:
    """Run the DAG itself."""
    started = time.monotonic()
    data = download(execution, source(experiment))
    execution = execution.model_copy(update={"origin": {**execution.origin, "data_digests": data.digests}})
    stop_after(execution, "download", f"{len(data.info.class_names)} classes in {data.train.labels.shape[0]} rows")
    experiment = with_folds(experiment, data.info.own, data.info.rows_of_class)
    parts = split(
        execution, data.train, experiment.validation_fraction, experiment.seed, data.info.own, experiment.folds or 1,
        experiment.repeats,
    )  # fmt: skip
    experiment, defaults = settled(experiment, data.info.own, min(fold.train.shape[0] for fold in parts.folds))
    if defaults:
        log.info("defaults: %s", defaults)
    scaled = scale(execution, data.train, parts, data.info.picture, experiment.scaling, experiment.missing)
    check = check_gradients(
        execution, scaled.folds[0], experiment.seed, experiment.engine, wait_for=opaque_all([scaled])
    )  # fmt: skip
    stop_after(execution, "check_gradients", f"largest relative error {max(check.relative_errors.values()):.1e}")
    found = search(experiment, execution, data, scaled.folds, parts, check)
    stop_after(execution, "train", f"{len(found.trained)} trainings, {found.cached} cached")
    selection = select(
        execution, opaque_all(found.candidates), parts, data.train.labels, experiment.select_by,
        wait_for=opaque_all([found]),
    )  # fmt: skip
    ranking = ranked(selection, found.candidates)
    best = ranking[0]
    stop_after(execution, "select", f"{best.combination}, validation accuracy {best.val_accuracy:.2%}")
    alpha = best.combination.alpha
    optimum = lbfgs(execution, scaled.folds, alpha, wait_for=[selection]) if experiment.baseline else None
    # The report will draw, and needs a second to import what with: on another core.
    if found.cached < len(found.trained):
        startup.beside(importlib.import_module, "report.pictures")
    model = retrain(
        execution, best.combination, experiment.training_seeds[0], scaled.final,
        experiment.recipe.for_exactly(best.best_epoch), wait_for=[selection],
    )  # fmt: skip
    stop_after(execution, "retrain", f"{best.combination}, {best.best_epoch} epochs")
    if execution.approve:
        approval.before_test(best, selection)
    test = evaluate(execution, model, scaled.final_scaling, data.train, data.test)
    stop_after(execution, "evaluate", f"test accuracy {test.test_accuracy:.2%}, cross-entropy {test.test_loss:.4f}")
    seconds = round(time.monotonic() - started, 1)
    results = Results(data, parts, scaled, check, found.sampled, ranking, selection, model, test, optimum)
    summary = summarized(
        experiment, results, name=execution.name, cached=found.cached, left=found.left, earlier=found.earlier,
        stopped=found.stopped, defaults=defaults, seconds=seconds, provenance=provenance(experiment, execution, data),
    )  # fmt: skip
    space = space_of(experiment)
    analysed = analyse(
        execution, opaque_all(ranking), None if found.left else selection.resampled, parts, experiment.select_by, space,
        warnings(summary), wait_for=[test],
    )  # fmt: skip
    drawn = report(
        execution, opaque_all(ranking), model, scaled, test, analysed,
        Shown(
            info=data.info, data=data.artifact, split=parts, labels=data.train.labels, new=data.new,
            ranges=tuple(name for name, values in (space or {}).items() if isinstance(values, Range)),
            lbfgs=optimum, runs=(*results.runs["train"], *results.runs.get("lbfgs", ())),
        ),
    )  # fmt: skip
    return Done(completed(summary, analysed, drawn), ranking, drawn)


def tell(
    experiment: Experiment, execution: Execution, context: RunContext, done: Done, challenge: champion.Challenge
) -> tuple[str, str]:
    """Put the outcome where people look for it; return it as a name for the flow run's state and in one line."""
    where = context.storage.where(f"{layout.SWEEPS}/{done.summary.name}")
    notes = {
        "files": where,
        "run again": f"`{command(experiment, execution)}`",
        "W&B": f"`{command_to_send}`" if (command_to_send := to_send(context.storage)) else context.wandb_mode,
    }
    more: dict[str, bytes] = {}
    if drawn := done.report.page:
        runs_at = mode.runs_at(context)
        more[PAGE] = page(
            done.summary, done.ranking, read_file(context.storage, drawn), notes, runs_at, unsent(context.storage)
        )
        notes = {"page": f"{where}/{PAGE}", **notes}
    more["config.toml"] = toml(experiment, execution).encode()
    publish(context, done.summary, done.report, more)
    before, decision = challenge
    if decision.promoted:
        champion.promote(context, done.summary, decision.why)
    notes["champion"] = f"{'this model' if decision.promoted or not before else before.sweep}: {decision.why}"
    news = remember(context, experiment, done.summary)
    if before and decision.promoted:
        news = f"{news}; new champion: {decision.why}" if news else f"new champion: {decision.why}"
    elif news and decision.new:
        news = f"{news}; the champion stays: {decision.why}"
    preview = read_file(context.storage, drawn) if (drawn := done.report.preview) else None
    outcome = "Completed" if news is None else "News" if news else "Nothing new"
    message = f"{news}. Now {verdict(done.summary)}" if news else verdict(done.summary)
    shown.conclude(done.summary, done.ranking, outcome, message, notes, preview)
    if news:
        log.warning("News: %s", news)
        events.emit(events.NEWS, done.summary.name, news)
    return outcome, message
