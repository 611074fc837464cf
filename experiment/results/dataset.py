"""The result of `download`."""

from experiment.data.schema import Schema
from experiment.values import ArrayRef, Artifact, Frozen, Result, TestSet, TrainingSet


class DatasetInfo(Frozen):
    """The meaning of a data set's numbers."""

    class_names: tuple[str, ...]  # c of them
    class_rows: tuple[int, ...] = ()  # training rows of each
    table: Schema | None = None  # the columns of a table; None: arrays, whose features have no names
    picture: tuple[int, int] | None = None  # height and width of pictures; None: features
    understood: str = ""  # how the data was understood, in words
    test_file: str = ""  # name of the file that contains the test rows
    own: bool = True  # the user's own data, not Fashion-MNIST
    note: str = ""  # changes made to the data; "": none
    warnings: tuple[str, ...] = ()  # one sentence each

    @property
    def rows_of_class(self) -> dict[str, int]:
        """The number of training rows of each class, by name."""
        return dict(zip(self.class_names, self.class_rows, strict=True))


class Dataset(Result):
    name: str
    info: DatasetInfo
    train: TrainingSet
    test: TestSet
    new: ArrayRef | None = None  # (k, m) examples without labels, to predict

    @property
    def arrays(self) -> dict[str, ArrayRef]:
        """The four arrays, by name."""
        return {
            **{"train_images": self.train.images, "train_labels": self.train.labels},
            **{"test_images": self.test.images, "test_labels": self.test.labels},
        }

    @property
    def digests(self) -> dict[str, str]:
        """The digests of the four arrays, by name."""
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
