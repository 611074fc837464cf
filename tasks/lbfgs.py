"""The optional baseline: the same model, fitted by scikit-learn's L-BFGS to the convex optimum."""

import warnings

import numpy as np

from execution.steps.run import Run
from execution.steps.step import step
from experiment.results.examples import TrainingSet
from experiment.results.lbfgs import Lbfgs
from experiment.results.split import Split
from softmax.loss import accuracy, cross_entropy, inputs

ITERATIONS = 1000


@step("lbfgs", name="fit with L-BFGS")
def lbfgs(run: Run, training: TrainingSet, split: Split, alpha: float) -> Lbfgs:
    """Validation metrics of the model that minimises the loss with the winner's alpha over the training rows.

    scikit-learn's objective C Σ_i loss_i + ½ ‖W‖² is n C times the loss with C = 1 / (α n). Its bias is not penalised.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression  # takes two seconds

    images, labels = inputs(run.open(training.images), np.float32), run.open(training.labels)
    rows, validation = run.open(split.train), run.open(split.validation)
    C = 1 / (run.config["alpha"] * len(rows)) if run.config["alpha"] else float("inf")
    model = LogisticRegression(C=C, max_iter=ITERATIONS, tol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of iterations is part of the result
        model.fit(images[rows], labels[rows])
    logits = model.decision_function(images[validation])
    if logits.ndim == 1:  # for two classes it is their difference
        logits = logits[:, None] * [0, 1]
    figures = {
        "val_accuracy": accuracy(logits, labels[validation]),
        "val_cross_entropy": cross_entropy(logits, labels[validation]) + 0.0,  # not -0.0 for separable classes
        "iterations": int(model.n_iter_[0]),
    }
    run.tracker.summarize(**figures)
    return Lbfgs(alpha=run.config["alpha"], **figures)
