"""Step 9: everything a person keeps of a sweep, in one folder."""

import hashlib
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from prefect import task

from experiment import faults
from experiment.caching import determined_by, identity
from experiment.config import Execution, Experiment
from experiment.provenance import provenance
from experiment.results import DataInfo, Evaluation, GradientCheck, Result, Retrained, Selection, Summary
from experiment.tracking import tracked, warn_of_damage
from report.leaderboard import importance, leaderboard

log = logging.getLogger("sweep")


@task(
    task_run_name="report",
    tags=["sweep"],
    cache_policy=determined_by("report.leaderboard", "report.pictures"),
    refresh_cache=True,  # the key is its identity; whether its folder is still good is looked at here
    result_serializer="json",
)
def report(
    experiment: Experiment,
    data: DataInfo,
    earlier: dict[str, Result],
    check: GradientCheck,
    selection: Selection,
    model: Retrained,
    test: Evaluation,
    cached: int,
    seconds: float,
    execution: Execution,
) -> Summary:
    """Write `sweeps/<name>/` whole, in place of an earlier one of that name, and point `sweeps/latest` to it.

    What an earlier run of the same sweep drew is taken over; `summary.json` always tells of this run.
    """
    best = selection.best
    assert execution.name is not None
    summary = Summary(
        name=execution.name,
        best=best.combination,
        best_epoch=best.best_epoch,
        val_accuracy=best.val_accuracy,
        val_loss=best.val_loss,
        test_accuracy=test.test_accuracy,
        test_accuracy_95=test.interval,
        test_loss=test.test_loss,
        gap=best.val_accuracy - test.test_accuracy,
        class_accuracy=dict(zip(data.class_names, test.class_accuracy, strict=True)),
        importance=importance(leaderboard(selection)),
        gradient_error=max(check.relative_errors.values()),
        combinations=len(selection.ranking),
        cached=cached,
        failed=0,
        diverged=sum(candidate.diverged for candidate in selection.ranking),
        seconds=round(seconds, 1),
        files={},
        runs={
            **{step: (result.wandb_run,) for step, result in earlier.items()},
            "check_gradients": (check.wandb_run,),
            "train": tuple(run.wandb_run for candidate in selection.ranking for run in candidate.trained),
            "select": (selection.wandb_run,),
            "retrain": (model.wandb_run,),
            "evaluate": (test.wandb_run,),
            "report": (identity(),),
        },
        provenance=provenance(experiment, execution, data),
    )
    folder = execution.artifacts / "sweeps" / summary.name
    draft = folder.with_name(f".{summary.name}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    if files := drawn_before(folder, execution):
        shutil.copytree(folder, draft)
    else:
        draft.mkdir(parents=True)
        figures = {"test_accuracy", "test_loss", "val_accuracy", "val_loss", "best_epoch", "gap"}
        with tracked(execution, "report", experiment.model_dump(mode="json")) as run:
            draw(draft, summary, data, selection, model, test, execution)
            run.summary.update(summary.model_dump(include=figures))
        files = {path.name: sha256(path) for path in sorted(draft.iterdir())}
    summary = summary.model_copy(update={"files": files})
    (draft / "summary.json").write_text(summary.model_dump_json(indent=2) + "\n")
    put_in_place(draft, folder)
    warn_of_damage(execution, {run for runs in summary.runs.values() for run in runs})
    return summary


def drawn_before(folder: Path, execution: Execution) -> dict[str, str] | None:
    """The digests of what this same report wrote into `folder`, if that and its record are still there, whole."""
    if not any((execution.artifacts / "cache").glob(f"{identity()}*")):
        return None
    try:
        earlier = Summary.model_validate_json((folder / "summary.json").read_bytes())
        whole = all(sha256(folder / name) == digest for name, digest in earlier.files.items())
    except (OSError, ValueError):
        return None
    return earlier.files if whole and earlier.runs["report"] == (identity(),) else None


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def draw(
    draft: Path,
    summary: Summary,
    data: DataInfo,
    selection: Selection,
    model: Retrained,
    test: Evaluation,
    execution: Execution,
) -> None:
    """The leaderboard, the model and the pictures."""
    from report import pictures  # takes a second, and is mostly done

    store = execution.store
    table = leaderboard(selection)
    table.to_csv(draft / "leaderboard.csv", index=False)
    save_model(draft / "model.npz", data, selection, model, summary, execution)
    histories = {candidate.combination: store.open(candidate.trained[0].history) for candidate in selection.ranking}
    W = store.open(model.W)
    drawn = {
        "learning_curves.png": pictures.learning_curves(histories, summary.best),
        "parallel_coordinates.png": pictures.parallel_coordinates(table),
        "confusion.png": pictures.confusion(np.array(test.confusion), data.class_names),
        "weights.png": pictures.weights(W, data.class_names),
    }
    for name, figure in drawn.items():
        if figure:
            figure.savefig(draft / name, dpi=120)
        else:
            log.info("No %s: images of %d values are not square.", name, len(W))


def save_model(
    path: Path, data: DataInfo, selection: Selection, model: Retrained, summary: Summary, execution: Execution
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
    faults.point("report between")
    draft.rename(folder)
    faults.point("report in place")
    shutil.rmtree(old, ignore_errors=True)
    link = draft.with_name(f"{draft.name}.latest")
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    faults.point("report linked")
    link.replace(folder.with_name("latest"))
