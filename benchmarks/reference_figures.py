"""Two figures of docs/results.md that no sweep gives: `python -m benchmarks.reference_figures`.

1. The convex optimum: scikit-learn's L-BFGS on all training images.
2. How much is gained by early-stopping the final training on the test set, as the course's solution does: the
   sweep's honest winner, trained on all training images, judged at its own best epoch and at the test set's.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from execution.fetch.sources import fashion_mnist
from experiment.axes import Combination
from experiment.config import Experiment
from experiment.training import epochs
from softmax.kernels import evaluate
from softmax.loss import accuracy, cross_entropy, normalized

PATIENCE = 10  # epochs without a new lowest test loss, as in the course's solution


def main() -> None:
    data = fashion_mnist(Path("artifacts/data"), print)
    train, test = normalized(data.train_images), normalized(data.test_images)
    rows = np.arange(len(train))

    optimum = LogisticRegression(C=0.1, max_iter=1000).fit(train, data.train_labels)
    logits = optimum.decision_function(test)
    print(
        f"L-BFGS, C = 0.1 ({optimum.n_iter_[0]} iterations): accuracy {accuracy(logits, data.test_labels):.2%}, ",
        end="",
    )
    print(f"cross-entropy {cross_entropy(logits, data.test_labels):.4f}")

    summary = json.loads(Path("artifacts/sweeps/latest/summary.json").read_text())
    honest, figures = summary["best_epoch"], []
    recipe = Experiment().recipe.for_exactly(1000)
    data_of_all = train, data.train_labels, rows, None
    states = epochs(data_of_all, 10, 541, Combination.model_validate(summary["best"]), recipe)()
    stopped = 0  # the epoch that early stopping on the test set would return
    for state in states:
        loss, correct = evaluate(*state.last, test, data.test_labels, np.arange(len(test)))
        figures.append((loss / len(test), correct / len(test)))
        lowest = int(np.argmin([figure[0] for figure in figures])) + 1
        if not stopped and len(figures) >= lowest + PATIENCE:
            stopped = lowest
        if stopped and len(figures) >= honest:
            break
    for words, epoch in (("by validation", honest), ("by early stopping on the test set", stopped)):
        loss, share = figures[epoch - 1]
        print(f"{summary['best']}: epoch {epoch}, chosen {words}: accuracy {share:.2%}, cross-entropy {loss:.4f}")
    peak = max(range(len(figures)), key=lambda i: figures[i][1]) + 1
    print(f"its best epoch by test accuracy, {peak}: {figures[peak - 1][1]:.2%}")


if __name__ == "__main__":
    main()
