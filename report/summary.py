"""The summary of a sweep from the results of its steps."""

from itertools import chain
from typing import NamedTuple

from experiment.config import Experiment, Recipe
from experiment.results.analysis import Analysis
from experiment.results.dataset import Dataset
from experiment.results.evaluation import Evaluation
from experiment.results.gradient_check import GradientCheck
from experiment.results.lbfgs import Lbfgs
from experiment.results.report import Report
from experiment.results.retrained import Retrained
from experiment.results.sampled import Sampled
from experiment.results.scaled import Scaled
from experiment.results.selection import Selection
from experiment.results.split import Split
from experiment.results.trained import Trained
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from experiment.values import ORIGIN


class Results(NamedTuple):
    """The results of the steps of a sweep."""

    data: Dataset
    split: Split
    scaled: Scaled
    check: GradientCheck
    sampled: tuple[Sampled, ...]
    ranking: tuple[Candidate, ...]  # best first
    selection: Selection
    model: Retrained
    test: Evaluation
    lbfgs: Lbfgs | None

    @property
    def training_runs(self) -> list[list[str]]:
        """The ids of the candidates' W&B runs."""
        return [[run.identity for run in candidate.trained] for candidate in self.ranking]

    @property
    def runs(self) -> dict[str, tuple[str, ...]]:
        """The ids of all W&B runs, by step."""
        ran = {
            "download": (self.data,), "scale": (self.scaled,), "split": (self.split,), "check_gradients": (self.check,),
            "sample": self.sampled, "select": (self.selection,), "retrain": (self.model,), "evaluate": (self.test,),
            "lbfgs": (self.lbfgs,) if self.lbfgs else (),
        }  # fmt: skip
        named = {step: tuple(result.identity for result in results) for step, results in ran.items() if results}
        return named | {"train": tuple(chain(*self.training_runs))}


def summarized(experiment: Experiment, results: Results, **about: object) -> Summary:
    """The summary without analysis and files; `about` has the fields that the results do not determine."""
    ranking, split, test, info = results.ranking, results.split, results.test, results.data.info
    best, recipe, lbfgs = ranking[0], experiment.recipe, results.lbfgs
    gaps = [candidate.gap for candidate in ranking[1:] if candidate.gap]
    floor, (rows,) = split.baseline, split.validation.shape
    return Summary.model_validate(
        about
        | {
            "data_understood": info.understood,
            "data_note": info.note,
            "data_warnings": (
                *info.warnings,
                *(
                    f"class {info.class_names[k]} has too few rows for validation: all are training rows"
                    for k in split.rare
                ),
            ),
            "scaling": results.scaled.description,
            "best": best.combination,
            "best_epoch": best.best_epoch,
            "val_accuracy": best.val_accuracy,
            "val_cross_entropy": best.val_cross_entropy,
            "val_loss": best.val_loss,
            "stopped_at_max_epochs": any(stopped_by_limit(run, recipe) for run in best.trained),
            "select_by": experiment.select_by,
            "seeds": len(best.trained),
            "spread": best.spread,
            "compared": len(gaps),
            "within_noise": sum(gap.within_noise for gap in gaps),
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
            "importance": None,
            "sampler": experiment.drawn_by,
            "gradient_error": max(results.check.relative_errors.values()),
            "combinations": len(ranking),
            "failed": 0,
            "runs": results.runs,
            "diverged": sum(candidate.diverged for candidate in ranking),
            "pruned": sum(candidate.pruned for candidate in ranking),
            "epochs_trained": sum(run.epochs_trained for candidate in ranking for run in candidate.trained),
            "files": {},
        }
    )


def with_analysis(summary: Summary, analysed: Analysis) -> Summary:
    """The summary with importance and analysis."""
    fields = {"importance": analysed.importance, "analysis": analysed.paragraphs}
    return summary.model_copy(update=fields | {"runs": summary.runs | {"analyse": (analysed.identity,)}})


def with_report(summary: Summary, drawn: Report) -> Summary:
    """The summary with the digests of the files."""
    files = {name: file.digest.rpartition(":")[2] for name, file in drawn.files.items()}
    return summary.model_copy(update={"files": files, "runs": summary.runs | {"report": (drawn.identity,)}})


def stopped_by_limit(run: Trained, recipe: Recipe) -> bool:
    """Whether max_epochs ended a training, not its patience."""
    waited = run.epochs_trained - run.best_epoch
    return run.epochs_trained >= recipe.max_epochs and (recipe.patience is None or waited < recipe.patience)
