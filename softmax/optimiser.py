"""Optimisers: the direction of a step from a gradient and the state of earlier steps."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from softmax.loss import Floats


class Optimiser(Protocol):
    """An optimiser of one parameter array; W and b have separate states."""

    def init(self, parameter: Floats) -> tuple[Floats, ...]:
        """The state before the first step: arrays of the parameter's shape and dtype."""

    def step(self, gradient: Floats, state: tuple[Floats, ...], t: int) -> Floats:
        """The direction of a step, of the gradient's shape; `state` is updated in place.

        The new parameter is θ − η · direction, with learning rate η.

        Parameters
        ----------
        t : the number of the step, counted from 1
        """


@dataclass(frozen=True)
class SGD:
    """Gradient descent; with momentum μ the direction is v ← μ v + ∇f, or ∇f + μ v in Nesterov's form.

    Sutskever, Martens, Dahl and Hinton (ICML 2013), with the velocity in PyTorch's units: see docs/derivation.md.
    """

    momentum: float = 0.0
    nesterov: bool = False

    def init(self, parameter: Floats) -> tuple[Floats, ...]:
        return (np.zeros_like(parameter),) if self.momentum else ()

    def step(self, gradient: Floats, state: tuple[Floats, ...], t: int) -> Floats:
        if not state:
            return gradient
        (velocity,) = state
        mu = velocity.dtype.type(self.momentum)
        velocity[...] = mu * velocity + gradient
        return gradient + mu * velocity if self.nesterov else velocity
