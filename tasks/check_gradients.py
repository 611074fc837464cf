"""Step 4: before anything is trained, is the gradient right on this very data?"""

from execution.steps.run import Run
from execution.steps.step import step
from experiment.errors import WrongGradient
from experiment.results.examples import TrainingSet
from experiment.results.gradient_check import GradientCheck
from experiment.results.split import Split
from softmax.check import relative_errors
from softmax.sgd import Engine

ROWS = 8
ALPHA = 0.5  # large enough that a penalty on the bias, or none on the weights, is beyond rounding
TOLERANCE = {"formula": 1e-6, "numba": 1e-4, "numpy": 1e-4}  # float64 differences; float32 steps


@step("check_gradients")
def check_gradients(
    run: Run, training: TrainingSet, split: Split, classes: int, seed: int, engine: Engine = "numba"
) -> GradientCheck:
    """Compare the formula with finite differences in float64, and the engines' steps with the formula's.

    Raises
    ------
    WrongGradient : names what is wrong and by how much
    """
    rows = run.open(split.train)[:ROWS]
    images, labels = run.open(training.images)[rows], run.open(training.labels)[rows]
    errors = relative_errors(images, labels, alpha=ALPHA, **run.config)
    run.tracker.summarize(rows=len(rows), **{f"relative_error_{name}": error for name, error in errors.items()})
    for name, error in errors.items():
        if not error <= TOLERANCE[name]:
            raise WrongGradient(
                f"the gradient is wrong: {name} is off by {error:.1e} of its largest entry, at most "
                f"{TOLERANCE[name]:.0e} is rounding. Nothing was trained. Look into softmax/."
            )
    return GradientCheck(relative_errors=errors)
