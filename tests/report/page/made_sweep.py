"""A sweep as its results might be, without one: its summary, its candidates, and what its page shows."""

import itertools
import json
import math
from typing import Any, NamedTuple

import numpy as np

from experiment.config import Experiment
from experiment.results.dataset import Dataset, DatasetInfo
from experiment.results.evaluation import Analysis, Evaluation
from experiment.results.report import Report
from experiment.results.scaled import Scaled, ScalingRef
from experiment.results.selection import Selection
from experiment.results.split import Baseline
from experiment.results.trained import GradientCheck, Retrained
from experiment.scores import calibration, class_scores
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from experiment.values import FoldData, TestSet, TrainingSet
from report.importance import importance
from report.leaderboard import leaderboard
from report.page.data import COMPARED, classes_data, coefficients_data, page_data, paired_errors
from report.page.render import page
from report.summary import Results, completed, summarized
from report.text.analysis import analysis
from report.text.verdict import warnings
from tests.made_up import NOTHING, combination
from tests.report.rankings import bits, made, split_of

ROWS = 200
PROVENANCE = {"experiment": {"seed": 541}, "data": {"digests": {}}, "code": "", "python": "", "packages": {}}
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
    select_by="val_accuracy",
    empty=(),
    feature_names=(),
    **about,
) -> MadeSweep:
    """Return the sweep over a grid; `lost` are the learning rates that diverge, `empty` classes without test rows."""
    rng = np.random.default_rng(0)
    names = tuple(class_names or [f"class {k}" for k in range(classes)])
    points = [combination(*point) for point in itertools.product(rates, sizes, alphas, decays)]
    right = bits(rng.uniform(0.5, 0.9, len(points)), ROWS, rng)
    sweep = made(points, right, lost={at for at, of in enumerate(points) if of.learning_rate in lost})
    figures: Any = {"epochs_trained": epochs, "best_epoch": max(1, epochs - 10), "seconds": 1.5}
    ranking = tuple(
        candidate.model_copy(
            update={
                "trained": tuple(
                    candidate.trained[0].model_copy(
                        update={"seed": seed, "identity": f"run-{place}-{seed}", "task_run": f"task-{place}-{seed}"}
                        | ({"seconds": 1.5} if candidate.diverged else figures)
                    )
                    for seed in range(seeds)
                )
            }
        )
        for place, candidate in enumerate(sweep.ranking)
    )
    counts = rng.integers(0, 9, (len(names),) * 2) + 50 * np.eye(len(names), dtype=int)
    mistakes = np.array([[k, k, (k + 1) % len(names), 0.01] for k in range(len(names))])
    W = rng.standard_normal((features, len(names))).astype(np.float32)
    mistaken = rng.integers(0, 256, (len(names) - len(empty), features)).astype(np.uint8)
    counts[list(empty)], mistakes = 0, np.delete(mistakes, empty, axis=0)
    converged = [candidate for candidate in ranking[:COMPARED] if not candidate.diverged]
    correct = [(rng.random(ROWS) < candidate.val_accuracy).astype(float) for candidate in converged]
    errors = paired_errors(correct, 1 / ROWS)
    curves = [(history(candidate, rng), candidate.trained[0].best_epoch) for candidate in ranking]
    shown = page_data(leaderboard(ranking), curves, errors, ranges)
    side = math.isqrt(features)
    picture = (side, side) if side**2 == features else None
    shown |= classes_data(W, names, counts, mistakes, mistaken, picture=picture)
    coefficients = None if picture else coefficients_data(W, names, counts, feature_names)
    shown |= {"test_file": "made.csv", "coefficients": coefficients}
    reference = ScalingRef(kind="grey-levels", statistics=None, extremes=NOTHING)
    rows = TrainingSet(images=NOTHING, labels=NOTHING, classes=len(names))
    test = Evaluation(
        test_loss=0.4, test_accuracy=0.85, interval=(0.84, 0.86), baseline=FLOOR,
        class_scores=class_scores(counts), calibration=calibration(rng.uniform(size=99), np.ones(99, bool)),
        correct=NOTHING, confusion=NOTHING, mistakes=NOTHING, mistaken=NOTHING,
    )  # fmt: skip
    unseen = TestSet(images=NOTHING, labels=NOTHING)
    results = Results(
        data=Dataset(name="made", info=DatasetInfo(class_names=names), train=rows, test=unseen),
        split=split_of(ROWS, FLOOR),
        scaled=Scaled(
            folds=(FoldData(**dict(rows), train=NOTHING, validation=NOTHING),),
            fold_scaling=reference, final=rows, final_scaling=reference, description="grey-levels"
        ),
        check=GradientCheck(relative_errors={"W": 1e-7}), sampled=(), ranking=ranking,
        selection=Selection(places=(), resampled=None),
        model=Retrained(
            combination=ranking[0].combination, epochs=1, train_loss=1.0, W=NOTHING, b=NOTHING, history=NOTHING
        ),
        test=test, lbfgs=None,
    )  # fmt: skip
    experiment = Experiment(max_epochs=1000, patience=10, select_by=select_by)
    known = {"cached": 0, "left": 0, "seconds": 12.3, "files": {}, "provenance": PROVENANCE} | about
    summary = summarized(experiment, results, name=name, **known).model_copy(update=about)
    found = None if summary.left else importance(ranking, sweep.samples)
    notes = warnings(summary)
    written = analysis(ranking, sweep.samples, found, split=results.split, select_by=select_by, notes=notes)
    analysed = Analysis(importance=found, paragraphs=tuple(written), identity="analysed")
    summary = completed(summary, analysed, Report(files={}, page=None, preview=None))
    return MadeSweep(summary, ranking, json.dumps(shown).encode())


def history(candidate, rng):
    epochs = 1 if candidate.diverged else candidate.trained[0].epochs_trained
    epoch = np.arange(1, epochs + 1)
    loss = np.full(1, np.nan) if candidate.diverged else 1 - candidate.val_accuracy + 1 / epoch
    return np.column_stack([epoch, loss, loss + 0.1, np.clip(1 - loss, 0, 1)])
