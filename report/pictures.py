"""The pictures of a sweep, as pure functions that return a figure."""

import io
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps, font_manager
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator
from numpy.typing import NDArray
from PIL import Image

from experiment.axes import AXES, Combination, axes_of
from experiment.values import text
from report.fonts import displayable, fallbacks

GREY = "#888888"
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#000000")  # Okabe & Ito
MOST_LABELS = 16  # on an axis: with more values only every second, third … has a label
MOST_PANELS = 6
MOST_CLASSES = 40  # in a picture
SMALLEST = 1e-3  # margin above and below curves, so that equal ones get no scale of rounding errors
STYLES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")


def weights(W: NDArray[np.floating], class_names: Sequence[str], picture: tuple[int, int]) -> Figure:
    """The weights of each class as an image on one diverging colour scale; at most `MOST_CLASSES` classes.

    `W` : (m, c); `picture` : height and width, with product m
    """
    every, (class_names, style) = len(class_names), lettering(class_names[:MOST_CLASSES])
    columns = min(5, len(class_names))
    rows = math.ceil(len(class_names) / columns)
    figure = Figure(figsize=(2.2 * columns + 0.8, 2.4 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    limit = float(np.abs(W).max())
    for k, axis in enumerate(axes):
        axis.set(xticks=[], yticks=[])  # the layout measures those of an axis that is off, too
        axis.set_axis_off()
        if k < len(class_names):
            image = axis.imshow(W[:, k].reshape(picture), cmap="RdBu_r", vmin=-limit, vmax=limit)
            axis.set_title(class_names[k], **style)
    if every > len(class_names):
        figure.suptitle(f"the first {len(class_names)} of {every} classes")
    figure.colorbar(image, ax=axes.tolist(), label="weight", shrink=0.8)
    return figure


def learning_curves(
    histories: Mapping[Combination, NDArray[np.float64]],
    best: Combination,
    ranges: Collection[str] = (),
    others: Sequence[NDArray[np.float64]] = (),
    best_epoch: int = 0,
) -> Figure:
    """Validation loss and accuracy by epoch, for all combinations and for the winner alone.

    The first axis with several values sets the colour, the second the line style, the third the panel. A range sets
    only colours, because its values hardly repeat.

    Parameters
    ----------
    histories : by combination, (epochs, 5): the columns of `softmax.sgd.Metrics`
    others : the histories of the winner's other seeds and folds
    best_epoch : of the winner's history; 0: none is marked
    """
    values = {name: sorted({getattr(combination, name) for combination in histories}) for name in axes_of(histories)}
    hue, dash, panel = sorted(values, key=lambda name: len(values[name]) == 1)[:3]
    hues = values[hue][::-1]
    few = len(hues) <= len(PALETTE)  # more have shades, and the legend shows the two ends
    shades = PALETTE if few else colormaps["viridis"](np.linspace(0, 0.95, len(hues)))
    colors = dict(zip(hues, shades, strict=False))
    styles = {value: STYLES[0 if dash in ranges else i % len(STYLES)] for i, value in enumerate(values[dash])}
    panels = panel not in ranges and len(values[panel]) <= MOST_PANELS
    titles = {value: f"{AXES[panel].label} = {text(value)}" for value in values[panel]} if panels else {None: "all"}
    figure = Figure(figsize=(3.1 * (len(titles) + 1), 6.6), layout="constrained")
    axes = figure.subplots(2, len(titles) + 1, squeeze=False)
    for row, (column, label) in enumerate(((2, "validation loss, with its penalty"), (3, "validation accuracy"))):
        limits = limits_of(np.concatenate([one[:, column] for one in histories.values()]), upwards=column == 3)
        for axis, (value, title) in zip(axes[row], titles.items(), strict=False):
            shown = [item for item in histories.items() if not panels or getattr(item[0], panel) == value]
            drawn = sorted(shown, key=lambda item: item[0] == best)  # the best on top
            curves = LineCollection(
                [history[:, [0, column]] for _, history in drawn],
                colors=[colors[getattr(combination, hue)] for combination, _ in drawn],
                linestyles=[styles[getattr(combination, dash)] for combination, _ in drawn],
                linewidths=[2.6 if combination == best else 0.9 for combination, _ in drawn],
                alpha=[1.0 if combination == best else 0.7 for combination, _ in drawn],
            )
            axis.add_collection(curves)
            dots = [(colors[getattr(c, hue)], history[0]) for c, history in drawn if len(history) == 1]
            axis.scatter([dot[0] for _, dot in dots], [dot[column] for _, dot in dots], c=[c for c, _ in dots])
            axis.set_title(title)
            axis.set_ylim(*limits)
            axis.autoscale_view(scaley=False)
        axes[row, 0].set_ylabel(label)
        for history in others:
            axes[row, -1].plot(history[:, 0], history[:, column], color=GREY, linewidth=0.5, alpha=0.6)
        draw_winner(axes[row, -1], histories[best], column, colors[getattr(best, hue)], best_epoch)
    for (row, column), axis in np.ndenumerate(axes):
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
        axis.grid(color="#dddddd", linewidth=0.6)
        # Drawing repeated labels would double the time.
        axis.tick_params(labelleft=column in (0, len(titles)), labelbottom=row == 1)
        axis.set_xlabel("epoch" if row else "")
    if others:
        figure.suptitle(f"the first of {len(others) + 1} trainings of each combination; thin: the winner's others")
    handles = [
        Line2D([], [], color=colors[value], label=f"{AXES[hue].label} {text(value)}")
        for value in (hues if few else (hues[0], hues[-1]))
    ]
    handles += [
        Line2D([], [], color=GREY, linestyle=styles[value], label=f"{AXES[dash].label} {text(value)}")
        for value in values[dash][: 0 if dash in ranges else MOST_LABELS]
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return figure


def draw_winner(axis: Axes, history: NDArray[np.float64], column: int, color: Any, best_epoch: int) -> None:
    """Draw the winner's validation curve, its training loss and its best epoch, on their own scale."""
    marker = "o" if len(history) == 1 else ""  # a single epoch draws no line
    axis.plot(history[:, 0], history[:, column], color=color, linewidth=1.6, label="validation", marker=marker)
    if column == 2:
        axis.plot(history[:, 0], history[:, 1], color=GREY, linewidth=1.2, label="training", marker=marker)
        axis.set_title("the winner alone")
    if best_epoch:
        axis.axvline(best_epoch, color="#444444", linewidth=0.8, linestyle=":", label=f"best epoch {best_epoch}")
    if column == 2:
        axis.legend(frameon=False)


def limits_of(values: NDArray[np.float64], upwards: bool) -> tuple[float, float]:
    """The range of most values: one diverging combination must not flatten all others."""
    low, high = np.quantile(values[np.isfinite(values)], [0.03, 1.0] if upwards else [0.0, 0.97])
    margin = max(0.04 * (high - low), SMALLEST)
    return low - margin, high + margin


def confusion(counts: NDArray[np.integer], class_names: Sequence[str]) -> Figure:
    """The confusion matrix (c, c) in % of each true class (row); at most the `MOST_CLASSES` with most mistakes."""
    class_names, style = lettering(class_names)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    title = "test set, % of each true class"
    if len(counts) > MOST_CLASSES:
        worst = most_mistaken(counts)
        title += f": the {MOST_CLASSES} of {len(counts)} classes with most mistakes, among themselves"
        shares, class_names = shares[np.ix_(worst, worst)], [class_names[k] for k in worst]
    figure = Figure(figsize=(0.62 * len(shares) + 2.2,) * 2, layout="constrained")
    axis = figure.subplots()
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.5:
            axis.text(column, row, f"{share:.0f}", ha="center", va="center", color="white" if share > 50 else "black")
    axis.set_xticks(range(len(shares)), class_names, rotation=45, ha="right", **style)
    axis.set_yticks(range(len(shares)), class_names, **style)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    figure.suptitle(title)  # may be wider than the axes
    return figure


def lettering(class_names: Sequence[str]) -> tuple[Sequence[str], dict[str, Any]]:
    """The displayable names of classes, and the text properties for them."""
    fonts, lacking = fallbacks(class_names)
    for font in fonts:
        font_manager.fontManager.addfont(font)
    families = ["DejaVu Sans", *(font_manager.get_font(font).family_name for font in fonts)]
    # A class may be called "$5 or $10".
    return displayable(class_names, lacking), {"parse_math": False, "fontfamily": families}


def most_mistaken(counts: NDArray[np.integer], most: int = MOST_CLASSES) -> NDArray[np.intp]:
    """The classes with most mistakes, at most `most` of them, in their own order."""
    mistaken = counts.sum(axis=1) - counts.diagonal()
    return np.sort(np.argsort(-mistaken, kind="stable")[:most])


def png(figure: Figure) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=120)
    return buffer.getvalue()


def preview(picture: bytes) -> bytes:
    """The PNG at half its size, with 48 colours."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").reduce(2).quantize(48).save(buffer, format="png", optimize=True)
    return buffer.getvalue()
