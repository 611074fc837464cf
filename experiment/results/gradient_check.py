"""The result of `check_gradients`."""

from experiment.values import Result


class GradientCheck(Result):
    relative_errors: dict[str, float]  # of `softmax.check.relative_errors`
