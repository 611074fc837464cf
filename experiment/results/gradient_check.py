"""What `check_gradients` returns."""

from experiment.values import Result


class GradientCheck(Result):
    relative_errors: dict[str, float]  # as `softmax.check.relative_errors` gives them
