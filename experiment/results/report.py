"""The result of `report`."""

from experiment.results.dataset import DatasetInfo
from experiment.results.lbfgs import Lbfgs
from experiment.results.split import Split
from experiment.values import ArrayRef, Artifact, FileRef, Frozen, Result


class Shown(Frozen):
    """Further inputs of the report.

    They contain the ids of W&B runs, because cache keys leave out the identity of results.
    """

    info: DatasetInfo
    data: Artifact  # the data set
    split: Split
    labels: ArrayRef  # of all training rows
    new: ArrayRef | None  # examples without labels, to predict
    ranges: tuple[str, ...]  # the hyperparameters that were drawn from ranges
    lbfgs: Lbfgs | None
    lbfgs_run: str
    runs: tuple[tuple[str, ...], ...]  # by candidate and seed


class Report(Result):
    """Leaderboard, model, pictures and the data of the page."""

    files: dict[str, FileRef]  # by name
    page: FileRef | None  # the data of `report.html`, JSON
    preview: FileRef | None  # a small picture of the parallel coordinates
    missing: tuple[str, ...] = ()  # names of the outputs that could not be made

    @property
    def complete(self) -> bool:
        return not self.missing
