"""The metrics that can select the best model. Each is declared once, here, as an entry of `METRICS`.

The choices of `select_by`, the ranking, the comparison with the best and the names in texts are derived from it.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # `download` reaches this module
    from experiment.resampling import Resampled

    Counts: TypeAlias = "Counted | Resampled"

Numbers = NDArray[np.number]


class Counted(NamedTuple):
    """Counts of one model on all rows, by class: all that the metrics need, besides the cross-entropy."""

    rows: Numbers  # (c,)
    predicted: Numbers  # (c,)
    correct: Numbers  # (c,)
    cross_entropy: Numbers  # unregularised, mean over the rows, in nats


def accuracy(of: "Counts") -> Numbers:
    """The fraction of rows that are predicted correctly."""
    return np.asarray(of.correct.sum(axis=-1) / of.rows.sum(axis=-1))


def cross_entropy(of: "Counts") -> Numbers:
    """The mean of −log ŷ of the true classes, without the penalty: comparable between alphas."""
    return of.cross_entropy


def balanced_accuracy(of: "Counts") -> Numbers:
    """The mean recall of the classes that have rows: rare and frequent classes count equally."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanmean(of.correct / of.rows, axis=-1))


def macro_f1(of: "Counts") -> Numbers:
    """The mean F1, 2·TP / (rows + predicted), of the classes that have rows or predictions."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nanmean(2 * of.correct / (of.rows + of.predicted), axis=-1))


class Metric(NamedTuple):
    label: str  # in sentences
    function: Callable[["Counts"], Numbers]
    higher_is_better: bool = True
    fraction: bool = True  # shown in per cent, differences in percentage points

    def goodness(self, of: "Counts") -> Numbers:
        """The metric, negated if lower is better."""
        return self.function(of) if self.higher_is_better else -self.function(of)


MetricName = Literal["val_accuracy", "val_loss", "val_balanced_accuracy", "val_macro_f1"]
METRICS: Mapping[str, Metric] = {
    "val_accuracy": Metric("accuracy", accuracy),
    "val_loss": Metric("cross-entropy", cross_entropy, higher_is_better=False, fraction=False),
    "val_balanced_accuracy": Metric("balanced accuracy", balanced_accuracy),
    "val_macro_f1": Metric("macro-F1", macro_f1),
}
