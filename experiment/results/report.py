"""What `report` returns."""

from experiment.values import FileRef, Result


class Report(Result):
    """What a person is given to look at, and the model."""

    files: dict[str, FileRef]  # by name
    page: FileRef | None  # what `report.html` draws, JSON
    preview: FileRef | None  # the parallel coordinates, small enough to be part of an address
    missing: tuple[str, ...] = ()  # what could not be drawn, by name

    @property
    def complete(self) -> bool:
        return not self.missing
