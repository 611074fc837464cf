"""The earlier trainings that a search starts from."""

from collections.abc import Callable, Iterable

from experiment.axes import Combination
from experiment.search.space import Space, contains


def eligible(
    tried: Iterable[Combination], space: Space, trained: Callable[[Combination], bool]
) -> tuple[Combination, ...]:
    """The combinations to start from: each once, in the order they were tried.

    Parameters
    ----------
    space : the axes of the search; combinations outside are left out
    trained : whether a combination has been trained to its end, with every seed of this search
    """
    within = (one for one in tried if all(contains(values, getattr(one, name)) for name, values in space.items()))
    return tuple(filter(trained, dict.fromkeys(within)))
