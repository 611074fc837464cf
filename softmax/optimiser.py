"""Optimisers as values: what a step is, given a gradient and what the steps before left."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from softmax.loss import Floats


class Optimiser(Protocol):
    """Moves one array of parameters; W and b have a state each."""

    def init(self, parameter: Floats) -> tuple[Floats, ...]:
        """The state before the first step: arrays of the parameter's shape and dtype."""

    def step(self, gradient: Floats, state: tuple[Floats, ...], t: int) -> Floats:
        """The direction to step against, of the gradient's shape; `state` goes on in place.

        The parameter becomes θ − η · direction, with η the learning rate.

        Parameters
        ----------
        t : the number of this step in the training, from 1
        """


@dataclass(frozen=True)
class SGD:
    """Gradient descent; with momentum μ along v ← μ v + ∇f, or as Nesterov has it along ∇f + μ v.

    Sutskever, Martens, Dahl and Hinton, ICML 2013, with the velocity in PyTorch's units: docs/derivation.md.
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
