"""The choice of a step's tracker."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from execution import faults
from execution.config import RunContext
from execution.tracking import runs
from execution.tracking.tracker import Tracker, Untracked


@contextmanager
def tracked(execution: RunContext, job_type: str, name: str, config: dict[str, Any]) -> Iterator[Tracker]:
    """Track the running Prefect task; its record ends as failed when the block raises.

    Parameters
    ----------
    job_type : the step
    name : to display
    config : the step's settings, to be read back from the tracker's `config`

    Raises
    ------
    TrackerDied : run the block again
    """
    off = execution.wandb_mode == "disabled"
    with nullcontext(Untracked(config)) if off else runs.tracked(execution, job_type, name, config) as tracker:
        faults.point("tracking begun")
        yield tracker
    faults.point("tracking ended")
