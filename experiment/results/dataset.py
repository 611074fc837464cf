"""What `download` returns."""

from experiment.data.schema import Schema
from experiment.results.examples import TestSet, TrainingSet
from experiment.values import ArrayRef, Artifact, Frozen, Result


class DatasetInfo(Frozen):
    """What the numbers of a data set mean."""

    class_names: tuple[str, ...]  # c of them
    table: Schema | None = None  # what a table's columns are; None: arrays, whose features have no names
    picture: tuple[int, int] | None = None  # height and width of examples that are pictures; None: features
    understood: str = ""  # what the examples are taken for
    test_file: str = ""  # what the test rows are rows of, as the user knows it
    own: bool = True  # whether it is the user's own, and not Fashion-MNIST
    note: str = ""  # what was done to the data, "" if nothing
    warnings: tuple[str, ...] = ()  # what whoever uses the data should know, a sentence each


class Dataset(Result):
    name: str
    info: DatasetInfo
    train: TrainingSet
    test: TestSet
    new: ArrayRef | None = None  # (k, m) examples without labels, to predict

    @property
    def classes(self) -> int:
        return len(self.info.class_names)

    @property
    def arrays(self) -> dict[str, ArrayRef]:
        """The four of them, by name."""
        return {
            **{"train_images": self.train.images, "train_labels": self.train.labels},
            **{"test_images": self.test.images, "test_labels": self.test.labels},
        }

    @property
    def digests(self) -> dict[str, str]:
        """Of the four arrays."""
        return {name: array.digest for name, array in self.arrays.items()}

    @property
    def artifact(self) -> Artifact:
        about = {
            **{name: {"shape": list(array.shape), "dtype": array.dtype} for name, array in self.arrays.items()},
            "class_names": list(self.info.class_names),
            "label": self.info.table.label if self.info.table else "",
            "understood": self.info.understood,
            "note": self.info.note,
        }
        contents = {f"{name}.npy": array for name, array in self.arrays.items()}
        return Artifact(name=self.name, kind="dataset", contents=contents, about=about)
