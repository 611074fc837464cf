"""Checks of the input before a sweep starts, and the settings that are resolved then."""

import hashlib
import math
import multiprocessing
import os
import re
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from execution.advice import extras
from execution.cache.closure import code_digest
from execution.config import PROJECT, Execution, RunContext
from execution.tracking.credentials import Malformed, credentials
from experiment.config import Experiment
from experiment.data.formats import FASHION_MNIST
from experiment.data.named import BUNDLED
from experiment.data.own import cached_own_data
from experiment.data.scaling import check_range
from experiment.data.split import stratified_rows
from experiment.defaults import settled
from experiment.errors import InputError
from experiment.search.sampling import check_search
from experiment.search.space import extent

TEMPORARY = re.compile(r"tmp\w+prefect|prefect-workspace\S*")
SPACE_PER_VALUE = 10  # bytes: raw pixels, a float32 copy, and results


def check(experiment: Experiment, execution: Execution) -> None:
    """Check the whole input without writing anything.

    Raises
    ------
    InputError : names the file or field, what is wrong with it and what to do
    """
    check_search(experiment)
    if experiment.trials and not find_spec("optuna"):
        raise InputError(f"trials: sampling needs more packages: {extras()}")
    if experiment.data and experiment.data_dir:
        raise InputError("data and data_dir both name a data set: give only one of them")
    given = experiment.own_data
    if experiment.pictures and given is None:
        raise InputError("pictures: Fashion-MNIST has 28x28 pictures: leave it out, or give your own data")
    if given is None:
        rows, *image = FASHION_MNIST["train_images"].shape
        values = rows * image[0] * image[1]
        training_rows = rows - math.ceil(rows * experiment.validation_fraction)
    elif isinstance(given, str) and given not in BUNDLED:
        values, training_rows = 0, sys.maxsize  # unknown until it is fetched from OpenML
    else:
        data = cached_own_data(
            given, experiment.label, experiment.seed, experiment.drop, experiment.pictures, experiment.missing
        ).arrays
        check_range(data, experiment.scaling, given)
        values = data.train_images.size + data.test_images.size
        training_rows = len(stratified_rows(data.train_labels, experiment.validation_fraction, experiment.seed).train)
    fitting, _ = settled(experiment, True, training_rows)
    if (largest := extent(fitting.grid["batch_size"])[1]) > training_rows:
        raise InputError(
            f"batch_sizes: {largest} is more than the {training_rows} training rows: choose a smaller batch size"
        )
    if experiment.nesterov and not extent(experiment.grid["momentum"])[1]:
        raise InputError("nesterov: it needs a momentum above 0: give one, for example --momentum 0.9")
    if execution.wandb_mode == "online":
        check_logged_in()
    if experiment.engine == "numba" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        raise InputError("engine: NUMBA_DISABLE_JIT forbids compilation: unset it, or choose the engine numpy")
    check_runner(execution)
    if isinstance(execution.artifacts, Path):
        check_lasting(execution.artifacts)
    execution.storage.check(space=values * SPACE_PER_VALUE)


def check_logged_in() -> None:
    """Raise InputError unless W&B's client has credentials."""
    try:
        known_by = credentials()[1]
    except Malformed as error:
        raise InputError(f"wandb_mode: online is not possible: {error}") from None
    if not known_by:
        raise InputError("wandb_mode: online needs an API key: run `wandb login`, or set WANDB_API_KEY")


def check_runner(execution: Execution) -> None:
    """Raise InputError unless the runner can be used here."""
    if execution.dask_address and execution.runner != "dask":
        raise InputError("dask_address: it needs the runner dask: give --runner dask, too")
    if execution.dask_address and execution.workers:
        raise InputError("workers: a running cluster has its own workers: leave it out, or leave dask_address out")
    if execution.runner != "threads" and not execution.dask_address:
        try:
            multiprocessing.Lock()
        except OSError as error:
            raise InputError(
                f"runner: {execution.runner} starts processes, which need semaphores, and this machine has none "
                f"({error}): make /dev/shm writable, or use the runner threads"
            ) from error
    if execution.runner == "dask":
        if not find_spec("prefect_dask"):
            raise InputError(f"runner: dask needs more packages: {extras()}")
        workers(execution)


def workers(execution: Execution) -> int:
    """The number of parallel trainings."""
    if execution.runner == "dask":
        from execution.runners.scheduler import threads  # an optional package, and slow to import

        if execution.dask_address:
            return threads(execution.dask_address)
    return execution.workers or cores()


def check_lasting(folder: Path) -> None:
    """Raise InputError if `folder` is in a checkout that Prefect's worker removes after the run."""
    here = Path.cwd()
    # Prefect's worker creates …/tmp<letters>prefect/<repository> for a run.
    temporary = any(TEMPORARY.fullmatch(part) for part in here.parts)
    if "PREFECT__FLOW_RUN_ID" in os.environ and temporary and folder.expanduser().resolve().is_relative_to(here):
        raise InputError(
            f"artifacts: {folder.resolve()} is in a temporary checkout, which is removed when the run ends, with all "
            "results: give the deployment a permanent absolute folder as execution.artifacts"
        )


def named(experiment: Experiment, execution: Execution) -> str:
    """The sweep's name: the user's, else one made from the data's name and a digest of experiment and code.

    The same sweep has the same name each time it runs, so a killed sweep continues under its own.
    """
    digest = hashlib.sha256((experiment.digest + code_digest()).encode()).hexdigest()[:8]
    return execution.name or f"{re.sub(r'[^A-Za-z0-9_]+', '-', experiment.data_name).strip('-') or 'data'}-{digest}"


def run_context(experiment: Experiment, execution: Execution, flow_run: str) -> RunContext:
    """The execution of a flow run, with every default resolved; W&B offline until its mode is decided."""
    artifacts = execution.artifacts
    settled = {
        "name": named(experiment, execution),
        "artifacts": artifacts.expanduser().resolve() if isinstance(artifacts, Path) else artifacts,
        "workers": workers(execution),
        "wandb_mode": execution.wandb_mode or "offline",
        "wandb_project": execution.wandb_project or PROJECT,
        "flow_run": flow_run,
    }
    return RunContext(**execution.model_dump() | settled)


def cores(root: Path = Path("/")) -> int:
    """The number of cores that this process may use, by its CPU affinity and its control groups.

    Control groups are version 2, as containers and systemd's `CPUQuota=` use them. `root` : of the file system
    """
    granted = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    with suppress(OSError):
        own = re.search(r"^0::/(.*)$", (root / "proc/self/cgroup").read_text(), re.MULTILINE)
        groups = root / "sys/fs/cgroup"
        for group in [groups / own[1], *(groups / own[1]).parents] if own else []:
            with suppress(OSError, ValueError):  # the root group has no such file, and a quota may be "max"
                quota, period = map(int, (group / "cpu.max").read_text().split())
                granted.append(math.ceil(quota / period))
    return min(granted)
