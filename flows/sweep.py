"""The sweep, as a DAG:

download → split → scale → check_gradients → train × every combination → select → retrain → evaluate → analyse → report
"""

import importlib
import logging
import time
from typing import NamedTuple

from prefect import flow
from prefect.context import FlowRunContext
from prefect.exceptions import CancelledRun
from prefect.states import Cancelled, Completed

from execution import prepare
from execution.config import Execution, RunContext
from execution.orchestration import startup
from execution.orchestration.stopping import stoppable
from execution.outputs.history import remember
from execution.outputs.provenance import provenance
from execution.outputs.publish import publish
from execution.outputs.retention import in_use
from execution.runners.runner import steps_run
from execution.steps.step import opaque_all
from execution.storage import layout
from execution.storage.arrays import read_file
from execution.tracking import mode
from execution.tracking.offline import to_send, unsent
from experiment.config import Experiment
from experiment.defaults import settled
from experiment.errors import Interrupted
from experiment.results.report import Report, Shown
from experiment.search.ranking import Candidate, ranked
from experiment.search.space import Range
from experiment.summary import Summary
from flows.search import search
from flows.ui import artifacts as shown
from flows.ui.command import command
from report.page import PAGE
from report.page.render import page
from report.summary import Results, summarized, with_analysis, with_report
from report.text.remarks import warnings
from report.text.verdict import verdict
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

log = logging.getLogger("sweep")


# Compressed, for Prefect takes a JSON object for a record of its own, and what it reads back is no Summary but a dict.
@flow(name="sweep", flow_run_name=shown.name, persist_result=True, result_serializer="compressed/json")
def sweep(experiment: Experiment = Experiment(), execution: Execution = Execution()) -> Summary:
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

    With `baseline`, scikit-learn's L-BFGS is fitted after 6, to compare with.
    """
    prepare.check(experiment, execution)
    flow_run = FlowRunContext.get()
    assert flow_run is not None
    assert flow_run.flow_run is not None
    context = prepare.run_context(experiment, execution, str(flow_run.flow_run.id))
    try:
        with in_use(context.storage, context.flow_run), steps_run(context, search.__module__), stoppable(context):
            context = mode.settled(context, execution)
            done = steps(experiment, context)
            message = tell(experiment, execution, context, done)
    except (Interrupted, CancelledRun) as stopped:
        return Cancelled(message=f"{stopped}. Run it again: it goes on from there.")  # type: ignore[return-value]
    finally:
        context.state.forget()
    return Completed(message=message, data=done.summary)  # type: ignore[return-value]  # its data is returned


class Done(NamedTuple):
    summary: Summary
    ranking: tuple[Candidate, ...]
    report: Report


def steps(experiment: Experiment, execution: RunContext) -> Done:
    """Run the DAG itself."""
    started = time.monotonic()
    data = download(execution, source(experiment))
    parts = split(execution, data.train, experiment.validation_fraction, experiment.seed, stratify=data.info.own)
    experiment, defaults = settled(experiment, data.info.own, *parts.train.shape)
    if defaults:
        log.info("defaults: %s", defaults)
    scaled = scale(execution, data.train, parts, data.info.picture, experiment.scaling, experiment.missing)
    check = check_gradients(execution, scaled.train, parts, data.classes, experiment.seed, experiment.engine)
    found = search(experiment, execution, data, scaled.train, parts, check)
    selection = select(
        execution, opaque_all(found.trained), parts, data.train.labels, experiment.select_by, found.rungs
    )  # fmt: skip
    ranking = ranked(selection, found.trained, found.rungs)
    best = ranking[0]
    optimum = None
    if experiment.baseline:
        optimum = lbfgs(execution, scaled.train, parts, best.combination.alpha, wait_for=[selection])
    # The report will draw, and needs a second to import what with: on another core.
    if found.cached < len(found.trained):
        startup.beside(importlib.import_module, "report.pictures")
    model = retrain(
        execution, best.combination, experiment.training_seeds[0], scaled.final, data.classes,
        experiment.recipe.for_exactly(best.best_epoch), wait_for=[selection],
    )  # fmt: skip
    test = evaluate(execution, model, scaled.final_scaling, data.train, data.test)
    seconds = round(time.monotonic() - started, 1)
    results = Results(data, parts, scaled, check, found.sampled, ranking, selection, model, test, optimum)
    summary = summarized(
        experiment, results, name=execution.name, cached=found.cached, left=found.left, earlier=found.earlier,
        defaults=defaults, seconds=seconds, provenance=provenance(experiment, execution, data),
    )  # fmt: skip
    space = experiment.grid if experiment.drawn_by else None
    analysed = analyse(
        execution, opaque_all(ranking), None if found.left else selection.resampled, parts, experiment.select_by, space,
        warnings(summary), wait_for=[test],
    )  # fmt: skip
    drawn = report(
        execution, opaque_all(ranking), model, scaled, test, analysed,
        Shown(
            info=data.info, data=data.artifact, split=parts, labels=data.train.labels, new=data.new,
            ranges=tuple(name for name, values in experiment.grid.items() if isinstance(values, Range)),
            lbfgs=optimum, lbfgs_run=optimum.identity if optimum else "", runs=tuple(map(tuple, results.training_runs)),
        ),
    )  # fmt: skip
    return Done(with_report(with_analysis(summary, analysed), drawn), ranking, drawn)


def tell(experiment: Experiment, execution: Execution, context: RunContext, done: Done) -> str:
    """Put the outcome where people look for it; return it in one line."""
    where = context.storage.where(f"{layout.SWEEPS}/{done.summary.name}")
    notes = {
        "files": where,
        "run again": f"`{command(experiment, execution)}`",
        "W&B": f"`{command_to_send}`" if (command_to_send := to_send(context.storage)) else context.wandb_mode,
    }
    more = {}
    if drawn := done.report.page:
        runs_at = mode.runs_at(context)
        more[PAGE] = page(
            done.summary, done.ranking, read_file(context.storage, drawn), notes, runs_at, unsent(context.storage)
        )
        notes = {"page": f"{where}/{PAGE}", **notes}
    publish(context, done.summary, done.report, more)
    news = remember(context, experiment, done.summary)
    preview = read_file(context.storage, drawn) if (drawn := done.report.preview) else None
    shown.outcome(done.summary, done.ranking, {"news": news, **notes}, preview)
    message = verdict(done.summary)
    log.info("Done: %s", message, extra={"console": False})
    if news:
        log.warning("News: %s", news)
        message = f"News: {news}; {message}"
    return message
