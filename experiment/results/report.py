"""The result of `report`."""

from experiment.values import FileRef, Result


class Report(Result):
    """Leaderboard, model, pictures and the data of the page."""

    files: dict[str, FileRef]  # by name
    page: FileRef | None  # the data of `report.html`, JSON
    preview: FileRef | None  # a small picture of the parallel coordinates
    missing: tuple[str, ...] = ()  # names of the outputs that could not be made

    @property
    def complete(self) -> bool:
        return not self.missing
