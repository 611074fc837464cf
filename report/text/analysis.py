"""The outcome of a sweep in two or three paragraphs: what mattered, what is promising, what the picture shows.

Every sentence says what the table beside it says, and hedges where the table does.
"""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from experiment.axes import AXES, axes_of
from experiment.search.ranking import Candidate
from experiment.search.space import Range, Space
from experiment.values import text
from report.importance import FEWEST, is_estimate
from report.text.lines import by_tercile, by_value, common_values, observations
from report.text.wording import capital, label, listed, listed_values


def analysis(
    ranking: Sequence[Candidate],
    importance: Mapping[str, float],
    notes: Sequence[str] = (),
    space: Space | None = None,
) -> list[str]:
    """Return the paragraphs.

    Parameters
    ----------
    ranking : the candidates, best first
    importance : shares of the variance (`report.importance`), {} where there are none
    notes : what whoever uses the winner should know (`report.text.remarks.warnings`), in sentences without a full stop
    space : from which the combinations were drawn; None: they are a grid
    """
    table = figures(ranking)
    varied = [name for name in AXES if name in table and table[name].nunique() > 1]
    ranges = {name: values for name, values in (space or {}).items() if isinstance(values, Range)}
    levels = [name for name in varied if name not in ranges]
    converged = table[~table["diverged"]]
    if converged.empty:
        return [
            f"All {len(table)} combinations diverged, so there is nothing to compare. Try smaller learning rates, "
            "or another scaling of the inputs."
            if len(table) > 1
            else "The only combination diverged. Try a smaller learning rate, or another scaling of the inputs."
        ]
    warned = [f"A caution: {note}." for note in notes]
    if len(table) == 1:
        only = (
            "Only one combination was tried, so this sweep cannot tell which hyperparameter matters, nor what range is "
            "promising."
        )
        return [" ".join([only, *warned])]
    if table["pruned"].any():
        first = [halved(table), common_values(converged, levels)]
        second = [noise(table), promising(converged, varied, ranges), failures(table, varied, ranges), *warned]
        paragraphs = [first, second]
    elif space and not importance:
        few = f"Fewer than {FEWEST} combinations converged: too few to estimate which hyperparameter mattered."
        second = [noise(table), promising(converged, varied, ranges), failures(table, varied, ranges), *warned]
        paragraphs = [[few], second]
    else:
        most = leading(converged, varied, importance)
        paragraphs = [
            [
                mattered(converged, varied, importance, most),
                by_tercile(converged, most) if most in ranges else by_value(converged, most),
            ],
            [
                noise(table),
                promising(converged, varied, ranges),
                edges(converged, varied, ranges),
                failures(table, varied, ranges),
                *warned,
            ],
            observations(converged, levels, importance, most),
        ]
    return [" ".join(sentence for sentence in sentences if sentence) for sentences in paragraphs if any(sentences)]


def figures(ranking: Sequence[Candidate]) -> pd.DataFrame:
    """Return one row a combination, best first."""
    axes = axes_of(candidate.combination for candidate in ranking)
    return pd.DataFrame(
        {
            **{name: getattr(candidate.combination, name) for name in axes},
            "accuracy": candidate.val_accuracy,
            "diverged": candidate.diverged,
            "pruned": candidate.pruned,
            "seeds": len(candidate.trained),
            "near": place == 0 or candidate.within_noise,
        }
        for place, candidate in enumerate(ranking)
    )


def leading(converged: pd.DataFrame, varied: Sequence[str], importance: Mapping[str, float]) -> str:
    """Return the hyperparameter that mattered most alone: by variance, else by how far apart its medians are."""
    if importance:
        return max(varied, key=lambda name: importance[name])
    return max(varied, key=lambda name: spread(converged, name))


def spread(converged: pd.DataFrame, name: str) -> float:
    medians = converged.groupby(name)["accuracy"].median()
    return float(medians.max() - medians.min())


def mattered(converged: pd.DataFrame, varied: Sequence[str], importance: Mapping[str, float], first: str) -> str:
    """Say which hyperparameter mattered most, by which measure, and how far that goes."""
    fixed = [label(name) for name in AXES if name in converged and name not in varied]
    only = (
        f" Of {listed(fixed)} only one value was tried, so nothing is said about {'it' if len(fixed) == 1 else 'them'}."
        if fixed
        else ""
    )
    if not importance:
        width = spread(converged, first)
        if not width:
            return f"Among the combinations that converged the medians do not depend on any hyperparameter.{only}"
        return (
            "An analysis of variance needs every combination of the grid at its end, and some are not, so no shares "
            f"are given. Among those that converged {label(first)} moves the median accuracy most: by "
            f"{100 * width:.2f} points from its worst value to its best.{only}"
        )
    if not any(importance.values()):
        return f"All combinations are equally accurate: no hyperparameter mattered among these values.{only}"
    alone = sorted(((importance[name], name) for name in varied), reverse=True)
    together = 1 - sum(share for share, _ in alone)
    said = [
        f"{capital(label(first))} mattered most: alone it explains {alone[0][0]:.0%} of the variance of validation "
        f"accuracy over {'what was searched, by the estimate of fANOVA' if is_estimate(importance) else 'this grid'}"
    ]
    if others := [f"{label(name)} {share:.0%}" for share, name in alone[1:]]:
        said.append(f", {listed(others)}, and {max(together, 0):.0%} only in combination")
    said.append(f".{only}")
    if together > alone[0][0]:
        said.append(" But more than that is due to combinations of them, so none can be judged by itself.")
    elif len(alone) > 1 and alone[1][0] > 0.8 * alone[0][0]:
        said.append(f" The lead over {label(alone[1][1])} is small.")
    if is_estimate(importance):
        said.append(
            f" These shares are those of a random forest fitted to the {len(converged)} combinations that converged: "
            "estimates, and statements about the values and ranges that were given."
        )
    else:
        said.append(" These shares are statements about the values that were tried; other values would give others.")
    return "".join(said)


def halved(table: pd.DataFrame) -> str:
    """Say why halving leaves little to compare."""
    pruned = int(table["pruned"].sum())
    return (
        f"Halving pruned {pruned} of {len(table)} combinations before their end. So figures are of different epochs, "
        "no shares of variance are given, and which hyperparameter mattered most cannot be told as from a full "
        "grid: quick learners are favoured."
    )


def noise(table: pd.DataFrame) -> str:
    """Say how far the ranking can be trusted."""
    near, others = int(table["near"].sum()) - 1, len(table) - 1
    seeds = int(table["seeds"].max())
    means = f" Figures are means over {seeds} seeds." if seeds > 1 else ""
    if near == 0:
        return f"The winner is ahead of all {others} others by more than the noise of the validation rows.{means}"
    return (
        f"{near} of the {others} others {'is' if near == 1 else 'are'} within noise of the winner (95 %, paired on the "
        f"same validation rows): among these {near + 1} the order means little.{means}"
    )


def promising(converged: pd.DataFrame, varied: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """Say which values those near the top have."""
    near, said = converged[converged["near"]], []
    for name in varied:
        reached, tried = sorted(near[name].unique()), sorted(converged[name].unique())
        if len(tried) == 1:
            continue
        if name in ranges and len(reached) > 1:
            said.append(f"{label(name)} lies from {reached[0]:g} to {reached[-1]:g}, drawn from {ranges[name]}")
        elif reached == tried:
            said.append(f"every value of {label(name)} gets there")
        elif len(reached) == 1:
            said.append(f"{'it has' if len(near) == 1 else 'all of them have'} {label(name)} {text(reached[0])}")
        else:
            said.append(f"they have {label(name)} {listed_values(reached, 'or')}")
    return f"As to what is promising: {'; '.join(said)}." if said else ""


def edges(converged: pd.DataFrame, varied: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """Say where the promising values lie at the end of what was tried, so that better ones may lie beyond.

    At the end of a range is its outer tenth, on the axis's scale.
    """
    near, said = converged[converged["near"]], []
    for name in varied:
        tried, reached = sorted(converged[name].unique()), sorted(near[name].unique())
        if name in ranges:
            low, high = (fraction(ranges[name], name, end) for end in (reached[0], reached[-1]))
            said += [f"{label(name)} above {ranges[name].high:g}"] if low >= 0.9 else []
            said += [f"{label(name)} below {ranges[name].low:g}"] if high <= 0.1 and ranges[name].low > 0 else []
            continue
        if len(tried) < 2 or len(reached) > 1 or AXES[name].scale == "category":
            continue
        if reached[0] == tried[-1]:
            said.append(f"{label(name)} above {tried[-1]:g}")
        elif reached[0] == tried[0] and tried[0] == 0:
            said.append(f"{label(name)} between 0 and {tried[1]:g}")
        elif reached[0] == tried[0]:
            said.append(f"{label(name)} below {tried[0]:g}")
    return f"Not tried, and next to the promising values: {listed(said)}." if said else ""


def fraction(values: Range, name: str, value: float) -> float:
    """Return how far up its range a value lies, 0 to 1."""
    low, high, at = (math.log(x) if AXES[name].scale == "log" else x for x in (values.low, values.high, value))
    return float((at - low) / (high - low))


def failures(table: pd.DataFrame, varied: Sequence[str], ranges: Mapping[str, Range]) -> str:
    """Say how many diverged, and what they have in common that no other has."""
    lost = table[table["diverged"]]
    if lost.empty:
        return ""
    kept = table[~table["diverged"]]
    shared = [
        f"{label(name)} {listed_values(sorted(lost[name].unique()), 'or')}"
        for name in varied
        if name not in ranges and not set(lost[name]) & set(kept[name])
    ]
    common = f"; {listed(shared)} never converged" if shared else ""
    beyond = [f"{label(name)} above {kept[name].max():g}" for name in ranges if lost[name].min() > kept[name].max()]
    common += f"; none with {listed(beyond)} converged" if beyond else ""
    return f"{len(lost)} of {len(table)} combinations diverged{common}."
