"""The summary of a sweep from the results of its steps."""

from itertools import chain
from typing import NamedTuple

from experiment.config import Experiment, Recipe
from experiment.results.dataset import Dataset
from experiment.results.evaluation import Analysis, Evaluation
from experiment.results.report import Report
from experiment.results.scaled import Scaled
from experiment.results.selection import Sampled, Selection
from experiment.results.split import Split
from experiment.results.trained import GradientCheck, Lbfgs, Retrained, Trained
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
    def runs(self) -> dict[str, tuple[str, ...]]:
        """The ids of all W&B runs, by step; of `train` best combination first."""
        ran = {
            "download": (self.data,), "scale": (self.scaled,), "split": (self.split,), "check_gradients": (self.check,),
            "sample": self.sampled, "select": (self.selection,), "retrain": (self.model,), "evaluate": (self.test,),
            "lbfgs": (self.lbfgs,) if self.lbfgs else (), "train": chain(*(one.trained for one in self.ranking)),
        }  # fmt: skip
        return {step: tuple(result.identity for result in results) for step, results in ran.items() if results}


def summarized(experiment: Experiment, results: Results, **about: object) -> Summary:
    """The summary without analysis and files; `about` has the fields that the results do not determine."""
    ranking, split, test, info = results.ranking, results.split, results.test, results.data.info
    best, lbfgs, floor, judge = ranking[0], results.lbfgs, split.baseline, split.judge
    gaps = [candidate.gap for candidate in ranking[1:] if candidate.gap]
    class_scores = dict(zip(info.class_names, test.class_scores, strict=True))
    too_few = "class {} has too few rows for validation: all are training rows"
    return Summary.model_validate(
        about
        | {
            "data_understood": info.understood,
            "data_note": info.note,
            "data_warnings": (*info.warnings, *(too_few.format(info.class_names[k]) for k in split.rare)),
            "scaling": results.scaled.description,
            "best": best.combination,
            **{name: getattr(best, name) for name in ("best_epoch", "seeds", "spread")},
            **{name: getattr(best, name) for name in ("val_accuracy", "val_cross_entropy", "val_loss")},
            "stopped_at_max_epochs": any(stopped_by_limit(run, experiment.recipe) for run in best.trained),
            "select_by": experiment.select_by,
            **{"folds": judge.folds, "repeats": judge.repeats, "validation_rows": judge.rows},
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
            **{name: getattr(test, name) for name in ("test_accuracy", "test_loss", "correct", "calibration")},
            "test_accuracy_95": test.interval,
            "gap": best.val_accuracy - test.test_accuracy,
            "class_accuracy": {name: scores.recall for name, scores in class_scores.items()},
            "class_scores": class_scores,
            "sampler": experiment.drawn_by,
            "gradient_error": max(results.check.relative_errors.values()),
            "combinations": len(ranking),
            "runs": results.runs,
            **{name: sum(getattr(candidate, name) for candidate in ranking) for name in ("diverged", "pruned")},
            "epochs_trained": sum(run.epochs_trained for candidate in ranking for run in candidate.trained),
            **{"importance": None, "failed": 0, "files": {}},
        }
    )


def completed(summary: Summary, analysed: Analysis, drawn: Report) -> Summary:
    """The summary with importance, analysis and the digests of the files."""
    files = {name: file.digest.rpartition(":")[2] for name, file in drawn.files.items()}
    fields = {"importance": analysed.importance, "analysis": analysed.paragraphs, "files": files}
    runs = summary.runs | {"analyse": (analysed.identity,), "report": (drawn.identity,)}
    return summary.model_copy(update=fields | {"runs": runs})


def stopped_by_limit(run: Trained, recipe: Recipe) -> bool:
    """Whether max_epochs ended a training before its patience ran out."""
    waited = run.epochs_trained - run.best_epoch
    return recipe.patience is not None and run.epochs_trained >= recipe.max_epochs and waited < recipe.patience
