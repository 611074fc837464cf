"""The analysis of a sweep in two or three paragraphs: importance, promising values, the picture.

Every sentence describes the leaderboard. Claims beyond it (that something mattered, is best, acts together) are made
only if they hold on resamples of the validation rows (`report.importance`, `Gap`).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiment.axes import AXES
from experiment.metrics import MetricName
from experiment.results.evaluation import Importance
from experiment.results.split import Judge, Split
from experiment.search.ranking import Candidate
from experiment.search.space import Range, Space
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
    means_over,
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
    ranking : best first; at least one has converged
    resampled : (candidates, resamples), their accuracies on resamples of the validation rows
    split : the number of validation rows, and the baseline on them
    notes : `report.text.verdict.warnings`
    space : the space of drawn combinations; None: they are a grid
    """
    rows, floor, table = split.judge.rows, split.baseline, leaderboard(ranking)
    better = (table["val_accuracy"] > floor.accuracy) & (table["val_cross_entropy"] < floor.cross_entropy)
    table["near"] = better & (table["within_noise"] | (table["rank"] == 1))
    pruned = sum(candidate.pruned for candidate in ranking)
    varied = [name for name in AXES if name in table and table[name].nunique() > 1]
    ranges = {name: values for name, values in (space or {}).items() if isinstance(values, Range)}
    converged = table[~table["diverged"]]
    cautions = [f"A caution: {note}." for note in notes]
    if len(table) == 1:
        shown = "which hyperparameter matters or which range is promising"
        return [" ".join([f"Only one combination was tried, so this sweep does not show {shown}.", *cautions])]
    paragraphs = [
        [mattered(table, varied, importance, rows, pruned)],
        [
            noise(ranking, split.judge, select_by),
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
    unknown = f"so {'its' if len(fixed) == 1 else 'their'} effect is unknown"
    only = f" Of {listed(fixed)} only one value was tried, {unknown}." if fixed else ""
    if pruned:
        return (
            f"Halving pruned {pruned} of {len(table)} combinations before their end. Their metrics are of "
            "different epochs, which favours quick learners, so no shares of variance are given, and which "
            f"hyperparameter mattered most is not known as from a full grid.{only}"
        )
    if not importance:
        why = f"Fewer than {FEWEST} combinations converged: too few"
        if (~table["diverged"]).sum() >= FEWEST:
            why = "There are too many different values for so few combinations"
        return f"{why} to show which hyperparameter mattered.{only}"
    shares = main_shares(importance)
    first, share = shares[0]
    if not share:
        return f"All combinations are equally accurate: no hyperparameter mattered among these values.{only}"
    low, high = importance.intervals[first]
    interval = f"{low:.0%} to {high:.0%} in 95 % of resamples of the {count(rows, 'validation row')}"
    if not importance.certain:
        return (
            f"Which hyperparameter mattered most is uncertain on {count(rows, 'validation row')}: {label(first)} has "
            f"the largest share of the variance of validation accuracy alone, {share:.0%} ({interval}), and is first "
            f"in {importance.lead:.0%} of the resamples.{only}"
        )
    if len(shares) == 1:
        return f"{capitalized(label(first))} alone varied, and its effect on validation accuracy is beyond noise.{only}"
    *others, (_, rest) = percentages(importance)[1:]
    over, kind = "this grid", "only in combination"
    valid = "hold for the values that were tried; other values would give others"
    if importance.method == FITTED:
        over, kind = "the combinations", "is residual"
        valid = (
            f"are of a least-squares fit of main effects to the {int((~table['diverged']).sum())} combinations that "
            "converged: estimates, valid for the values and ranges that were given"
        )
    return (
        f"{capitalized(label(first))} mattered most: alone it explains {share:.0%} of the variance of validation "
        f"accuracy over {over} ({interval}), {listed([f'{label(name)} {percent}%' for name, percent in others])}, and "
        f"{rest}% {kind}. It is first in {importance.lead:.0%} of the resamples.{only} These shares {valid}."
    )


def noise(ranking: Sequence[Candidate], judge: Judge, select_by: MetricName) -> str:
    """How many combinations may be as good as the best."""
    gaps = [candidate.gap for candidate in ranking[1:] if candidate.gap]
    over = means_over(ranking[0].seeds, judge)
    means = f" Figures are means over {over}." if over else ""
    if not gaps:
        return means.strip()
    near = sum(gap.within_noise for gap in gaps)
    order = f": among these {near + 1} the order means little" if near else ""
    if near and judge.folds > 1 and judge.repeats == 1:
        order += "; repeated folds (--repeats 5) would tell more of them apart"
    return f"{capitalized(noise_in_words(near, len(gaps), len(ranking) - 1, judge, select_by))}{order}.{means}"


def promising(converged: pd.DataFrame, varied: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """The values of the combinations near the top; "" if these are all."""
    near, clauses = converged[converged["near"]], []
    for name in varied if 0 < len(near) < len(converged) else ():
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
    """The untried regions next to promising values at the end of an axis; of a range this is its outer tenth."""
    near, regions = converged[converged["near"]], []
    for name in varied if len(near) else ():
        tried, reached = sorted(converged[name].unique()), sorted(near[name].unique())
        if name in ranges:
            ends = np.array([ranges[name].low, reached[0], reached[-1], ranges[name].high], float)
            low, first, last, high = np.log(ends) if AXES[name].scale == "log" else ends
            regions += [f"{label(name)} above {ends[3]:g}"] if first - low >= 0.9 * (high - low) else []
            regions += [f"{label(name)} below {ends[0]:g}"] if last - low <= 0.1 * (high - low) and ends[0] > 0 else []
            continue
        if len(tried) < 2 or len(reached) > 1 or AXES[name].scale == "category":
            continue
        if reached[0] == tried[-1]:
            regions.append(f"{label(name)} above {tried[-1]:g}")
        elif reached[0] == tried[0]:
            regions.append(f"{label(name)} " + (f"below {tried[0]:g}" if tried[0] else f"between 0 and {tried[1]:g}"))
    return f"Not tried, and next to the promising values: {listed(regions)}." if regions else ""


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
    most = {name: converged[name].max() for name in ranges}
    beyond = [f"{label(name)} above {value:g}" for name, value in most.items() if lost[name].min() > value]
    common = f"; {listed(shared)} never converged" if shared else ""
    common += f"; none with {listed(beyond)} converged" if beyond else ""
    return f"{len(lost)} of {len(table)} combinations diverged{common}."
