"""Step 8: everything a person keeps of a sweep, in one folder."""

import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from prefect import task

from experiment.caching import determined_by
from experiment.config import Execution, Experiment
from experiment.provenance import provenance
from experiment.results import Dataset, Evaluation, Retrained, Selection, Summary
from experiment.tracking import tracked
from report import pictures
from report.leaderboard import leaderboard


log = logging.getLogger("sweep")


@task(
    task_run_name="report",
    tags=["report"],
    cache_policy=determined_by("report.leaderboard", "report.pictures"),
    refresh_cache=True,  # the key is its identity; its folder is always made anew
    result_serializer="json",
)
def report(
    experiment: Experiment,
    data: Dataset,
    selection: Selection,
    model: Retrained,
    test: Evaluation,
    cached: int,
    seconds: float,
    execution: Execution,
) -> Summary:
    """Write `sweeps/<name>/` whole, in place of an earlier one of that name, and point `sweeps/latest` to it."""
    best = selection.best
    assert execution.name is not None
    summary = Summary(
        name=execution.name,
        best=best.combination,
        best_epoch=best.best_epoch,
        val_accuracy=best.val_accuracy,
        val_loss=best.val_loss,
        test_accuracy=test.test_accuracy,
        test_loss=test.test_loss,
        combinations=len(selection.ranking),
        cached=cached,
        failed=0,
        diverged=sum(candidate.diverged for candidate in selection.ranking),
        seconds=round(seconds, 1),
        provenance=provenance(experiment, execution, data),
    )
    facts = summary.model_dump(mode="json", exclude={"provenance", "seconds", "cached"})
    with tracked(execution, "report", experiment.model_dump(mode="json")) as run:
        write(summary, data, selection, model, execution)
        run.summary.update(facts)
    return summary


def write(summary: Summary, data: Dataset, selection: Selection, model: Retrained, execution: Execution) -> None:
    """Make the sweep's folder under another name, then put it in place."""
    folder = execution.artifacts / "sweeps" / summary.name
    draft = folder.with_name(f".{summary.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    (draft / "summary.json").write_text(summary.model_dump_json(indent=2) + "\n")
    table = leaderboard(selection)
    table.to_csv(draft / "leaderboard.csv", index=False)
    save_model(draft / "model.npz", data, selection, model, summary, execution)
    store = execution.store
    histories = {candidate.combination: store.open(candidate.trained[0].history) for candidate in selection.ranking}
    pictures.learning_curves(histories, summary.best).savefig(draft / "learning_curves.png", dpi=120)
    pictures.parallel_coordinates(table).savefig(draft / "parallel_coordinates.png", dpi=120)
    if figure := pictures.weights(store.open(model.W), data.class_names):
        figure.savefig(draft / "weights.png", dpi=120)
    else:
        log.info("No weights.png: images of %d values are not square.", len(store.open(model.W)))
    put_in_place(draft, folder)


def save_model(
    path: Path, data: Dataset, selection: Selection, model: Retrained, summary: Summary, execution: Execution
) -> None:
    """Final and best-validation parameters, and what led to them."""
    store, validated = execution.store, selection.best.trained[0]
    values: dict[str, Any] = {
        "W": store.open(model.W),
        "b": store.open(model.b),
        "W_best_validation": store.open(validated.W),
        "b_best_validation": store.open(validated.b),
        **summary.best.model_dump(),
        **summary.model_dump(include={"best_epoch", "val_accuracy", "val_loss", "test_accuracy", "test_loss"}),
        "class_names": np.array(data.class_names),
    }
    np.savez(path, allow_pickle=False, **values)


def put_in_place(draft: Path, folder: Path) -> None:
    """Swap `draft` for `folder`, and `latest` with it: a reader finds the old sweep or the new one, whole."""
    old = draft.with_name(f"{draft.name}.old")
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    link = draft.with_name(f"{draft.name}.latest")
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.replace(folder.with_name("latest"))
