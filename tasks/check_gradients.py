"""Step 4: check the gradients on the data, before training."""

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import WrongGradient
from experiment.results.trained import GradientCheck
from experiment.values import FoldData
from softmax.check import relative_errors
from softmax.sgd import Engine

CHECKED_ROWS = 8
ALPHA = 0.5  # large enough for a wrong penalty to exceed rounding errors
TOLERANCE = {"formula": 1e-6, "numba": 1e-4, "numpy": 1e-4}  # float64 differences; float32 steps


@step("check_gradients")
def check_gradients(run: Run, data: FoldData, seed: int, engine: Engine = "numba") -> GradientCheck:
    """The relative errors of the formula (against finite differences) and of the engines (against the formula).

    WrongGradient if one is larger than its tolerance.
    """
    rows = run.open(data.train)[:CHECKED_ROWS]
    images, labels = run.open(data.images)[rows], run.open(data.labels)[rows]
    errors = relative_errors(images, labels, classes=data.classes, alpha=ALPHA, **run.config)
    run.tracker.summarize(rows=len(rows), **{f"relative_error_{name}": error for name, error in errors.items()})
    for name, error in errors.items():
        if not error <= TOLERANCE[name]:
            raise WrongGradient(
                f"the gradient is wrong: {name} has a relative error of {error:.1e}, but rounding explains at most "
                f"{TOLERANCE[name]:.0e}. Nothing was trained. Look into softmax/."
            )
    return GradientCheck(relative_errors=errors)
