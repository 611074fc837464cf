"""Which earlier trainings a search begins from."""

from collections.abc import Callable, Iterable

from experiment.axes import Combination
from experiment.search.space import Space, contains


def eligible(
    tried: Iterable[Combination], space: Space, trained: Callable[[Combination], bool]
) -> tuple[Combination, ...]:
    """Return the combinations to begin from: each once, in the order they were tried.

    Parameters
    ----------
    space : the axes of the search; combinations outside are left out
    trained : whether a combination has been trained to its end, under every seed, as this search would
    """
    within = (one for one in tried if all(contains(values, getattr(one, name)) for name, values in space.items()))
    return tuple(filter(trained, dict.fromkeys(within)))
