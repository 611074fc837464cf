"""The loop around a training: each epoch goes to W&B, the state to a checkpoint now and then."""

import time
from collections.abc import Callable, Iterator

import wandb

from experiment import checkpoint
from experiment.caching import identity
from experiment.config import Execution
from softmax.sgd import State

CHECKPOINT_SECONDS = 5.0


def follow(run: wandb.Run, execution: Execution, epochs: Callable[..., Iterator[State]]) -> State:
    """Drive `epochs` from the last checkpoint, if there is one, to the end, and return the last state.

    Parameters
    ----------
    run : gets a row for every epoch, those of the checkpoint first
    epochs : `softmax.sgd.train` with everything but the state bound
    """
    path = execution.artifacts / "checkpoints" / f"{identity()}.ckpt"
    state = checkpoint.load(path, identity())
    run.define_metric("epoch", hidden=True)
    run.define_metric("*", step_metric="epoch")
    for row in state.history if state else ():
        run.log(row._asdict())
    saved = time.monotonic()
    for state in epochs(state=state):
        run.log(state.history[-1]._asdict())
        if time.monotonic() - saved >= CHECKPOINT_SECONDS:
            checkpoint.save(path, identity(), state)
            saved = time.monotonic()
    assert state is not None
    return state
