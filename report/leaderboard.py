"""The leaderboard: a table of all combinations, ranked."""

from collections.abc import Sequence

import pandas as pd

from experiment.axes import axes_of
from experiment.results.trained import Lbfgs
from experiment.search.ranking import Candidate


def leaderboard(ranking: Sequence[Candidate]) -> pd.DataFrame:
    """One row per combination, best first.

    `behind_best` is the gap to the best combination in the selecting metric on the same rows, with its standard error.
    `within_noise`: the combination may be as good as the best (`experiment.search.comparison`). With several seeds or
    folds the metrics are means, with their standard deviations over these trainings.
    """
    axes = axes_of(candidate.combination for candidate in ranking)
    halved, rows = any(candidate.pruned for candidate in ranking), []
    for rank, candidate in enumerate(ranking, start=1):
        gap, trained = candidate.gap, candidate.trained
        row: dict[str, object] = {
            "rank": rank,
            **{name: getattr(candidate.combination, name) for name in axes},
            **{name: getattr(candidate, name) for name in ("val_accuracy", "val_cross_entropy", "val_loss")},
            "best_epoch": candidate.best_epoch,
            "epochs_trained": sum(run.epochs_trained for run in trained),
            "diverged": candidate.diverged,
            "behind_best": gap and gap.difference,
            "behind_best_se": gap and gap.standard_error,
            "within_noise": candidate.within_noise,
            "wandb_runs": " ".join(run.identity for run in trained),
        }
        if halved:
            row |= {"rung": candidate.rung, "pruned": candidate.pruned}
        if len(trained) > 1:
            row |= {f"{name}_std": candidate.spread.get(name) for name in ("val_accuracy", "val_cross_entropy")}
            row["seeds"] = candidate.seeds
        if len(trained) > candidate.seeds:
            row["folds"] = len(trained) // candidate.seeds
        rows.append(row)
    return pd.DataFrame(rows)


def with_lbfgs(table: pd.DataFrame, lbfgs: Lbfgs) -> pd.DataFrame:
    """The table with a last row for scikit-learn, and a column for the method."""
    last = {
        "method": "L-BFGS (scikit-learn)", "alpha": lbfgs.alpha, "val_accuracy": lbfgs.val_accuracy,
        "val_cross_entropy": lbfgs.val_cross_entropy, "epochs_trained": lbfgs.iterations, "wandb_runs": lbfgs.identity,
    }  # fmt: skip
    # As objects: missing values must not turn integers into floats.
    rows = pd.concat([table.assign(method="SGD").astype(object), pd.DataFrame([last], dtype=object)])
    return rows[[*table.columns, "method"]]
