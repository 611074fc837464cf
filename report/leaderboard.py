"""Every combination, ranked, as a table."""

from statistics import stdev

import pandas as pd

from experiment.results import Candidate, Selection

HYPERPARAMETERS = ("learning_rate", "batch_size", "alpha")


def leaderboard(selection: Selection) -> pd.DataFrame:
    """One row a combination, best first.

    Under several seeds the figures are means, with their standard deviations, and `overlaps_best` says whether
    one standard deviation up from here reaches one down from the best: then the ranking may be luck.
    """
    table = pd.DataFrame([row(rank, candidate) for rank, candidate in enumerate(selection.ranking, start=1)])
    if "seeds" in table:
        best = table.iloc[0]
        reach = table["val_accuracy"] + table["val_accuracy_std"]
        table["overlaps_best"] = reach >= best["val_accuracy"] - best["val_accuracy_std"]
    return table


def importance(table: pd.DataFrame) -> dict[str, float]:
    """Share of the variance of validation accuracy that each hyperparameter explains alone.

    Between-group over total sum of squares (η², Fisher 1925) of those that did not diverge. What the shares lack
    to 1 is due to hyperparameters acting together. 0 where nothing varies.
    """
    finite = table[~table["diverged"]]
    accuracy = finite["val_accuracy"]
    total = ((accuracy - accuracy.mean()) ** 2).sum()
    if not total:
        return dict.fromkeys(HYPERPARAMETERS, 0.0)
    return {
        name: float(((accuracy.groupby(finite[name]).transform("mean") - accuracy.mean()) ** 2).sum() / total)
        for name in HYPERPARAMETERS
    }


def row(rank: int, candidate: Candidate) -> dict[str, object]:
    runs = candidate.trained
    figures = {
        "rank": rank,
        **candidate.combination.model_dump(),
        "val_accuracy": candidate.val_accuracy,
        "val_loss": candidate.val_loss,
        "best_epoch": candidate.best_epoch,
        "epochs_trained": sum(run.epochs_trained for run in runs),
        "diverged": candidate.diverged,
        "wandb_runs": " ".join(run.wandb_run for run in runs),
    }
    if len(runs) > 1:
        figures["val_accuracy_std"] = stdev(run.val_accuracy or 0.0 for run in runs)
        figures["val_loss_std"] = None if candidate.diverged else stdev(run.val_loss or 0.0 for run in runs)
        figures["seeds"] = len(runs)
    return figures
