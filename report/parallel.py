"""The parallel coordinates of a sweep: one line per combination."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from experiment.axes import AXES
from experiment.values import text
from report.pictures import MOST_LABELS

BOX = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 1}
MARGIN = 0.03  # of an axis's height, below its lowest point and above its highest


def parallel_coordinates(leaderboard: pd.DataFrame, top: int = 10, ranges: Collection[str] = ()) -> Figure:
    """One line per combination through its hyperparameters to its validation accuracy: all, and the best `top`.

    Values of hyperparameters are equidistant in ascending order; those drawn from `ranges` and accuracies are to scale.
    Combinations that diverged are left out.
    """
    finite = leaderboard[~leaderboard["diverged"]]
    figure = Figure(figsize=(13, 4.8), layout="constrained")
    for axis, chosen, title in zip(
        figure.subplots(1, 2),
        (finite, finite.head(top)),
        (f"all {len(finite)} combinations", f"the best {min(top, len(finite))}"),
        strict=True,
    ):
        draw_parallel(axis, finite, chosen, ranges)
        axis.set_title(title)
    return figure


def draw_parallel(axis: Axes, every: pd.DataFrame, chosen: pd.DataFrame, ranges: Collection[str]) -> None:
    heights = pd.DataFrame(index=chosen.index)
    names = [name for name in AXES if name in every]
    for x, name in enumerate(names):
        heights_of, labels = scale_of(every[name], name in ranges, AXES[name].scale == "log")
        heights[name] = chosen[name].map(heights_of)
        for value, height in labels.items():
            axis.text(x - 0.04, height, text(value), ha="right", va="center", fontsize=9, bbox=BOX)
    last = len(names)  # the axis of validation accuracy
    low, high = chosen["val_accuracy"].min(), chosen["val_accuracy"].max()
    span = max(high - low, 1e-9)
    heights["val_accuracy"] = (chosen["val_accuracy"] - low) / span
    for fraction in (0, 0.25, 0.5, 0.75, 1):
        axis.text(last + 0.04, fraction, f"{low + fraction * span:.2%}", ha="left", va="center", fontsize=9)
    # Lines through the same value fan out a little, to remain distinguishable.
    spread = np.linspace(-0.04, 0.04, len(chosen)) if len(chosen) > 1 else np.zeros(1)
    heights = heights[::-1]  # the best on top
    y = heights.to_numpy()
    y[:, [name not in ranges for name in names] + [False]] += spread[:, None]
    positions = range(last + 1)
    lines = [np.column_stack([positions, line]) for line in y]
    colors = colormaps["viridis"](heights["val_accuracy"].to_numpy())
    axis.add_collection(LineCollection(lines, colors=colors, linewidths=1.4, alpha=0.85))
    for x in positions:
        axis.axvline(x, color="#444444", linewidth=0.8)
    axis.set_xticks(positions, [*(AXES[name].label for name in names), "validation\naccuracy"])
    axis.set_yticks([])
    axis.set_xlim(-0.35, last + 0.45)
    axis.set_ylim(-0.05, 1.05)
    axis.spines[:].set_visible(False)


def scale_of(values: pd.Series, drawn: bool, log: bool) -> tuple[Mapping[Any, float], Mapping[Any, float]]:
    """The height of each value, 0 to 1, and the heights of the labels.

    Drawn values and round numbers as labels are on the scale of the axis; others, and their labels, at equal distances.
    """
    ordered = sorted(values.unique())
    if not drawn or len(ordered) == 1:
        heights = {value: (i + 0.5) / len(ordered) for i, value in enumerate(ordered)}
        return heights, {value: heights[value] for value in ordered[:: math.ceil(len(ordered) / MOST_LABELS)]}
    low, high = float(ordered[0]), float(ordered[-1])
    ticks = (LogLocator(subs=(1, 2, 5), numticks=50) if log else MaxNLocator(8)).tick_values(low, high)
    ticks = [tick for tick in ticks if low <= tick <= high]
    if log and len(ticks) > MOST_LABELS // 2:
        ticks = [tick for tick in ticks if math.log10(tick) % 1 < 1e-9]

    def height(value: float) -> float:
        start, end, at = [math.log(end) for end in (low, high, value)] if log else [low, high, value]
        return MARGIN + (1 - 2 * MARGIN) * (at - start) / (end - start)

    return {value: height(value) for value in ordered}, {tick: height(tick) for tick in ticks}
