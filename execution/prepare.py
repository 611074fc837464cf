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
from execution.storage.choose import check as check_storage
from execution.tracking.credentials import Malformed, credentials
from experiment.config import Experiment
from experiment.data.formats import FASHION_MNIST
from experiment.data.named import BUNDLED
from experiment.data.own import cached_own_data
from experiment.data.scaling import check_range
from experiment.data.split import stratified_rows
from experiment.defaults import settled, with_folds
from experiment.errors import InputError
from experiment.search.sampling import check_grids, check_search
from experiment.search.space import extent
from experiment.values import expanded

TEMPORARY = re.compile(r"tmp\w+prefect|prefect-workspace\S*")
SPACE_PER_VALUE = 10  # bytes: raw pixels, a float32 copy, and results


def check(experiment: Experiment, execution: Execution) -> None:
    """Check the whole input without writing anything; InputError names the file or field, and what to do."""
    check_search(experiment)
    if experiment.trials and not find_spec("optuna"):
        raise InputError(f"trials: sampling needs more packages: {extras()}")
    if experiment.data and experiment.data_dir:
        raise InputError("data and data_dir both name a data set: give only one of them")
    given = experiment.own_data
    for name in ("label", "drop", "missing", "pictures"):
        if given is None and getattr(experiment, name):
            raise InputError(f"{name}: Fashion-MNIST needs none: leave it out, or give your own data")
    if given is None:
        rows, *image = FASHION_MNIST["train_images"].shape
        values = rows * image[0] * image[1]
        training_rows = rows - math.ceil(rows * experiment.validation_fraction)
        with_folds(experiment, False, {})
    elif isinstance(given, str) and given not in BUNDLED:
        values, training_rows = 0, sys.maxsize  # unknown until it is fetched from OpenML
        with_folds(experiment, True, {})
    else:
        own = cached_own_data(
            given, experiment.label, experiment.seed, experiment.drop, experiment.pictures, experiment.missing
        )
        data = own.arrays
        check_range(data, experiment.scaling, given)
        values = data.train_images.size + data.test_images.size
        folds = with_folds(experiment, True, own.info.rows_of_class).folds or 1
        rows = len(data.train_labels)
        training_rows = rows - math.ceil(rows / folds)
        if folds == 1:
            stratified = stratified_rows(data.train_labels, experiment.validation_fraction, experiment.seed)
            training_rows = len(stratified.train)
    fitting, _ = settled(experiment, given is not None, training_rows)
    if not experiment.trials:
        check_grids(fitting)
    if (largest := extent(fitting.grid["batch_size"])[1]) > training_rows:
        raise InputError(
            f"batch_sizes: {largest} is more than the {training_rows} training rows: choose a smaller batch size"
        )
    if experiment.nesterov and not extent(experiment.grid["momentum"])[1]:
        raise InputError("nesterov: it needs a momentum above 0: give one, for example --momentum 0.9")
    adam = "adam" in experiment.grid["optimizer"]
    if adam and not experiment.trials:
        adam = any(one.optimizer == "adam" and one.momentum for one in experiment.combinations)
    if adam and extent(experiment.grid["momentum"])[1]:
        raise InputError(
            "momentum: Adam has moments of its own: leave momentum or adam out, or give --where "
            "\"optimizer == 'sgd' or momentum == 0\""
        )
    if execution.wandb_mode == "online":
        try:
            known_by = credentials()[1]
        except Malformed as error:
            raise InputError(f"wandb_mode: online is not possible: {error}") from None
        if not known_by:
            raise InputError("wandb_mode: online needs an API key: run `wandb login`, or set WANDB_API_KEY")
    if experiment.engine == "numba" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        raise InputError("engine: NUMBA_DISABLE_JIT forbids compilation: unset it, or choose the engine numpy")
    if experiment.engine == "numba" and re.fullmatch(r"\s*(0+|-\d+)\s*", os.environ.get("NUMBA_NUM_THREADS", "")):
        raise InputError("engine: NUMBA_NUM_THREADS must be 1 or more: unset it, or choose the engine numpy")
    check_runner(execution)
    # Prefect's worker runs a deployment in …/tmp<letters>prefect/<repository>, which it removes afterwards.
    here, folder = Path.cwd(), execution.artifacts
    temporary = "PREFECT__FLOW_RUN_ID" in os.environ and any(map(TEMPORARY.fullmatch, here.parts))
    if temporary and isinstance(folder, Path) and expanded(folder).resolve().is_relative_to(here):
        raise InputError(
            f"artifacts: {folder.resolve()} is in a temporary checkout, which is removed when the run ends, with all "
            "results: give the deployment a permanent absolute folder as execution.artifacts"
        )
    check_storage(execution.storage, space=values * SPACE_PER_VALUE)


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


def named(experiment: Experiment, execution: Execution) -> str:
    """The sweep's name: the user's, else one made from the data's name and a digest of experiment and code."""
    digest = hashlib.sha256((experiment.digest + code_digest()).encode()).hexdigest()[:8]
    return execution.name or f"{re.sub(r'[^A-Za-z0-9_]+', '-', experiment.data_name).strip('-') or 'data'}-{digest}"


def run_context(experiment: Experiment, execution: Execution, flow_run: str) -> RunContext:
    """The execution of a flow run, with every default resolved; W&B offline until its mode is decided."""
    artifacts = execution.artifacts
    settled = {
        "name": named(experiment, execution),
        "artifacts": expanded(artifacts).resolve() if isinstance(artifacts, Path) else artifacts,
        "workers": workers(execution),
        "wandb_mode": execution.wandb_mode or "offline",
        "wandb_project": execution.wandb_project or PROJECT,
        "flow_run": flow_run,
    }
    return RunContext(**execution.model_dump() | settled)


def cores(root: Path = Path("/")) -> int:
    """The number of cores that this process may use, by its CPU affinity and its control groups (below `root`)."""
    granted = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    with suppress(OSError):
        # Version 2 has one hierarchy, without a list of controllers; version 1 has one for `cpu`.
        own = r"^\d+:(|(?:.*,)?cpu(?:,.*)?):/(.*)$"
        for controllers, name in re.findall(own, (root / "proc/self/cgroup").read_text(), re.MULTILINE):
            files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
            group = root / "sys/fs/cgroup" / controllers / name
            for level in (group, *group.parents):
                with suppress(OSError, ValueError):  # the root group has no such file, and a quota may be "max" or -1
                    quota, period = map(int, " ".join((level / file).read_text() for file in files).split())
                    granted += [math.ceil(quota / period)] if quota > 0 else []
    return min(granted)
