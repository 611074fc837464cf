"""The optional baseline: the same model, fitted by scikit-learn's L-BFGS to the convex optimum."""

import warnings
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from execution.steps.run import Run
from execution.steps.step import step
from experiment.results.trained import Lbfgs
from experiment.values import FoldData
from softmax.loss import accuracy, cross_entropy, inputs

ITERATIONS = 1000


@step("lbfgs", name="fit with L-BFGS")
def lbfgs(run: Run, folds: Sequence[FoldData], alpha: float) -> Lbfgs:
    """Validation metrics of the model that minimises the loss with the winner's alpha, means over the folds.

    scikit-learn's objective C Σ_i loss_i + ½ ‖W‖² is n C times the loss with C = 1 / (α n). Its bias is not penalised.
    """
    accuracies, losses, iterations = zip(*(fit(run, fold, run.config["alpha"]) for fold in folds), strict=True)
    loss = fmean(losses) + 0.0  # not -0.0 for separable classes
    figures = {"val_accuracy": fmean(accuracies), "val_cross_entropy": loss, "iterations": sum(iterations)}
    run.tracker.summarize(**figures)
    return Lbfgs(alpha=run.config["alpha"], **figures)


def fit(run: Run, data: FoldData, alpha: float) -> tuple[float, float, int]:
    """Validation accuracy, cross-entropy and the number of iterations."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression  # takes two seconds

    images, labels = inputs(run.open(data.images), np.float32), run.open(data.labels)
    rows, validation = run.open(data.train), run.open(data.validation)
    C = 1 / (alpha * len(rows)) if alpha else float("inf")
    model = LogisticRegression(C=C, max_iter=ITERATIONS, tol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of iterations is part of the result
        model.fit(images[rows], labels[rows])
    logits = model.decision_function(images[validation])
    if logits.ndim == 1:  # for two classes it is their difference
        logits = logits[:, None] * [0, 1]
    true = labels[validation]
    return accuracy(logits, true), cross_entropy(logits, true), int(model.n_iter_[0])
