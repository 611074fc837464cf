"""The majority-class baseline: the class frequencies as the prediction for every example."""

import numpy as np
from numpy.typing import NDArray

from experiment.results.split import Baseline


def class_frequencies(trained_on: NDArray[np.int64], labels: NDArray[np.int64]) -> Baseline:
    """Accuracy and cross-entropy of always predicting the class frequencies p of the training rows.

    The accuracy is that of the most frequent class (the first, on a tie); the cross-entropy −(1/n) Σ_i log p(y_i),
    in nats, the lowest that a constant prediction can expect.

    Parameters
    ----------
    trained_on, labels : (k,) and (n,) in 0 … c − 1; each class of `labels` is among `trained_on`
    """
    counts = np.bincount(trained_on)
    log_p = np.log(counts[labels] / len(trained_on))
    return Baseline(accuracy=float(np.mean(labels == counts.argmax())), cross_entropy=-float(log_p.mean()))
