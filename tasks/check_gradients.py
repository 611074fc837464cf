"""Step 4: before anything is trained, is the gradient right on this very data?"""

from prefect import task

from experiment.caching import determined_by
from experiment.code import SOFTMAX
from experiment.config import Execution
from experiment.results import GradientCheck, Split, TrainingSet
from experiment.tracking import tracked
from experiment.training import examples
from softmax.check import relative_errors

ROWS = 8
TOLERANCE = {"formula": 1e-6, "numba": 1e-4, "numpy": 1e-4}  # float64 differences; float32 steps


class WrongGradient(RuntimeError):
    """Training with it would be worthless."""


@task(
    task_run_name="check gradients",
    tags=["sweep"],
    cache_policy=determined_by(*SOFTMAX, "softmax.check", "experiment.training"),
    result_serializer="json",
)
def check_gradients(
    training: TrainingSet, split: Split, classes: int, alpha: float, seed: int, execution: Execution
) -> GradientCheck:
    """Compare the formula with finite differences in float64, and both engines' one-step update with the formula.

    Raises
    ------
    WrongGradient : names what is wrong and by how much
    """
    store = execution.store
    rows = store.open(split.train)[:ROWS]
    images, labels = (array[rows] for array in examples(store, training))
    with tracked(execution, "check_gradients", {"alpha": alpha, "seed": seed, "rows": len(rows)}) as run:
        errors = relative_errors(images, labels, classes, run.config["alpha"], run.config["seed"])
        run.summary.update({f"relative_error_{name}": error for name, error in errors.items()})
        for name, error in errors.items():
            if not error <= TOLERANCE[name]:
                raise WrongGradient(
                    f"the gradient is wrong: {name} is off by {error:.1e} of its largest entry, at most "
                    f"{TOLERANCE[name]:.0e} is rounding. Nothing was trained. Look into softmax/."
                )
    return GradientCheck(relative_errors=errors)
