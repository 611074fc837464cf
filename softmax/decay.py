"""Learning rate schedules."""

import math
from typing import Literal

Decay = Literal["none", "inverse_sqrt", "cosine"]


def decayed(learning_rate: float, decay: Decay, epoch: int, horizon: int) -> float:
    """The learning rate in an epoch t (≥ 1) of T: η; η / √t; or η (1 + cos(π (t − 1) / T)) / 2.

    The last one is Loshchilov and Hutter's (ICLR 2017), without restarts and down to 0. The rate depends on the epoch
    alone, so a resumed training continues exactly.
    """
    if decay == "inverse_sqrt":
        return learning_rate / math.sqrt(epoch)
    if decay == "cosine":
        return learning_rate * (1 + math.cos(math.pi * (epoch - 1) / horizon)) / 2
    return learning_rate
