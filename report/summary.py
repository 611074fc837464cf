"""A sweep in figures, out of its results."""

from collections.abc import Mapping, Sequence
from itertools import chain

from experiment.ranking import Candidate
from experiment.results import Evaluation, GradientCheck
from experiment.summary import Summary
from experiment.values import Result
from report.leaderboard import importance, leaderboard


def summarized(
    *,
    ranking: Sequence[Candidate],
    runs: Sequence[Sequence[str]],
    check: GradientCheck,
    test: Evaluation,
    class_names: Sequence[str],
    steps: Mapping[str, Result],
    **about: object,
) -> Summary:
    """Return the summary: what follows from the results, and the rest of its fields as they are given.

    Parameters
    ----------
    ranking : the candidates, best first
    runs : what the W&B runs of each are called
    steps : what the other steps found, by name
    """
    best = ranking[0]
    return Summary.model_validate(
        about
        | {
            "best": best.combination,
            "best_epoch": best.best_epoch,
            "val_accuracy": best.val_accuracy,
            "val_loss": best.val_loss,
            "test_accuracy": test.test_accuracy,
            "test_accuracy_95": test.interval,
            "test_loss": test.test_loss,
            "gap": best.val_accuracy - test.test_accuracy,
            "class_accuracy": dict(zip(class_names, test.class_accuracy, strict=True)),
            "importance": importance(leaderboard(ranking, runs)),
            "gradient_error": max(check.relative_errors.values()),
            "combinations": len(ranking),
            "failed": 0,
            "runs": {name: (result.identity,) for name, result in steps.items()} | {"train": tuple(chain(*runs))},
            "diverged": sum(candidate.diverged for candidate in ranking),
        }
    )
