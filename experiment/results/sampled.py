"""What `sample` returns."""

from experiment.axes import Combination
from experiment.values import Result


class Sampled(Result):
    """What to train next."""

    combinations: tuple[Combination, ...]
