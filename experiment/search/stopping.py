"""When to stop drawing combinations: what another batch may gain is less than the noise.

As in Optuna's Terminator (Makarova et al., AutoML 2022) a search stops when an upper bound of its further gain falls
below the standard error of the best. There the bound comes from a Gaussian process, here from the order of the results.

If draws do not depend on results, every order of the n trials is equally likely. The last k trials then contain the
best j with probability C(n−j, k−j) / C(n, k). Unless they do, they have gained at most the gap between the best and the
j-th best. Another k trials gain less, because records become rare. TPE draws better combinations as it learns, so the
gain of the last batch counts, too.
"""

from collections.abc import Collection
from math import comb

from experiment.axes import Combination
from experiment.resampling import LEVEL
from experiment.results.selection import Gap, Selection


def gain(selection: Selection, latest: Collection[Combination]) -> Gap | None:
    """The bound (95 %) of what another batch as large as the latest may gain, as a gap between two combinations.

    Parameters
    ----------
    selection : all combinations that were tried, compared
    latest : those of the latest batch, fewer than all

    Returns
    -------
    The gap to the best with its paired standard error; None: unknown, as there was one batch or too few were compared
    """
    tried, batch = len(selection.places), len(latest)
    chances = (comb(tried - j, batch - j) / comb(tried, batch) for j in range(1, batch + 1))
    rare = next((j for j, chance in enumerate(chances, start=1) if chance <= 1 - LEVEL), None)
    before = next((place for place in selection.places if place.combination not in latest), None)
    if rare is None or before is None:
        return None
    gaps = [place.gap for place in (selection.places[rare - 1], before)]
    known = [gap for gap in gaps if gap]
    return max(known, key=lambda gap: gap.difference) if len(known) == len(gaps) else None
