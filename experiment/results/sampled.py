"""The result of `sample`."""

from experiment.axes import Combination
from experiment.values import Result


class Sampled(Result):
    """The combinations to train next."""

    combinations: tuple[Combination, ...]
