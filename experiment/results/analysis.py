"""The result of `analyse`."""

from experiment.summary import Importance
from experiment.values import Result


class Analysis(Result):
    """The importance of the hyperparameters, and the written analysis."""

    importance: Importance | None  # None: too few combinations
    paragraphs: tuple[str, ...]
