"""Which rule should select, judged on validation rows alone: `python -m benchmarks.selection_rules`.

The 12,000 validation rows are halved at random, a thousand times. One half does what validation does in a sweep: it
stops each training early and selects, by accuracy or by loss. The other half, which had no say, judges the winner.
The test set is not opened. For docs/results.md.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import problem
from benchmarks.results import Bench
from experiment.axes import Combination
from experiment.config import Experiment
from experiment.training import epochs as epochs_of
from softmax import sgd
from softmax.kernels import evaluate
from softmax.loss import penalty

HALVINGS, BLOCKS = 1000, 40  # halves are made of blocks of 300 rows
PATIENCE = 10
LONGER = 30  # patience on all rows while recording, so that a half rarely wants to train on
GRIDS = {
    "default grid": Experiment(),
    "averaged, learning rates 0.1 and 0.01, α 0 and 1e-4": Experiment.model_validate(
        {"learning_rates": (0.1, 0.01), "alphas": (0.0, 1e-4), "average": True}
    ),
}


def main() -> None:
    data = problem(Bench(quick=False, data=Path("artifacts/data"), scratch=Path()))
    blocks = np.array_split(np.random.default_rng(0).permutation(data.validation), BLOCKS)

    def record(combination: Combination, average: bool) -> NDArray[np.float64]:
        """Cross-entropy, accuracy and penalty of every epoch on every block: (epochs, 3, BLOCKS)."""
        recipe = Experiment(patience=LONGER, average=average).recipe
        rows = data.images, data.labels, data.train, data.validation
        states, epochs = epochs_of(rows, data.classes, 541, combination, recipe)(), []
        for state in states:
            W, b = state.last if state.mean is None else sgd.Parameters(*(a.astype(np.float32) for a in state.mean))
            sums = np.array([evaluate(W, b, data.images, data.labels, block) for block in blocks])
            means = sums / [[len(block)] for block in blocks]
            epochs.append([*means.T, np.full(BLOCKS, penalty(W, combination.alpha))])
        return np.array(epochs)

    for name, grid in GRIDS.items():
        with ThreadPoolExecutor() as pool:
            records = list(pool.map(lambda c, average=grid.average: record(c, average), grid.combinations))
        judged = np.array([halving(records, list(grid.combinations), seed) for seed in range(HALVINGS)])
        difference = judged[:, 1] - judged[:, 0]
        print(f"\n{name}: {len(records)} combinations, {HALVINGS} halvings, judged by the other half")
        for rule, (loss, accuracy) in zip(("val_accuracy", "val_loss"), judged.mean(axis=0), strict=True):
            print(f"  selected by {rule:13} cross-entropy {loss:.4f}, accuracy {accuracy:.2%}")
        for column, figure in enumerate(("cross-entropy", "accuracy")):
            d = difference[:, column]
            print(
                f"  val_loss − val_accuracy in {figure}: {d.mean():+.5f} ± {d.std():.5f} (standard deviation over "
                f"halvings); lower in {np.mean(d < 0):.0%}, higher in {np.mean(d > 0):.0%}, the same in the rest"
            )


def halving(records: list[NDArray[np.float64]], combinations: list[Combination], seed: int) -> NDArray[np.float64]:
    """(rule, figure): unregularised loss and accuracy, on one half, of what each rule selects on the other."""
    shuffled = np.random.default_rng(seed).permutation(BLOCKS)
    own, other = shuffled[: BLOCKS // 2], shuffled[BLOCKS // 2 :]
    winners: dict[str, tuple[tuple[float, float], NDArray[np.float64]]] = {}
    for figures in records:
        epoch = stopped((figures[:, 0] + figures[:, 2])[:, own].mean(axis=1))
        loss, accuracy, _ = figures[epoch][:, own].mean(
            axis=1
        )  # unregularised between combinations, as a sweep selects
        keys = {"val_accuracy": (-accuracy, loss), "val_loss": (loss, -accuracy)}
        for rule, key in keys.items():
            if rule not in winners or key < winners[rule][0]:
                winners[rule] = key, figures[epoch, :2][:, other].mean(axis=1)
    return np.array([winners[rule][1] for rule in ("val_accuracy", "val_loss")])


def stopped(losses: NDArray[np.float64]) -> int:
    """The epoch, from 0, that early stopping returns."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= PATIENCE:
            break
    return best


if __name__ == "__main__":
    main()
