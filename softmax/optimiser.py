"""Optimisers: the direction of a step from a gradient and the state of earlier steps."""

import math
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


@dataclass(frozen=True)
class Adam:
    """Steps along the mean of the gradients over the root of the mean of their squares, both fading.

    m ← β₁ m + (1 − β₁) ∇f,  v ← β₂ v + (1 − β₂) (∇f)²,  direction = m / (1 − β₁ᵗ) / (√v / √(1 − β₂ᵗ) + ε)

    Kingma and Ba (ICLR 2015), with PyTorch's defaults and place of ε. An L2 penalty is part of the gradient, as in
    `torch.optim.Adam` with `weight_decay`: not the decoupled one of AdamW.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def init(self, parameter: Floats) -> tuple[Floats, ...]:
        return np.zeros_like(parameter), np.zeros_like(parameter)

    def step(self, gradient: Floats, state: tuple[Floats, ...], t: int) -> Floats:
        mean, square = state
        number = mean.dtype.type
        mean[...] = number(self.beta1) * mean + number(1 - self.beta1) * gradient
        square[...] = number(self.beta2) * square + number(1 - self.beta2) * gradient**2
        root = number(1 / math.sqrt(1 - self.beta2**t)) * np.sqrt(square)
        return number(1 / (1 - self.beta1**t)) * mean / (root + number(self.epsilon))
