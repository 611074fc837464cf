"""Made-up sweeps of all kinds, from the validation rows that each training has right."""

import itertools
from functools import cache
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from experiment.resampling import resamples
from experiment.results.evaluation import Importance
from experiment.results.split import Baseline, Fold, Split
from experiment.results.trained import Judged
from experiment.search.comparison import compared
from experiment.search.ranking import Candidate
from report.importance import importance
from report.text.analysis import analysis
from tests.made_up import NOTHING, combination, diverged, trained

FLOOR = Baseline(accuracy=-1, cross_entropy=9)  # that everything beats


def split_of(rows: int, floor: Baseline) -> Split:
    fold = Fold(train=NOTHING, validation=NOTHING.model_copy(update={"shape": (rows,)}))
    return Split(folds=(fold,), baseline=floor)


class Made(NamedTuple):
    ranking: tuple[Candidate, ...]
    samples: np.ndarray  # (candidates, resamples), accuracies on resamples of the rows
    rows: int

    def importance(self, space=None) -> Importance | None:
        return importance(self.ranking, self.samples, space)

    def paragraphs(self, space=None, floor=FLOOR, **more) -> list[str]:
        split = split_of(self.rows, floor)
        return analysis(self.ranking, self.samples, self.importance(space), split=split, space=space, **more)

    def said(self, space=None, **more) -> str:
        return " ".join(self.paragraphs(space, **more))


@cache
def drawn(rows: int) -> np.ndarray:
    """The share of each row in each resample: (rows, resamples)."""
    counts = np.concatenate(list(resamples(rows)), axis=1)
    return counts / counts.sum(axis=0)


def made(combinations, right, *, lost=(), pruned=()) -> Made:
    """Return a sweep, ranked by accuracy.

    Parameters
    ----------
    right : (combinations, rows) or (combinations, seeds, rows), which rows are right
    lost, pruned : positions of the combinations that diverged, that were pruned
    """
    right = np.asarray(right, dtype=np.float32)
    right = right[:, None] if right.ndim == 2 else right
    rows = right.shape[2]
    candidates = []
    for at, (of, bits) in enumerate(zip(combinations, right, strict=True)):
        runs = [
            diverged(of, seed=seed)
            if at in lost
            else trained(of, float(one.mean()), 2 - float(one.mean()), judged=judged(rows, int(one.sum())), seed=seed)
            for seed, one in enumerate(bits)
        ]
        candidates.append(Candidate(trained=tuple(runs), pruned=at in pruned))
    order = sorted(range(len(candidates)), key=lambda at: (at in lost, at in pruned, -candidates[at].val_accuracy))
    samples = (right.mean(axis=1) @ drawn(rows))[order]
    ranking = [candidates[at] for at in order]
    known = [at for at, one in enumerate(ranking) if not one.diverged and not one.pruned]
    samples[[at for at in range(len(ranking)) if at not in known]] = np.nan
    gaps = compared([ranking[at].val_accuracy for at in known], samples[known]) if known else []
    for at, gap in zip(known, gaps, strict=True):
        ranking[at] = ranking[at].model_copy(update={"gap": gap})
    return Made(tuple(ranking), samples, rows)


def judged(rows, right):
    return Judged(counts=((rows, rows, right),), predicted=NOTHING, losses=NOTHING)


def grid(rates, sizes, alphas):
    return [combination(*point) for point in itertools.product(rates, sizes, alphas)]


def bits(accuracies, rows, rng):
    """Which rows are right, by chance, where each has its own accuracy: (…, rows)."""
    return rng.uniform(size=(*np.shape(accuracies), rows)) < np.asarray(accuracies)[..., None]


def sweeps():
    """Grids, ranked; accuracies from anything, one hyperparameter, two together, chance, ties, one row."""
    return st.integers(0, 149).map(sweep)


@cache
def sweep(seed: int) -> Made:
    rng = np.random.default_rng(seed)
    rates, sizes, alphas = (
        sorted(rng.choice(values, rng.integers(1, 4), replace=False).tolist())
        for values in ([0.1, 0.03, 0.01, 0.001], [8, 16, 32, 64], [0.0, 1e-5, 0.001, 0.01])
    )
    combinations = grid(rates, sizes, alphas)
    weight = dict(zip(alphas, rng.uniform(0.2, 1, len(alphas)), strict=True))
    kind = ["anything", "one of them", "together", "chance", "ties", "one row"][seed % 6]
    accuracies = {
        "anything": rng.uniform(size=len(combinations)),
        "one of them": np.array([weight[of.alpha] for of in combinations]),
        "together": np.array(
            [0.5 + 0.4 * ((of.alpha == alphas[0]) == (of.learning_rate == rates[0])) for of in combinations]
        ),
    }.get(kind, np.full(len(combinations), 0.8))
    right = bits(np.repeat(accuracies[:, None], rng.integers(1, 4), axis=1), rng.choice([27, 200, 2000]), rng)
    if kind in {"ties", "one row"}:
        right[:] = right[0, 0]
        right[0, 0, 0] ^= kind == "one row"
    lost = np.flatnonzero(rng.uniform(size=len(combinations)) < rng.choice([0, 0, 0.15]))
    return made(combinations, right, lost={*lost.tolist()} - {0})  # if all diverge, nothing is selected
