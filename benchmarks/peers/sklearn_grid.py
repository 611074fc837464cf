"""`python -m benchmarks.peers.sklearn_grid FOLDER`: scikit-learn's grid search, two processes, nothing kept.

The search hands an estimator the rows that it may train on; early stopping looks at those that validate, so the
estimator reads the data itself, once in each process.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.model_selection import GridSearchCV

from benchmarks.peers.problem import finish, load, train


class Softmax(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    def __init__(self, root: Path, learning_rate: float = 0.1, batch_size: int = 8, alpha: float = 0.0) -> None:
        self.root, self.learning_rate, self.batch_size, self.alpha = root, learning_rate, batch_size, alpha

    def fit(self, rows: NDArray[np.int64], labels: None = None) -> "Softmax":
        combination = self.get_params()
        self.figures_ = train(load(combination.pop("root")), **combination)
        return self

    def score(self, rows: NDArray[np.int64], labels: None = None) -> float:
        return self.figures_["val_accuracy"]


def main(root: Path) -> None:
    problem = load(root)
    rows = problem.rows.train, problem.rows.held_out
    search = GridSearchCV(Softmax(root), problem.axes, cv=[rows], n_jobs=2, refit=False)
    search.fit(np.arange(len(problem.labels)))
    tried: dict[str, Any] = search.cv_results_
    best = int(np.argmax(tried["mean_test_score"]))
    finish(root, len(tried["params"]), tried["mean_test_score"][best], tried["params"][best])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
