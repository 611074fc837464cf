"""The result of `report`."""

from experiment.results.dataset import DatasetInfo
from experiment.results.lbfgs import Lbfgs
from experiment.results.split import Split
from experiment.values import ArrayRef, Artifact, FileRef, Frozen, Result


class Shown(Frozen):
    """What the report shows beside the sweep's results.

    It names the W&B runs, for a result's own names are in no key.
    """

    info: DatasetInfo
    data: Artifact  # what all of it was made from
    split: Split
    labels: ArrayRef  # of all training rows
    new: ArrayRef | None  # examples without labels, to predict
    ranges: tuple[str, ...]  # the hyperparameters that were drawn from ranges
    lbfgs: Lbfgs | None
    lbfgs_run: str
    runs: tuple[tuple[str, ...], ...]  # of each candidate, one a seed


class Report(Result):
    """Leaderboard, model, pictures and the data of the page."""

    files: dict[str, FileRef]  # by name
    page: FileRef | None  # the data of `report.html`, JSON
    preview: FileRef | None  # a small picture of the parallel coordinates
    missing: tuple[str, ...] = ()  # names of the outputs that could not be made

    @property
    def complete(self) -> bool:
        return not self.missing
