"""The choice of a step's tracker."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from execution import faults
from execution.config import RunContext
from execution.tracking import runs
from execution.tracking.tracker import Tracker, Untracked


@contextmanager
def tracked(
    execution: RunContext, identity: str, job_type: str, name: str, config: dict[str, Any]
) -> Iterator[Tracker]:
    """Track the running Prefect task; its record ends as failed when the block raises. TrackerDied: run it again.

    `identity`: of the result, which names its record; `config`: settings, to be read back from the tracker's `config`.
    """
    off = execution.wandb_mode == "disabled"
    run = nullcontext(Untracked(config)) if off else runs.tracked(execution, identity, job_type, name, config)
    with run as tracker:
        faults.point("tracking begun")
        yield tracker
    faults.point("tracking ended")
