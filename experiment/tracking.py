"""One Weights & Biases run per task run, linked with it both ways.

The W&B run's id is the task's identity (from its cache key), its config carries the Prefect flow-run and
task-run ids, and the task run says in its log which W&B run it is.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import wandb
from prefect.context import TaskRunContext

from experiment.caching import identity
from experiment.config import Execution

log = logging.getLogger("sweep")


def decided(execution: Execution) -> Execution:
    """With the tracking mode settled: as asked for; otherwise online when there is an API key, else offline."""
    if execution.wandb_mode:
        return execution
    mode = "online" if os.environ.get("WANDB_API_KEY") else "offline"
    return execution.model_copy(update={"wandb_mode": mode})


@contextmanager
def tracked(execution: Execution, job_type: str, config: dict[str, Any], name: str = "") -> Iterator[wandb.Run]:
    """The W&B run of the running Prefect task.

    Parameters
    ----------
    job_type : the step
    config : what is to be seen in W&B and read back from `run.config`; the Prefect ids are added
    name : display name; the step's when left out
    """
    task_run = TaskRunContext.get()
    assert task_run is not None
    folder = execution.artifacts / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        id=identity(),
        project=execution.wandb_project,
        group=execution.name,
        job_type=job_type,
        name=name or job_type,
        mode=execution.wandb_mode,
        dir=folder.parent,
        config=config
        | {
            "prefect_flow_run_id": str(task_run.task_run.flow_run_id),
            "prefect_task_run_id": str(task_run.task_run.id),
        },
        reinit="create_new",
        settings=wandb.Settings(silent=True, console="off"),
    )
    log.info("W&B run %s", run.id, extra={"console": False})
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()
