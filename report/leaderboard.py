"""Every combination, ranked, as a table."""

from collections.abc import Iterable, Sequence

import pandas as pd

from experiment.axes import axes_of
from experiment.results.lbfgs import Lbfgs
from experiment.search.ranking import Candidate


def leaderboard(ranking: Sequence[Candidate], runs: Sequence[Sequence[str]]) -> pd.DataFrame:
    """One row a combination, best first.

    `behind_best` is by how much the figure that selected is behind that of the best, on the same rows, with its
    standard error; `within_noise` says whether it may be as good (`experiment.search.comparison`).
    Under several seeds the figures are means, with their standard deviations over the seeds.

    Parameters
    ----------
    ranking : the candidates, best first
    runs : what the W&B runs of each are called
    """
    rows = zip(ranking, runs, strict=True)
    axes = axes_of(candidate.combination for candidate in ranking)
    halved = any(candidate.pruned for candidate in ranking)
    return pd.DataFrame(
        [row(rank, candidate, called, axes, halved) for rank, (candidate, called) in enumerate(rows, start=1)]
    )


def with_lbfgs(table: pd.DataFrame, lbfgs: Lbfgs) -> pd.DataFrame:
    """The table with scikit-learn's figures in a last row, and a column that tells who fitted what."""
    beside = {
        "method": "L-BFGS (scikit-learn)",
        "alpha": lbfgs.alpha,
        "val_accuracy": lbfgs.val_accuracy,
        "val_cross_entropy": lbfgs.val_cross_entropy,
        "epochs_trained": lbfgs.iterations,
        "wandb_runs": lbfgs.identity,
    }
    columns = table.columns
    # As objects: the row lacks most figures, which must not turn the others' whole numbers into fractions.
    rows = pd.concat([table.assign(method="SGD").astype(object), pd.DataFrame([beside], dtype=object)])
    return rows[[*columns, "method"]]


def row(rank: int, candidate: Candidate, called: Sequence[str], axes: Iterable[str], halved: bool) -> dict[str, object]:
    behind = candidate.behind
    figures: dict[str, object] = {
        "rank": rank,
        **{name: getattr(candidate.combination, name) for name in axes},
        "val_accuracy": candidate.val_accuracy,
        "val_cross_entropy": candidate.val_cross_entropy,
        "val_loss": candidate.val_loss,
        "best_epoch": candidate.best_epoch,
        "epochs_trained": sum(run.epochs_trained for run in candidate.trained),
        "diverged": candidate.diverged,
        "behind_best": behind.difference if behind else None,
        "behind_best_se": behind.standard_error if behind else None,
        "within_noise": candidate.within_noise,
        "wandb_runs": " ".join(called),
    }
    if halved:
        figures |= {"rung": candidate.rung, "pruned": candidate.pruned}
    if len(candidate.trained) > 1:
        figures |= {f"{name}_std": candidate.spread.get(name) for name in ("val_accuracy", "val_cross_entropy")}
        figures["seeds"] = len(candidate.trained)
    return figures
