"""Before a sweep starts: is the input usable, and where does everything go?"""

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
SPACE_PER_VALUE = 10  # bytes: the raw pixels, their float32 copy, and room for results


def check(experiment: Experiment, execution: Execution) -> None:
    """Look at everything that can be wrong with the input, without writing anything.

    Raises
    ------
    InputError : names the file or field, says what is wrong and what to do
    """
    check_search(experiment)
    if experiment.trials and not find_spec("optuna"):
        raise InputError(f"trials: drawing them needs more packages: {extras()}")
    if experiment.data and experiment.data_dir:
        raise InputError("data and data_dir both name a data set: give one of them")
    given = experiment.own_data
    if experiment.pictures and given is None:
        raise InputError("pictures: Fashion-MNIST's are 28x28; leave it out, or give your own data")
    if given is None:
        rows, *image = FASHION_MNIST["train_images"].shape
        values = rows * image[0] * image[1]
        training_rows = rows - math.ceil(rows * experiment.validation_fraction)
    elif isinstance(given, str) and given not in BUNDLED:
        values, training_rows = 0, sys.maxsize  # only OpenML knows
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
        raise InputError("nesterov: there is no momentum to look ahead along: give one, --momentum 0.9 say")
    if execution.wandb_mode == "online":
        check_logged_in()
    if experiment.engine == "numba" and os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        raise InputError("engine: NUMBA_DISABLE_JIT forbids compiling the kernel: unset it, or choose the engine numpy")
    check_runner(execution)
    if isinstance(execution.artifacts, Path):
        check_lasting(execution.artifacts)
    execution.storage.check(space=values * SPACE_PER_VALUE)


def check_logged_in() -> None:
    """Raise InputError unless W&B's client can say who is asking."""
    from wandb.errors import AuthenticationError

    try:
        known_by = credentials()[1]
    except (Malformed, AuthenticationError) as error:
        raise InputError(f"wandb_mode: online is not possible: {error}") from None
    if not known_by:
        raise InputError("wandb_mode: online needs an API key: run `wandb login`, or set WANDB_API_KEY")


def check_runner(execution: Execution) -> None:
    """Raise InputError unless there is what the trainings are to run on."""
    if execution.dask_address and execution.runner != "dask":
        raise InputError("dask_address: is for trainings on Dask: give --runner dask, too")
    if execution.dask_address and execution.workers:
        raise InputError("workers: a cluster that runs has its own: leave it out, or leave dask_address out")
    if execution.runner != "threads" and not execution.dask_address:
        try:
            multiprocessing.Lock()
        except OSError as error:
            raise InputError(
                f"runner: {execution.runner} starts processes, which this machine gives no semaphores ({error}): "
                "make /dev/shm writable, or train on threads"
            ) from error
    if execution.runner == "dask":
        if not find_spec("prefect_dask"):
            raise InputError(f"runner: dask needs more packages: {extras()}")
        workers(execution)


def workers(execution: Execution) -> int:
    """Return how many combinations are trained side by side."""
    if execution.runner == "dask":
        from execution.runners.scheduler import threads  # an extra, and it takes a second

        if execution.dask_address:
            return threads(execution.dask_address)
    return execution.workers or cores()


def check_lasting(folder: Path) -> None:
    """Raise InputError if Prefect's worker runs this in a checkout that it removes afterwards, `folder` with it."""
    here = Path.cwd()
    # What Prefect's worker makes for a run, and removes: …/tmp<letters>prefect/<repository>
    temporary = any(TEMPORARY.fullmatch(part) for part in here.parts)
    if "PREFECT__FLOW_RUN_ID" in os.environ and temporary and folder.expanduser().resolve().is_relative_to(here):
        raise InputError(
            f"artifacts: {folder.resolve()} lies in a temporary checkout, which is removed when the run ends, and all "
            "results with it: give the deployment an absolute folder that stays, as execution.artifacts"
        )


def named(experiment: Experiment, execution: Execution) -> str:
    """Return the sweep's name: the user's, else one of the experiment and of the digest of the code.

    So the same sweep has the same name each time it is run, and a sweep that was killed goes on under its own.
    """
    digest = hashlib.sha256((experiment.digest + code_digest()).encode()).hexdigest()[:8]
    return execution.name or f"{re.sub(r'[^A-Za-z0-9_]+', '-', experiment.data_name).strip('-') or 'data'}-{digest}"


def run_context(experiment: Experiment, execution: Execution, flow_run: str) -> RunContext:
    """Return the execution as it begins: with a name, an absolute root and a number of workers; offline at first."""
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
    """Return how many cores this process may keep busy: those it may run on, or what its control groups grant it.

    `root` : of the file system; cgroup v2, as containers and systemd's `CPUQuota=` have it
    """
    granted = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    with suppress(OSError):
        own = re.search(r"^0::/(.*)$", (root / "proc/self/cgroup").read_text(), re.MULTILINE)
        groups = root / "sys/fs/cgroup"
        for group in [groups / own[1], *(groups / own[1]).parents] if own else []:
            with suppress(OSError, ValueError):  # there is none of the root group, and it may say "max"
                quota, period = map(int, (group / "cpu.max").read_text().split())
                granted.append(math.ceil(quota / period))
    return min(granted)
