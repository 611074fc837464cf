"""Every combination, ranked, as a table."""

from collections.abc import Sequence
from statistics import stdev

import pandas as pd

from experiment.axes import AXES
from experiment.ranking import Candidate


def leaderboard(ranking: Sequence[Candidate], runs: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return one row a combination, best first.

    Under several seeds the figures are means, with their standard deviations, and `overlaps_best` says whether
    one standard deviation up from here reaches one down from the best: then the ranking may be luck.

    Parameters
    ----------
    ranking : the candidates, best first
    runs : what the W&B runs of each are called
    """
    rows = zip(ranking, runs, strict=True)
    table = pd.DataFrame([row(rank, candidate, called) for rank, (candidate, called) in enumerate(rows, start=1)])
    if "seeds" in table:
        best = table.iloc[0]
        reach = table["val_accuracy"] + table["val_accuracy_std"]
        table["overlaps_best"] = reach >= best["val_accuracy"] - best["val_accuracy_std"]
    return table


def importance(table: pd.DataFrame) -> dict[str, float]:
    """Return the share of the variance of validation accuracy that each hyperparameter explains alone.

    Between-group over total sum of squares (η², Fisher 1925) of those that did not diverge. What the shares lack
    to 1 is due to hyperparameters acting together. 0 where nothing varies.
    """
    finite = table[~table["diverged"]]
    accuracy = finite["val_accuracy"]
    total = ((accuracy - accuracy.mean()) ** 2).sum()
    if not total:
        return dict.fromkeys(AXES, 0.0)
    return {
        name: float(((accuracy.groupby(finite[name]).transform("mean") - accuracy.mean()) ** 2).sum() / total)
        for name in AXES
    }


def row(rank: int, candidate: Candidate, called: Sequence[str]) -> dict[str, object]:
    figures: dict[str, object] = {
        "rank": rank,
        **candidate.combination.model_dump(),
        "val_accuracy": candidate.val_accuracy,
        "val_loss": candidate.val_loss,
        "best_epoch": candidate.best_epoch,
        "epochs_trained": sum(run.epochs_trained for run in candidate.trained),
        "diverged": candidate.diverged,
        "wandb_runs": " ".join(called),
    }
    if len(runs := candidate.trained) > 1:
        figures["val_accuracy_std"] = stdev(run.val_accuracy or 0.0 for run in runs)
        figures["val_loss_std"] = None if candidate.diverged else stdev(run.val_loss or 0.0 for run in runs)
        figures["seeds"] = len(runs)
    return figures
