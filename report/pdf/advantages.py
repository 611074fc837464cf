"""The advantages of a systematic search, as shown by the figures of one sweep."""

from collections.abc import Mapping, Sequence
from math import prod

from experiment.axes import AXES
from experiment.summary import Summary
from report.text import remarks

Row = Mapping[str, str]  # of leaderboard.csv
Point = tuple[str, ...]


def advantages(summary: Summary, rows: Sequence[Row]) -> str:
    """The answer in computed sentences.

    Parameters
    ----------
    rows : the rows of the leaderboard, best first
    """
    n = len(rows)
    if n == 1:
        return "Only one combination was tried. Nothing was searched, so no advantage of searching can be seen here."
    sentences = [
        f"All {n} combinations were given the same rows, initial weights and order of examples, and are compared by a "
        "rule that was fixed beforehand, so they differ by their hyperparameters and by chance only."
    ]
    if summary.sampler:
        sentences.append("They were drawn by a seed, so the draw can be repeated.")
    if summary.pruned or summary.left:
        sentences.append("Not all of them were trained to their end, so their figures are of different epochs.")
    accuracies = sorted(float(row["val_accuracy"]) for row in rows if row["diverged"] == "False")
    low, high = accuracies[0], accuracies[-1]
    lost = f", and {summary.diverged} diverged" if summary.diverged else ""
    if low < high:
        sentences.append(
            f"Their validation accuracies range from {low:.2%} to {high:.2%}{lost}: this is the gain of the search."
        )
    else:
        sentences.append(f"All that converged are equally accurate{lost}: the search gained no accuracy here.")
    if settled := remarks.ranking(summary):
        sentences.append(f"How certain the choice is: {settled}.")
    if (ends := one_at_a_time(rows)) and not (summary.pruned or summary.left):
        wins = ends.count(1)
        worst = float(rows[max(ends) - 1]["val_accuracy"])
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


def one_at_a_time(rows: Sequence[Row]) -> list[int]:
    """The rank at which a coordinate search ends, from each combination; [] unless they are a grid of several axes.

    The search takes the axes in turn, moves to the value that ranks best, and ends when no axis improves.
    """
    names = [name for name in AXES if len({row.get(name) for row in rows}) > 1]
    points = [tuple(row[name] for name in names) for row in rows]
    if len(names) < 2 or prod(len({row[name] for row in rows}) for name in names) != len(points):
        return []
    best: dict[tuple[int, Point], Point] = {}  # the best point on the line through a point along an axis
    for point in points:
        for axis in range(len(names)):
            best.setdefault((axis, point[:axis] + point[axis + 1 :]), point)

    def end(point: Point) -> Point:
        before = None
        while point != before:
            before = point
            for axis in range(len(names)):
                point = best[axis, point[:axis] + point[axis + 1 :]]
        return point

    rank = {point: number for number, point in enumerate(points, start=1)}
    return [rank[end(point)] for point in points]
