"""The leaderboard: a table of all combinations, ranked."""

from collections.abc import Iterable, Sequence

import pandas as pd

from experiment.axes import axes_of
from experiment.results.lbfgs import Lbfgs
from experiment.search.ranking import Candidate


def leaderboard(ranking: Sequence[Candidate], runs: Sequence[Sequence[str]] | None = None) -> pd.DataFrame:
    """One row per combination, best first.

    `behind_best` is the gap to the best combination in the selecting metric on the same rows, with its standard error.
    `within_noise`: the combination may be as good as the best (`experiment.search.comparison`). With several seeds the
    metrics are means, with their standard deviations over the seeds.

    Parameters
    ----------
    ranking : the candidates, best first
    runs : the ids of their W&B runs; None: unknown
    """
    rows = zip(ranking, runs or [()] * len(ranking), strict=True)
    axes = axes_of(candidate.combination for candidate in ranking)
    halved = any(candidate.pruned for candidate in ranking)
    return pd.DataFrame(
        [row(rank, candidate, ids, axes, halved) for rank, (candidate, ids) in enumerate(rows, start=1)]
    )


def with_lbfgs(table: pd.DataFrame, lbfgs: Lbfgs) -> pd.DataFrame:
    """The table with a last row for scikit-learn, and a column for the method."""
    figures = {
        "method": "L-BFGS (scikit-learn)",
        "alpha": lbfgs.alpha,
        "val_accuracy": lbfgs.val_accuracy,
        "val_cross_entropy": lbfgs.val_cross_entropy,
        "epochs_trained": lbfgs.iterations,
        "wandb_runs": lbfgs.identity,
    }
    columns = table.columns
    # As objects: missing values must not turn integers into floats.
    rows = pd.concat([table.assign(method="SGD").astype(object), pd.DataFrame([figures], dtype=object)])
    return rows[[*columns, "method"]]


def row(rank: int, candidate: Candidate, ids: Sequence[str], axes: Iterable[str], halved: bool) -> dict[str, object]:
    gap = candidate.gap
    figures: dict[str, object] = {
        "rank": rank,
        **{name: getattr(candidate.combination, name) for name in axes},
        "val_accuracy": candidate.val_accuracy,
        "val_cross_entropy": candidate.val_cross_entropy,
        "val_loss": candidate.val_loss,
        "best_epoch": candidate.best_epoch,
        "epochs_trained": sum(run.epochs_trained for run in candidate.trained),
        "diverged": candidate.diverged,
        "behind_best": gap.difference if gap else None,
        "behind_best_se": gap.standard_error if gap else None,
        "within_noise": candidate.within_noise,
        "wandb_runs": " ".join(ids),
    }
    if halved:
        figures |= {"rung": candidate.rung, "pruned": candidate.pruned}
    if len(candidate.trained) > 1:
        figures |= {f"{name}_std": candidate.spread.get(name) for name in ("val_accuracy", "val_cross_entropy")}
        figures["seeds"] = len(candidate.trained)
    return figures
