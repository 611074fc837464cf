"""How the numbers are computed and where they are kept. Nothing in here may change a result."""

import re
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from execution.orchestration.run_state import RunState
from execution.storage.choose import AnyStorage, root, storage_at
from experiment.values import Frozen

Mode = Literal["offline", "online", "disabled"]
Runner = Literal["threads", "processes", "dask"]
PROJECT = "softmax-sweep"
NUMBER, UNITS = r"\d+(?:\.\d+)?", {"s": 1, "m": 60, "h": 3600, "d": 86400}  # of a time limit


def no_reserved_name(name: str | None) -> str | None:
    if name == "latest":
        raise ValueError("'latest' always points to the newest sweep: choose another name")
    return name


def seconds_of(given: object) -> object:
    """Return the seconds that 90s, 10m, 1h30m or 600 are; all else is pydantic's, ISO 8601 say."""
    if isinstance(given, str) and re.fullmatch(NUMBER, given):
        return float(given)
    if isinstance(given, str) and re.fullmatch(rf"({NUMBER}[smhd])+", given):
        return sum(float(number) * UNITS[unit] for number, unit in re.findall(rf"({NUMBER})([smhd])", given))
    return given


class Execution(Frozen):
    """How the numbers are computed and where they are kept."""

    name: Annotated[str | None, AfterValidator(no_reserved_name)] = Field(
        None,
        pattern=r"^[\w-]+$",
        max_length=100,
        description="Name of the sweep's folder and W&B group: letters, digits, '-' and '_'. Left out: from the "
        "experiment.",
    )
    artifacts: Annotated[str | Path, AfterValidator(root), WithJsonSchema({"type": "string"})] = Field(
        Path("artifacts"),
        description="Where everything a run leaves behind is kept: a folder, or a place in an object store as "
        "s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
    )
    workers: int | None = Field(None, ge=1, description="Combinations trained side by side. Left out: one per core.")
    runner: Runner = Field(
        "threads",
        description="Where combinations are trained: on threads of this program, on processes of this machine, or on "
        "a Dask cluster.",
    )
    dask_address: str | None = Field(
        None,
        pattern=r"^(tcp|tls|ws|wss)://\S+$",
        description="Scheduler of a Dask cluster that runs: tcp://host:8786, say. Left out: a cluster of this machine "
        "for the time of the sweep.",
    )
    batch_per_task: int = Field(
        1,
        ge=1,
        description="Trainings that share a Prefect task run, at most: less to see of each, for less than half the "
        "cost where there are thousands that take milliseconds.",
    )
    wandb_mode: Mode | None = Field(
        None,
        description="Weights & Biases tracking. Left out: as W&B's own settings say (WANDB_MODE, its settings files), "
        "else online when an API key is there, else offline.",
    )
    wandb_project: str | None = Field(
        None,
        pattern=r"^[^/\\#?%:\s][^/\\#?%:]*$",
        max_length=128,
        description="Weights & Biases project: no '/', '\\', '#', '?', '%' or ':'. Left out: as W&B's own settings "
        f"say (WANDB_PROJECT), else {PROJECT}.",
    )
    wandb_entity: str | None = Field(
        None,
        pattern=r"^[\w.-]+$",
        max_length=128,
        description="Weights & Biases user or team: letters, digits, '-', '_' and '.'. Left out: as W&B's own settings "
        "say (WANDB_ENTITY), else whose API key it is.",
    )
    time_limit: Annotated[timedelta | None, BeforeValidator(seconds_of)] = Field(
        None,
        gt=timedelta(0),
        description="After that time, 90s, 10m or 2h say, no training begins and those under way end at their next "
        "epoch; the best of what is finished is retrained and tested. Run again, it goes on.",
    )
    checkpoint_seconds: float = Field(
        5.0, ge=0, allow_inf_nan=False, description="A training is kept about that often: what a kill costs at most."
    )

    @cached_property
    def storage(self) -> AnyStorage:
        return storage_at(self.artifacts)


class RunContext(Execution):
    """An execution that has begun: everything left out is settled, and it belongs to a flow run.

    Passed to every task; all that a task needs to know of where it runs, in whatever process.
    """

    name: str
    workers: int
    wandb_mode: Mode
    wandb_project: str
    wandb_decided: str = ""  # by whom or what the mode was
    flow_run: str  # its id

    @cached_property
    def state(self) -> RunState:
        return RunState(storage=self.storage, flow_run=self.flow_run)
