"""What a systematic search is good for, as far as one sweep's own figures show it."""

from collections.abc import Mapping, Sequence
from math import prod

from experiment.axes import AXES
from experiment.summary import Summary
from report.text import remarks

Row = Mapping[str, str]  # of leaderboard.csv
Point = tuple[str, ...]


def advantages(summary: Summary, rows: Sequence[Row]) -> str:
    """The answer, each sentence of it computed.

    Parameters
    ----------
    rows : the leaderboard's, a combination each, best first
    """
    n = len(rows)
    if n == 1:
        return "Only one combination was tried. Nothing was searched, so no advantage of searching can be seen here."
    said = [
        f"All {n} combinations were given the same rows, initial weights and order of examples, and are compared by a "
        "rule that was fixed beforehand, so what sets them apart is their hyperparameters and chance."
    ]
    if summary.sampler:
        said.append("They were drawn by a seed: who has it and the ranges can draw them again.")
    if summary.pruned or summary.left:
        said.append("Not all of them came to their end, so their figures are of different epochs.")
    accuracies = sorted(float(row["val_accuracy"]) for row in rows if row["diverged"] == "False")
    low, high = accuracies[0], accuracies[-1]
    lost = f", and {summary.diverged} diverged" if summary.diverged else ""
    if low < high:
        said.append(
            f"Their validation accuracies go from {low:.2%} to {high:.2%}{lost}: by these rows so much was at stake."
        )
    else:
        said.append(f"All that converged are equally accurate{lost}: by accuracy the search gained nothing here.")
    if settled := remarks.ranking(summary):
        said.append(f"How far that settles the choice: {settled}.")
    if (ends := one_at_a_time(rows)) and not (summary.pruned or summary.left):
        found = ends.count(1)
        worst = float(rows[max(ends) - 1]["val_accuracy"])
        elsewhere = (
            f" and elsewhere from the others, at worst at {worst:.2%}: only combinations show what hyperparameters do "
            "together"
        )
        enough = ", so that would have sufficed here, which only the whole grid can tell"
        said.append(
            "Whoever changes one hyperparameter at a time, always to the value that ranks best, ends at the winner "
            f"from {found if found < n else 'each'} of the {n} combinations{elsewhere if found < n else enough}."
        )
    said.append(
        f"The price is {summary.epochs_trained:,} epochs of training. The test set had no part in any of it: "
        "it was used once, for the winner."
    )
    return " ".join(said)


def one_at_a_time(rows: Sequence[Row]) -> list[int]:
    """At which rank coordinate search ends, from each combination; [] where they are no grid of several axes.

    It goes through the axes in turn, along each to the value that ranks best, until no axis leads on.
    """
    names = [name for name in AXES if len({row.get(name) for row in rows}) > 1]
    points = [tuple(row[name] for name in names) for row in rows]
    if len(names) < 2 or prod(len({row[name] for row in rows}) for name in names) != len(points):
        return []
    best: dict[tuple[int, Point], Point] = {}  # on the line through a point along an axis
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
