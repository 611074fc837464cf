"""Softmax regression as textbooks and courses program it: float64 NumPy, one-hot labels, an epoch's shuffled copy."""

import numpy as np
from numpy.typing import NDArray

from softmax.loss import Floats


class Textbook:
    """images (n, m) and targets (n, c), one-hot, both float64.

    The shuffled copies are overwritten from epoch to epoch: some 300 MB of new memory each time would often cost
    more than the epoch, and tell more of the operating system than of the program.
    """

    def __init__(self, images: Floats, targets: Floats) -> None:
        self.images, self.targets = images, targets
        self.shuffled, self.shuffled_targets = np.empty_like(images), np.empty_like(targets)

    def epoch(
        self, W: Floats, b: Floats, order: NDArray[np.int64], batch_size: int, learning_rate: float, alpha: float
    ) -> None:
        """Changes W (m, c) and b (c,). Without the training loss that the other engines give as well."""
        images = self.images.take(order, axis=0, out=self.shuffled, mode="clip")  # "raise" would copy twice
        targets = self.targets.take(order, axis=0, out=self.shuffled_targets, mode="clip")
        for start in range(0, len(images), batch_size):
            x, y = images[start : start + batch_size], targets[start : start + batch_size]
            error = (softmax(x @ W + b) - y) / len(x)
            W -= learning_rate * (x.T @ error + alpha * W)
            b -= learning_rate * error.sum(axis=0)


def evaluate(W: Floats, b: Floats, images: Floats, targets: Floats, alpha: float) -> tuple[float, float]:
    """Regularised loss and accuracy."""
    probabilities = softmax(images @ W + b)
    loss = -np.sum(targets * np.log(probabilities)) / len(images) + alpha / 2 * np.sum(W**2)
    return float(loss), float(np.mean(probabilities.argmax(axis=1) == targets.argmax(axis=1)))


def softmax(logits: Floats) -> Floats:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
    return probabilities
