"""What `analyse` returns."""

from experiment.summary import Importance
from experiment.values import Result


class Analysis(Result):
    """What mattered, in figures and in words."""

    importance: Importance | None  # None: there is no figure
    paragraphs: tuple[str, ...]
