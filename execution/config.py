"""How numbers are computed and where they are stored. No setting here may change a result."""

import re
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from execution.orchestration.run_state import RunState
from execution.storage import AnyStorage, root, storage_at
from experiment.values import Frozen

Mode = Literal["offline", "online", "disabled"]
Runner = Literal["threads", "processes", "dask"]
Step = Literal["download", "split", "scale", "check_gradients", "train", "select", "retrain", "evaluate", "analyse"]
Stop = Literal["download", "check_gradients", "train", "select", "retrain", "evaluate"]
PROJECT = "softmax-sweep"
NUMBER, UNITS = r"\d+(?:\.\d+)?", {"s": 1, "m": 60, "h": 3600, "d": 86400}  # of a time limit


def no_reserved_name(name: str | None) -> str | None:
    if name == "latest":
        raise ValueError("'latest' always points to the newest sweep: choose another name")
    return name


def seconds_of(given: object) -> object:
    """Seconds for 90s, 10m, 1h30m or 600; other values, such as ISO 8601, are left to pydantic."""
    if isinstance(given, str) and re.fullmatch(NUMBER, given):
        return float(given)
    if isinstance(given, str) and re.fullmatch(rf"({NUMBER}[smhd])+", given):
        return sum(float(number) * UNITS[unit] for number, unit in re.findall(rf"({NUMBER})([smhd])", given))
    return given


class Execution(Frozen):
    """How numbers are computed and where they are stored."""

    name: Annotated[str | None, AfterValidator(no_reserved_name)] = Field(
        None,
        pattern=r"^[\w-]+$",
        max_length=100,
        description="Name of the sweep's folder and W&B group: letters, digits, '-' and '_'. Default: made from the "
        "experiment.",
    )
    artifacts: Annotated[str | Path, AfterValidator(root), WithJsonSchema({"type": "string"})] = Field(
        Path("artifacts"),
        description="Artifact root, where all results are stored: a folder, or an address in an object store: "
        "s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.",
    )
    workers: int | None = Field(None, ge=1, description="Number of parallel trainings. Default: one per core.")
    runner: Runner = Field(
        "threads",
        description="Where combinations are trained: on threads of this program, processes of this machine, or a Dask "
        "cluster.",
    )
    dask_address: str | None = Field(
        None,
        pattern=r"^(tcp|tls|ws|wss)://\S+$",
        description="Scheduler of a running Dask cluster, for example tcp://host:8786. Default: a cluster on this "
        "machine for the duration of the sweep.",
    )
    batch_per_task: int = Field(
        1,
        ge=1,
        description="Maximum number of trainings in one Prefect task run. More than 1 hides details of each training, "
        "but halves the cost of thousands of trainings that take milliseconds each.",
    )
    wandb_mode: Mode | None = Field(
        None,
        description="Weights & Biases mode. Default: from W&B's own settings (WANDB_MODE, its settings files), else "
        "online if there is an API key, else offline.",
    )
    wandb_project: str | None = Field(
        None,
        pattern=r"^[^/\\#?%:\s][^/\\#?%:]*$",
        max_length=128,
        description="Weights & Biases project: no '/', '\\', '#', '?', '%' or ':'. Default: from W&B's own settings "
        f"(WANDB_PROJECT), else {PROJECT}.",
    )
    wandb_entity: str | None = Field(
        None,
        pattern=r"^[\w.-]+$",
        max_length=128,
        description="Weights & Biases user or team: letters, digits, '-', '_' and '.'. Default: from W&B's own "
        "settings (WANDB_ENTITY), else the owner of the API key.",
    )
    time_limit: Annotated[timedelta | None, BeforeValidator(seconds_of)] = Field(
        None,
        gt=timedelta(0),
        description="Time limit, for example 90s, 10m or 2h. After it no training begins and running ones stop after "
        "their current epoch; the best finished one is retrained and tested. Running again continues.",
    )
    approve: bool = Field(
        False,
        description="Suspend the flow run before the test set is opened and before the model becomes champion, until a "
        "person approves in the Prefect UI. For runs of a deployment.",
    )
    until: Stop | None = Field(
        None,
        description="Step after which the sweep stops. What was done is cached: the same command without it continues.",
    )
    refresh: tuple[Step, ...] = Field(
        (),
        description="Steps to run again though they are cached. It is said whether their results are the same.",
    )
    keep: int | None = Field(
        None,
        ge=1,
        description="Number of newest sweeps to keep: when this one has finished, what none of them needs is removed, "
        "W&B runs that were never sent included. Default: nothing is removed.",
    )
    fail_fast: bool = Field(
        False, description="Stop at the first training that fails. Default: the others are finished, and cached."
    )
    checkpoint_seconds: float = Field(
        5.0, ge=0, allow_inf_nan=False, description="Seconds between checkpoints: the most work that a kill can lose."
    )

    @cached_property
    def storage(self) -> AnyStorage:
        return storage_at(self.artifacts)


class RunContext(Execution):
    """The execution of one flow run, with every default resolved. Each task gets it as an argument, in any process."""

    name: str
    workers: int
    wandb_mode: Mode
    wandb_project: str
    wandb_decided: str = ""  # where the mode came from
    flow_run: str  # id
    origin: dict[str, Any] = Field(default_factory=dict)  # of the figures, for the config of W&B runs

    @cached_property
    def state(self) -> RunState:
        return RunState(storage=self.storage, flow_run=self.flow_run)

    @property
    def time_is_up(self) -> bool:
        """Whether the time limit is over; without one the storage is not asked."""
        return self.time_limit is not None and self.state.time_is_up
