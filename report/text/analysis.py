"""The analysis of a sweep in two or three paragraphs: importance, promising values, the picture.

Every sentence describes the leaderboard. Claims beyond it (that something mattered, is best, acts together) are made
only if they hold on resamples of the validation rows (`report.importance`, `Gap`).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiment.axes import AXES
from experiment.metrics import MetricName
from experiment.results.split import Split
from experiment.search.ranking import Candidate
from experiment.search.space import Range, Space
from experiment.summary import Importance
from experiment.values import text
from report.importance import FEWEST, FITTED
from report.leaderboard import leaderboard
from report.text.lines import by_tercile, by_value, observations
from report.text.wording import (
    capitalized,
    count,
    label,
    listed,
    listed_values,
    main_shares,
    noise_in_words,
    percentages,
)  # fmt: skip


def analysis(
    ranking: Sequence[Candidate],
    resampled: NDArray[np.floating] | None,
    importance: Importance | None,
    *,
    split: Split,
    select_by: MetricName = "val_accuracy",
    notes: Sequence[str] = (),
    space: Space | None = None,
) -> list[str]:
    """The paragraphs of the analysis.

    Parameters
    ----------
    ranking : the candidates, best first
    resampled : (candidates, resamples), their accuracies on resamples of the validation rows
    importance : `report.importance`
    split : the number of validation rows, and the baseline on them
    notes : the warnings of `report.text.remarks`
    space : the space of drawn combinations; None: they are a grid
    """
    (rows,), floor, table = split.validation.shape, split.baseline, leaderboard(ranking)
    better = (table["val_accuracy"] > floor.accuracy) & (table["val_cross_entropy"] < floor.cross_entropy)
    table["near"] = better & (table["within_noise"] | (table["rank"] == 1))
    pruned = sum(candidate.pruned for candidate in ranking)
    varied = [name for name in AXES if name in table and table[name].nunique() > 1]
    ranges = {name: values for name, values in (space or {}).items() if isinstance(values, Range)}
    converged = table[~table["diverged"]]
    if converged.empty:
        return [
            f"All {len(table)} combinations diverged, so there is nothing to compare. Try smaller learning rates, "
            "or another scaling of the inputs."
            if len(table) > 1
            else "The only combination diverged. Try a smaller learning rate, or another scaling of the inputs."
        ]
    cautions = [f"A caution: {note}." for note in notes]
    if len(table) == 1:
        only = (
            "Only one combination was tried, so this sweep does not show which hyperparameter matters or which "
            "range is promising."
        )
        return [" ".join([only, *cautions])]
    paragraphs = [
        [mattered(table, varied, importance, rows, pruned)],
        [
            noise(ranking, rows, select_by),
            promising(converged, varied, ranges),
            "" if pruned else edges(converged, varied, ranges),
            failures(table, varied, ranges),
            *cautions,
        ],
    ]
    if importance and resampled is not None:
        levels = [name for name in varied if name not in ranges]
        if importance.certain:
            first = main_shares(importance)[0][0]
            paragraphs[0].append((by_tercile if first in ranges else by_value)(converged, first))
        paragraphs.append(observations(converged, resampled[converged.index], levels, importance))
    return [" ".join(sentence for sentence in sentences if sentence) for sentences in paragraphs if any(sentences)]


def mattered(table: pd.DataFrame, varied: Sequence[str], importance: Importance | None, rows: int, pruned: int) -> str:
    """Which hyperparameter mattered most, by which measure, and how certain that is."""
    fixed = [label(name) for name in AXES if name in table and name not in varied]
    only = (
        f" Of {listed(fixed)} only one value was tried, so {'its' if len(fixed) == 1 else 'their'} effect is unknown."
        if fixed
        else ""
    )
    if pruned:
        return (
            f"Halving pruned {pruned} of {len(table)} combinations before their end. Their metrics are of "
            "different epochs, which favours quick learners, so no shares of variance are given, and which "
            f"hyperparameter mattered most is not known as from a full grid.{only}"
        )
    if not importance:
        return f"Fewer than {FEWEST} combinations converged: too few to show which hyperparameter mattered.{only}"
    shares = main_shares(importance)
    first, share = shares[0]
    if not share:
        return f"All combinations are equally accurate: no hyperparameter mattered among these values.{only}"
    low, high = importance.intervals[first]
    interval = f"{low:.0%} to {high:.0%} in 95 % of resamples of the {count(rows, 'validation row')}"
    if not importance.certain:
        return (
            "Which hyperparameter mattered most is uncertain on "
            f"{count(rows, 'validation row')}: {label(first)} has the largest share of the variance of validation "
            f"accuracy alone, {share:.0%} ({interval}), and is first in {importance.lead:.0%} of the resamples.{only}"
        )
    if len(shares) == 1:
        return f"{capitalized(label(first))} alone varied, and its effect on validation accuracy is beyond noise.{only}"
    *others, (_, rest) = percentages(importance)[1:]
    fitted = importance.method == FITTED
    over, kind = ("the combinations", "is residual") if fitted else ("this grid", "only in combination")
    sentences = [
        f"{capitalized(label(first))} mattered most: alone it explains {share:.0%} of the variance of validation "
        f"accuracy over {over} ({interval}), "
        f"{listed([f'{label(name)} {percent}%' for name, percent in others])}, and {rest}% "
        f"{kind}. It is first in {importance.lead:.0%} of the resamples.{only}"
    ]
    if fitted:
        sentences.append(
            f" These shares are of a least-squares fit of main effects to the {int((~table['diverged']).sum())} "
            "combinations that converged: estimates, valid for the values and ranges that were given."
        )
    else:
        sentences.append(" These shares hold for the values that were tried; other values would give others.")
    return "".join(sentences)


def noise(ranking: Sequence[Candidate], rows: int, select_by: MetricName) -> str:
    """How many combinations may be as good as the best."""
    gaps = [candidate.gap for candidate in ranking[1:] if candidate.gap]
    seeds = len(ranking[0].trained)
    means = f" Figures are means over {seeds} seeds." if seeds > 1 else ""
    if not gaps:
        return means.strip()
    near = sum(gap.within_noise for gap in gaps)
    order = f": among these {near + 1} the order means little" if near else ""
    return f"{capitalized(noise_in_words(near, len(gaps), len(ranking) - 1, rows, select_by))}{order}.{means}"


def promising(converged: pd.DataFrame, varied: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """The values of the combinations near the top."""
    near, clauses = converged[converged["near"]], []
    for name in varied if len(near) else ():
        reached, tried = sorted(near[name].unique()), sorted(converged[name].unique())
        if len(tried) == 1:
            continue
        if reached == tried:
            clauses.append(f"every value of {label(name)} that was tried gets there")
        elif name in ranges and len(reached) > 1:
            clauses.append(f"{label(name)} lies between {reached[0]:g} and {reached[-1]:g}")
        elif len(reached) == 1:
            clauses.append(f"{'it has' if len(near) == 1 else 'all of them have'} {label(name)} {text(reached[0])}")
        else:
            clauses.append(f"they have {label(name)} {listed_values(reached, 'or')}")
    return f"Promising: {'; '.join(clauses)}." if clauses else ""


def edges(converged: pd.DataFrame, varied: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """The untried regions next to promising values at the end of an axis.

    The end of a range is its outer tenth, on the axis's scale.
    """
    near, regions = converged[converged["near"]], []
    for name in varied if len(near) else ():
        tried, reached = sorted(converged[name].unique()), sorted(near[name].unique())
        if name in ranges:
            low, high = (fraction(ranges[name], name, end) for end in (reached[0], reached[-1]))
            regions += [f"{label(name)} above {ranges[name].high:g}"] if low >= 0.9 else []
            regions += [f"{label(name)} below {ranges[name].low:g}"] if high <= 0.1 and ranges[name].low > 0 else []
            continue
        if len(tried) < 2 or len(reached) > 1 or AXES[name].scale == "category":
            continue
        if reached[0] == tried[-1]:
            regions.append(f"{label(name)} above {tried[-1]:g}")
        elif reached[0] == tried[0] and tried[0] == 0:
            regions.append(f"{label(name)} between 0 and {tried[1]:g}")
        elif reached[0] == tried[0]:
            regions.append(f"{label(name)} below {tried[0]:g}")
    return f"Not tried, and next to the promising values: {listed(regions)}." if regions else ""


def fraction(values: Range, name: str, value: float) -> float:
    """The position of a value in its range, 0 to 1."""
    low, high, position = (math.log(x) if AXES[name].scale == "log" else x for x in (values.low, values.high, value))
    return float((position - low) / (high - low))


def failures(table: pd.DataFrame, varied: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """The number of combinations that diverged, and the values that only they have."""
    lost = table[table["diverged"]]
    if lost.empty:
        return ""
    converged = table[~table["diverged"]]
    shared = [
        f"{label(name)} {listed_values(sorted(lost[name].unique()), 'or')}"
        for name in varied
        if name not in ranges and not set(lost[name]) & set(converged[name])
    ]
    common = f"; {listed(shared)} never converged" if shared else ""
    beyond = [
        f"{label(name)} above {converged[name].max():g}" for name in ranges if lost[name].min() > converged[name].max()
    ]
    common += f"; none with {listed(beyond)} converged" if beyond else ""
    return f"{len(lost)} of {len(table)} combinations diverged{common}."
