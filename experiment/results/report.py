"""The result of `report`."""

from experiment.results.dataset import DatasetInfo
from experiment.results.split import Split
from experiment.results.trained import Lbfgs
from experiment.values import ArrayRef, Artifact, FileRef, Frozen, Result


class Shown(Frozen):
    """Further inputs of the report."""

    info: DatasetInfo
    data: Artifact  # the data set
    split: Split
    labels: ArrayRef  # of all training rows
    new: ArrayRef | None  # examples without labels, to predict
    ranges: tuple[str, ...]  # the hyperparameters that were drawn from ranges
    lbfgs: Lbfgs | None
    runs: tuple[str, ...]  # ids of the W&B runs on the leaderboard, for the cache key: it leaves out those of results


class Report(Result):
    """Leaderboard, model, pictures and the data of the page."""

    files: dict[str, FileRef]  # by name
    page: FileRef | None  # the data of `report.html`, JSON
    preview: FileRef | None  # a small picture of the parallel coordinates
    missing: tuple[str, ...] = ()  # names of the outputs that could not be made

    @property
    def complete(self) -> bool:
        return not self.missing
