"""What a training reads, and the loop around it.

Every few seconds the state goes to a checkpoint and the new epochs to W&B. Together W&B's client takes them at half
the cost of one by one, which is a twentieth of the training.
"""

import os
import time
from collections.abc import Callable, Iterator
from threading import Condition
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache, cached
from numpy.typing import NDArray

from experiment import checkpoint, interruption
from experiment.caching import identity
from experiment.config import Execution
from experiment.results import TrainingSet
from experiment.store import ArrayRef, ArrayStore
from experiment.tracking import log_epochs
from softmax.loss import Images, Labels, grey_levels
from softmax.sgd import State

if TYPE_CHECKING:
    import wandb

CHECKPOINT_SECONDS = float(os.environ.get("SWEEP_CHECKPOINT_SECONDS", "5"))


def examples(store: ArrayStore, training: TrainingSet) -> tuple[Images, Labels]:
    """Images and labels; the images as grey levels if that is what they are, a quarter of the memory to read.

    Raises
    ------
    StoreError : a file is missing or altered
    """
    images, labels = store.open(training.images), store.open(training.labels)
    levels = levels_of(store, training.images)
    return images if levels is None else levels, labels


@cached(LRUCache(1), condition=Condition())  # the workers come all at once: one computes, the others wait
def levels_of(store: ArrayStore, images: ArrayRef) -> NDArray[np.uint8] | None:
    return grey_levels(store.open(images))


def follow(run: "wandb.Run", execution: Execution, epochs: Callable[..., Iterator[State]]) -> State:
    """Drive a training to its end, from its last checkpoint if there is one.

    Parameters
    ----------
    run : gets a row for every epoch, those of the checkpoint included
    epochs : `softmax.sgd.train` with everything but `state` bound

    Returns
    -------
    The last state.

    Raises
    ------
    Interrupted : stopping was asked for; the checkpoint is of the last epoch
    """
    path = execution.artifacts / "checkpoints" / f"{identity()}.ckpt"
    state = checkpoint.load(path, identity())
    run.define_metric("epoch", hidden=True)
    run.define_metric("*", step_metric="epoch")
    logged, saved = 0, time.monotonic()
    for latest in epochs(state=state):
        state = latest
        if interruption.requested() or time.monotonic() - saved >= CHECKPOINT_SECONDS:
            log_epochs(run, state.history[logged:])
            checkpoint.save(path, identity(), state)
            logged, saved = len(state.history), time.monotonic()
            if interruption.requested():
                raise interruption.Interrupted(f"stopped after epoch {len(state.history)}")
    assert state is not None
    log_epochs(run, state.history[logged:])
    return state
