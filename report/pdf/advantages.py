"""The advantages of a systematic search, as shown by the figures of one sweep."""

from math import prod

import pandas as pd

from experiment.axes import AXES
from experiment.summary import Summary
from report.text.verdict import facts


def advantages(summary: Summary, table: pd.DataFrame) -> str:
    """The answer in computed sentences, from the leaderboard."""
    n = len(table)
    if n == 1:
        return "Only one combination was tried. Nothing was searched, so no advantage of searching can be seen here."
    sentences = [
        f"All {n} combinations were given the same rows, initial weights and order of examples, and are compared by a "
        "rule that was fixed beforehand, so they differ by their hyperparameters and by chance only."
    ]
    if summary.sampler:
        sentences.append("They were drawn by a seed, so the draw can be repeated.")
    if partly := summary.pruned or summary.left:
        sentences.append("Not all of them were trained to their end, so their figures are of different epochs.")
    converged = table["val_accuracy"][~table["diverged"]]
    low, high = converged.min(), converged.max()
    lost = f", and {summary.diverged} diverged" if summary.diverged else ""
    noise = summary.compared == summary.within_noise > 0  # no combination is known to be worse
    if low < high:
        gain = "which may all be chance" if noise else "which is the gain of the search"
        sentences.append(f"Their validation accuracies range from {low:.2%} to {high:.2%}{lost}, {gain}.")
    else:
        sentences.append(f"All that converged are equally accurate{lost}: the search gained no accuracy here.")
    if settled := dict(facts(summary)).get("ranking"):
        sentences.append(f"How certain the choice is: {settled}.")
    if (ends := one_at_a_time(table)) and not partly and not noise:
        wins, worst = ends.count(1), table["val_accuracy"].iloc[max(ends) - 1]
        elsewhere = (
            f" and at another combination from the rest, at worst with {worst:.2%}: only combinations show interactions"
        )
        enough = ", so this would have sufficed here, which only the whole grid can show"
        sentences.append(
            "A search that changes one hyperparameter at a time, always to the best-ranked value, ends at the winner "
            f"from {wins if wins < n else 'each'} of the {n} combinations{elsewhere if wins < n else enough}."
        )
    sentences.append(
        f"The cost is {summary.epochs_trained:,} epochs of training. The test set was used only once, for the winner."
    )
    return " ".join(sentences)


def one_at_a_time(table: pd.DataFrame) -> list[int]:
    """The rank at which a coordinate search ends, from each combination; [] unless they are a grid of several axes.

    The search takes the axes in turn, moves to the value that ranks best, and ends when no axis improves.
    """
    names = [name for name in AXES if name in table and table[name].nunique() > 1]
    if len(names) < 2 or prod(table[name].nunique() for name in names) != len(table):
        return []
    place = pd.Series(range(len(table)), table.index)
    others = [[table[other] for other in names if other != name] for name in names]
    best = [place.groupby(along).transform("min").to_numpy() for along in others]  # by axis and place
    ends = place.to_numpy()
    for line in best * len(table):  # the best place is reached after fewer moves
        ends = line[ends]
    return [int(end) + 1 for end in ends]
