"""The loop around a training: each epoch goes to W&B, the state to a checkpoint now and then."""

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from experiment import checkpoint, interruption
from experiment.caching import identity
from experiment.config import Execution
from experiment.tracking import log_epoch
from softmax.sgd import State

if TYPE_CHECKING:
    import wandb

CHECKPOINT_SECONDS = float(os.environ.get("SWEEP_CHECKPOINT_SECONDS", "5"))


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
    for row in state.history if state else ():
        log_epoch(run, row)
    saved = time.monotonic()
    for latest in epochs(state=state):
        state = latest
        log_epoch(run, state.history[-1])
        if interruption.requested() or time.monotonic() - saved >= CHECKPOINT_SECONDS:
            checkpoint.save(path, identity(), state)
            saved = time.monotonic()
            if interruption.requested():
                raise interruption.Interrupted(f"stopped after epoch {len(state.history)}")
    assert state is not None
    return state
