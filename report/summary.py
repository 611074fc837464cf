"""A sweep in figures, out of its results."""

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from experiment.config import Recipe
from experiment.metrics import MetricName
from experiment.results.dataset import DatasetInfo
from experiment.results.evaluation import Evaluation
from experiment.results.gradient_check import GradientCheck
from experiment.results.lbfgs import Lbfgs
from experiment.results.report import Report
from experiment.results.scaled import Scaled
from experiment.results.split import Split
from experiment.results.trained import Trained
from experiment.search.ranking import Candidate
from experiment.search.space import Space
from experiment.summary import Summary
from experiment.values import ORIGIN, Result
from report.importance import importance
from report.text import remarks
from report.text.analysis import analysis


def summarized(
    *,
    ranking: Sequence[Candidate],
    resampled: NDArray[np.floating],
    select_by: MetricName,
    runs: Sequence[Sequence[str]],
    check: GradientCheck,
    split: Split,
    recipe: Recipe,
    test: Evaluation,
    info: DatasetInfo,
    scaled: Scaled,
    lbfgs: Lbfgs | None,
    left: int,
    space: Space | None = None,
    steps: Mapping[str, Result | Sequence[Result]],
    **about: object,
) -> Summary:
    """Return the summary: what follows from the results, and the rest of its fields as they are given; no files yet.

    Parameters
    ----------
    ranking : the candidates, best first
    resampled : (candidates, resamples), their accuracies on resamples of the validation rows
    runs : what the W&B runs of each are called
    left : combinations that time did not suffice for
    space : from which the combinations were drawn; None: they are the grid
    steps : what the other steps found, by name, those that ran several times in a row
    """
    best = ranking[0]
    others = [candidate.behind for candidate in ranking[1:] if candidate.behind]
    found = None if left else importance(ranking, resampled, space)
    floor, (rows,) = split.baseline, split.validation.shape
    summary = Summary.model_validate(
        about
        | {
            "data_understood": info.understood,
            "data_note": info.note,
            "data_warnings": (
                *info.warnings,
                *(
                    f"class {info.class_names[k]} has too few rows to be validated on: all are trained on"
                    for k in split.rare
                ),
            ),
            "scaling": scaled.said,
            "best": best.combination,
            "best_epoch": best.best_epoch,
            "val_accuracy": best.val_accuracy,
            "val_cross_entropy": best.val_cross_entropy,
            "val_loss": best.val_loss,
            "stopped_at_max_epochs": any(stopped_by_limit(run, recipe) for run in best.trained),
            "select_by": select_by,
            "seeds": len(best.trained),
            "spread": best.spread,
            "compared": len(others),
            "within_noise": sum(behind.within_noise for behind in others),
            "baseline": {
                "val_accuracy": floor.accuracy,
                "val_cross_entropy": floor.cross_entropy,
                "test_accuracy": test.baseline.accuracy,
                "test_loss": test.baseline.cross_entropy,
            },
            "lbfgs": lbfgs and lbfgs.model_dump(exclude=set(ORIGIN)),
            "beats_baseline": best.val_accuracy > floor.accuracy and best.val_cross_entropy < floor.cross_entropy,
            "test_accuracy": test.test_accuracy,
            "test_accuracy_95": test.interval,
            "test_loss": test.test_loss,
            "gap": best.val_accuracy - test.test_accuracy,
            "class_accuracy": dict(zip(info.class_names, test.class_accuracy, strict=True)),
            "class_scores": dict(zip(info.class_names, test.class_scores, strict=True)),
            "calibration": test.calibration,
            "validation_rows": rows,
            "importance": found,
            "left": left,
            "gradient_error": max(check.relative_errors.values()),
            "combinations": len(ranking),
            "failed": 0,
            "runs": {name: identities(found) for name, found in steps.items() if found}
            | {"train": tuple(chain(*runs))},
            "diverged": sum(candidate.diverged for candidate in ranking),
            "pruned": sum(candidate.pruned for candidate in ranking),
            "epochs_trained": sum(run.epochs_trained for candidate in ranking for run in candidate.trained),
            "files": {},
        }
    )
    return summary.model_copy(
        update={
            "analysis": tuple(
                analysis(
                    ranking,
                    resampled,
                    found,
                    rows=rows,
                    floor=floor,
                    select_by=select_by,
                    notes=remarks.warnings(summary),
                    space=space,
                )
            )
        }
    )


def identities(found: Result | Sequence[Result]) -> tuple[str, ...]:
    return tuple(result.identity for result in ([found] if isinstance(found, Result) else found))


def with_report(summary: Summary, drawn: Report) -> Summary:
    """Return the summary with what is beside it, too."""
    files = {name: file.digest.rpartition(":")[2] for name, file in drawn.files.items()}
    return summary.model_copy(update={"files": files, "runs": summary.runs | {"report": (drawn.identity,)}})


def stopped_by_limit(run: Trained, recipe: Recipe) -> bool:
    """Return whether a training ended for want of epochs, not of patience."""
    waited = run.epochs_trained - run.best_epoch
    return run.epochs_trained >= recipe.max_epochs and (recipe.patience is None or waited < recipe.patience)
