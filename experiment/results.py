"""What the steps hand to each other: small, immutable, JSON. Arrays and files are referred to, not carried."""

from experiment.axes import Combination
from experiment.data.raw import Column
from experiment.data.scaling import Kind
from experiment.search.comparison import AccuracyGap
from experiment.values import ArrayRef, Artifact, FileRef, Frozen, Result


class Examples(Frozen):
    """n rows of images and their labels."""

    images: ArrayRef  # (n, m)
    labels: ArrayRef  # (n,) int64 in 0 … c − 1


class TrainingSet(Examples):
    """What every step may see."""


class TestSet(Examples):
    """Handed to the evaluate step alone."""

    __test__ = False  # not a pytest class


class DatasetInfo(Frozen):
    """What the numbers of a data set mean."""

    class_names: tuple[str, ...]  # c of them
    columns: tuple[Column, ...] = ()  # of a table; () for arrays, whose features have no names
    label: str = ""  # the name of a table's label column
    pictures: bool = True  # whether examples may be pictures
    note: str = ""  # what was done to the data, "" if nothing


class Dataset(Result):
    name: str
    info: DatasetInfo
    train: TrainingSet
    test: TestSet

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
            "label": self.info.label,
            "note": self.info.note,
        }
        contents = {f"{name}.npy": array for name, array in self.arrays.items()}
        return Artifact(name=self.name, kind="dataset", contents=contents, about=about)


class ScalingRef(Frozen):
    """What a result keeps of an `experiment.data.scaling.Scaling`."""

    kind: Kind
    statistics: ArrayRef | None


class Scaled(Result):
    """The training rows as inputs, twice: selection must not know the validation rows, the final model may."""

    train: TrainingSet  # by the rows that are trained on while selecting
    train_scaling: ScalingRef
    final: TrainingSet  # by all training rows
    final_scaling: ScalingRef
    said: str  # which scaling, and why


class Baseline(Frozen):
    """What always answering with the class frequencies of the rows trained on gives on other rows."""

    accuracy: float
    cross_entropy: float


class Split(Result):
    """Row indices into the training set: two disjoint int64 arrays that together cover it."""

    train: ArrayRef
    validation: ArrayRef
    baseline: Baseline  # on the validation rows


class GradientCheck(Result):
    relative_errors: dict[str, float]  # as `softmax.check.relative_errors` gives them


class Sampled(Result):
    """What to train next."""

    combinations: tuple[Combination, ...]


class Trained(Result):
    """One combination, trained. Loss and accuracy are those of the returned (best) parameters."""

    combination: Combination
    diverged: bool
    epochs_trained: int
    best_epoch: int  # 0: no epoch with a finite loss
    val_loss: float | None  # regularised, by which it stopped; None when diverged before the first finite one
    val_cross_entropy: float | None  # unregularised, which alone can be compared between α
    val_accuracy: float | None
    correct: ArrayRef | None  # which validation rows are right: bits, packed eight to a byte
    W: ArrayRef  # (m, c) float32
    b: ArrayRef  # (c,) float32
    history: ArrayRef  # (epochs, 4) float64: epoch, train_loss, val_loss, val_accuracy


class Selection(Result):
    """Which of the combinations that were given, by position: the best first, those that diverged last."""

    order: tuple[int, ...]
    behind: tuple[AccuracyGap | None, ...]  # the best, by position; None for those that diverged


class Retrained(Result):
    """The winning combination, trained on all training rows."""

    combination: Combination
    epochs: int
    train_loss: float  # regularised, as seen in the last epoch
    W: ArrayRef
    b: ArrayRef
    history: ArrayRef  # (epochs, 4) as in Trained, validation columns NaN


class Evaluation(Result):
    """The one look at the test set."""

    test_loss: float  # unregularised cross-entropy, nats
    test_accuracy: float  # fraction correct
    interval: tuple[float, float]  # 95 % of the accuracy, Wilson's score interval
    baseline: Baseline
    class_accuracy: tuple[float, ...]  # of each true class, the fraction predicted right
    confusion: ArrayRef  # (c, c) int64: rows are true classes, columns predicted ones
    mistakes: ArrayRef  # (k, 4) float64: row of the test set, true class, predicted one, probability of the true one
    mistaken: ArrayRef  # (k, m), those rows as the data has them


class Lbfgs(Result):
    """scikit-learn's L-BFGS on the rows trained on, judged on the validation rows."""

    alpha: float
    iterations: int
    val_accuracy: float
    val_cross_entropy: float  # unregularised, nats


class Report(Result):
    """What a person is given to look at, and the model."""

    files: dict[str, FileRef]  # by name
    page: FileRef | None  # what `report.html` draws, JSON
    preview: FileRef | None  # the parallel coordinates, small enough to be part of an address
    missing: tuple[str, ...] = ()  # what could not be drawn, by name

    @property
    def complete(self) -> bool:
        return not self.missing
