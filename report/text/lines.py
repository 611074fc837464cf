"""What the lines of the parallel coordinates show, in sentences.

Tables have a row a combination, the best first: its hyperparameters, `accuracy`.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import pandas as pd

from experiment.values import text
from report.text.wording import capital, label, listed, listed_values

TOP = 10  # lines that the right half of the picture shows
MINOR = 0.02  # of the variance: an interaction below that is not worth a word


def by_value(converged: pd.DataFrame, name: str) -> str:
    """Say where the lines through each value of a hyperparameter end, as one sees it in the picture."""
    groups = converged.groupby(name)["accuracy"]
    if groups.ngroups < 2 or not converged["accuracy"].nunique() > 1:
        return ""
    medians = groups.median()
    if len(medians) > 6:
        return (
            f"In the picture half of the lines through {label(name)} {text(medians.idxmax())} end above "
            f"{medians.max():.2%}, half of those through {text(medians.idxmin())} below {medians.min():.2%}."
        )
    (first, median), *others = medians.items()
    ends = [f"{median:.2%}", *(f"those through {text(value)} at {median:.2%}" for value, median in others)]
    return f"In the picture the lines through {label(name)} {text(first)} end in the median at {listed(ends)}."


def by_tercile(converged: pd.DataFrame, name: str) -> str:
    """Say the same of a hyperparameter that was drawn from a range: of the lowest third of those tried, and so on."""
    ordered = converged.sort_values(name)
    cuts = [round(len(ordered) * third / 3) for third in range(4)]
    thirds = [ordered.iloc[start:end] for start, end in pairwise(cuts)]
    if not all(map(len, thirds)):
        return ""
    ends = [
        f"{third[name].iloc[0]:g} to {third[name].iloc[-1]:g} at {third['accuracy'].median():.2%}" for third in thirds
    ]
    return f"In the picture the lines, by thirds of {label(name)}, end in the median: {listed(ends)}."


def observations(
    converged: pd.DataFrame, varied: Sequence[str], importance: Mapping[str, float], leading: str
) -> list[str]:
    """Say what the picture shows that a table does not: bundles, crossings, what the best have in common.

    Parameters
    ----------
    varied : those hyperparameters whose lines meet in values
    leading : the hyperparameter that mattered most
    """
    if len(converged) < 3 or converged["accuracy"].nunique() < 2:
        return []
    said = [
        bundles(converged, leading) if leading in varied else "",
        crossing(converged, varied, importance),
        common_values(converged, varied),
    ]
    found = [sentence for sentence in said if sentence]
    return ["The picture shows what a table does not.", *found] if found else []


def bundles(converged: pd.DataFrame, name: str) -> str:
    """Say whether the values of a hyperparameter part the lines without overlap."""
    ends = converged.groupby(name)["accuracy"].agg(["min", "max", "count"])
    if len(ends) < 2 or ends["count"].max() < 2:
        return ""
    ends = ends.sort_values("max", ascending=False)
    best, below = ends.index[0], ends.iloc[1:]
    if ends["min"].iloc[0] > below["max"].max():
        return (
            f"The bundle of lines through {label(name)} {text(best)} ends above all others: no choice of the rest "
            "makes up for another value."
        )
    overlapping = [value for value, row in below.iterrows() if row["max"] >= ends["min"].iloc[0]]
    return (
        f"The bundle through {label(name)} {text(best)} reaches highest but overlaps with "
        f"{'that' if len(overlapping) == 1 else 'those'} through {listed_values(overlapping)}: a bad choice of the "
        "rest costs more than this value gains."
    )


def crossing(converged: pd.DataFrame, varied: Sequence[str], importance: Mapping[str, float]) -> str:
    """Say of the pair that interacts most where its lines cross: which value is best depends on the other."""
    pairs = {pair: importance.get(" × ".join(pair), 0.0) for pair in combinations(varied, 2)}
    if not pairs or max(pairs.values()) < MINOR:
        return ""
    first, second = max(pairs, key=lambda pair: pairs[pair])
    means = converged.pivot_table(index=second, columns=first, values="accuracy", aggfunc="mean")
    best = means.idxmax(axis=1)
    share = f"{capital(label(first))} and {label(second)} act together ({pairs[first, second]:.0%} of the variance)"
    if best.nunique() == 1:
        return f"{share}, though {label(first)} {text(best.iloc[0])} is best on average whatever the {label(second)}."
    low, high = best.index[0], best.index[-1]
    if best[low] == best[high]:
        high = best.index[(best != best[low]).argmax()]
    return (
        f"{share}: lines cross, for on average {label(first)} {text(best[low])} is best with {label(second)} "
        f"{text(low)}, and {text(best[high])} with {text(high)}."
    )


def common_values(converged: pd.DataFrame, varied: Sequence[str]) -> str:
    """Say through which points all of the best lines go, and where they spread."""
    top = converged.head(TOP)
    if len(converged) <= len(top):
        return ""
    several = [name for name in varied if converged[name].nunique() > 1]
    same = [f"{label(name)} {text(top[name].iloc[0])}" for name in several if top[name].nunique() == 1]
    wide = [label(name) for name in several if set(top[name]) == set(converged[name])]
    if same and wide:
        return f"The best {len(top)} all go through {listed(same)} and spread over every value of {listed(wide)}."
    if same:
        return f"The best {len(top)} all go through {listed(same)}."
    if wide:
        return f"The best {len(top)} spread over every value of {listed(wide)}."
    return ""
