"""The tracker of a step. Only `execution.tracking.choose` knows its implementations."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from experiment.values import Artifact
from softmax.sgd import Metrics

if TYPE_CHECKING:
    import pandas as pd


class TrackerDied(Exception):
    """The tracker has lost its records: the step starts again."""


class Tracker(Protocol):
    """The record of one run of a step."""

    config: Mapping[str, Any]  # the step's settings, read back

    def log_epoch(self, row: Metrics) -> None: ...  # unless an earlier try of the step did
    def summarize(self, **figures: Any) -> None: ...  # of the whole step
    def show_table(self, name: str, frame: "pd.DataFrame") -> None: ...
    def show_picture(self, name: str, png: bytes) -> None: ...
    def show_bars(self, name: str, title: str, values: Mapping[str, float]) -> None: ...  # in their order
    def show_confusion(self, name: str, counts: NDArray[Any], class_names: Sequence[str]) -> None: ...  # rows: true
    def note(self, paragraphs: Sequence[str]) -> None: ...  # the outcome in words
    def made(self, artifact: Artifact) -> None: ...  # something that has versions
    def used(self, artifact: Artifact) -> None: ...


class Untracked:
    """Records nothing."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def ignore(self, *_: Any, **__: Any) -> None:
        """Do nothing."""

    log_epoch = summarize = show_table = show_picture = show_bars = show_confusion = note = made = used = ignore
