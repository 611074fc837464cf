"""A sweep as its results might be, without one: its summary, its candidates, and what its page shows."""

import itertools
import json
import math
from typing import Any, NamedTuple

import numpy as np

from experiment.config import Recipe
from experiment.results.dataset import DatasetInfo
from experiment.results.evaluation import Evaluation
from experiment.results.examples import TrainingSet
from experiment.results.gradient_check import GradientCheck
from experiment.results.scaled import Scaled, ScalingRef
from experiment.results.split import Baseline, Split
from experiment.scores import calibration, class_scores
from experiment.search.comparison import AccuracyGap
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from report.page.data import COMPARED, classes_data, page_data
from report.page.render import page
from report.summary import summarized
from tests.made_up import NOTHING, combination, diverged, trained

RECIPE = Recipe(max_epochs=1000, patience=10, average=False, nesterov=False, horizon=1000, engine="numba")
FLOOR = Baseline(accuracy=0.1, cross_entropy=2.3)


class MadeSweep(NamedTuple):
    summary: Summary
    ranking: tuple[Candidate, ...]
    shown: bytes

    def page(self, **notes: str) -> bytes:
        return page(self.summary, self.ranking, self.shown, {"run again": "python -m flows", **notes})


def made_sweep(
    rates=(0.1, 0.01, 0.001),
    sizes=(8, 16),
    alphas=(0.0, 0.01),
    decays=("none",),
    *,
    seeds=1,
    lost=(),
    classes=10,
    features=64,
    name="made-up",
    class_names=None,
    epochs=30,
    ranges=(),
    **about,
) -> MadeSweep:
    """Return the sweep over a grid; `lost` are the learning rates that diverge."""
    rng = np.random.default_rng(0)
    names = tuple(class_names or [f"class {k}" for k in range(classes)])
    made = []
    for number, point in enumerate(itertools.product(rates, sizes, alphas, decays)):
        of, accuracy = combination(*point), float(rng.uniform(0.5, 0.9))
        origins: list[dict[str, Any]] = [
            {"identity": f"run-{number}-{seed}", "task_run": f"task-{number}-{seed}", "seconds": 1.5}
            for seed in range(seeds)
        ]
        figures: Any = {"loss": 1 - accuracy, "epochs_trained": epochs, "best_epoch": max(1, epochs - 10)}
        runs = [
            diverged(of, **origin) if of.learning_rate in lost else trained(of, accuracy, **figures, **origin)
            for origin in origins
        ]
        made.append(Candidate(combination=of, trained=tuple(runs)))
    made.sort(key=lambda candidate: (candidate.diverged, -candidate.val_accuracy))
    ranking = tuple(
        candidate
        if candidate.diverged
        else candidate.model_copy(
            update={
                "behind": AccuracyGap(difference=made[0].val_accuracy - candidate.val_accuracy, standard_error=0.01)
            }
        )
        for candidate in made
    )
    counts = rng.integers(0, 9, (len(names),) * 2) + 50 * np.eye(len(names), dtype=int)
    mistakes = np.array([[k, k, (k + 1) % len(names), 0.01] for k in range(len(names))])
    W = rng.standard_normal((features, len(names))).astype(np.float32)
    mistaken = rng.integers(0, 256, (len(names), features)).astype(np.uint8)
    accuracies = tuple(float(value) for value in counts.diagonal() / counts.sum(axis=1))
    converged = [candidate for candidate in ranking[:COMPARED] if not candidate.diverged]
    correct = [(rng.random(200) < candidate.val_accuracy).astype(float) for candidate in converged]
    shown = page_data(ranking, [history(candidate, rng) for candidate in ranking], correct, ranges)
    side = math.isqrt(features)
    shown |= classes_data(
        W, names, accuracies, counts, mistakes, mistaken, picture=(side, side) if side**2 == features else None
    )
    reference = ScalingRef(kind="grey-levels", statistics=None, extremes=NOTHING)
    rows = TrainingSet(images=NOTHING, labels=NOTHING)
    summary = summarized(
        ranking=ranking,
        runs=[[run.identity for run in candidate.trained] for candidate in ranking],
        check=GradientCheck(relative_errors={"W": 1e-7}),
        split=Split(train=NOTHING, validation=NOTHING, baseline=FLOOR),
        recipe=RECIPE,
        test=Evaluation(
            test_loss=0.4, test_accuracy=0.85, interval=(0.84, 0.86), baseline=FLOOR, class_accuracy=accuracies,
            class_scores=class_scores(counts), calibration=calibration(rng.uniform(size=99), np.ones(99, bool)),
            confusion=NOTHING, mistakes=NOTHING, mistaken=NOTHING,
        ),
        info=DatasetInfo(class_names=names),
        scaled=Scaled(train=rows, train_scaling=reference, final=rows, final_scaling=reference, said="grey-levels"),
        lbfgs=None,
        steps={},
        name=name, cached=0, left=0, seconds=12.3, files={},
        provenance={"experiment": {"seed": 541}, "git_commit": None},
        **about,
    )  # fmt: skip
    return MadeSweep(summary, ranking, json.dumps(shown).encode())


def history(candidate, rng):
    epochs = 1 if candidate.diverged else candidate.trained[0].epochs_trained
    epoch = np.arange(1, epochs + 1)
    loss = np.full(1, np.nan) if candidate.diverged else 1 - candidate.val_accuracy + 1 / epoch
    return np.column_stack([epoch, loss, loss + 0.1, np.clip(1 - loss, 0, 1)])
