"""One Weights & Biases run per task run, linked with it both ways, every epoch in it once.

The W&B run's id is the task's identity (from its cache key) and its config carries the Prefect flow-run and
task-run ids; the Prefect task run says the W&B run's id in its log. A task that was killed and runs again
takes up its W&B run: online by resuming it after what the server has, offline by writing it anew.

W&B must never hurt a sweep. Where it cannot be reached the sweep goes on offline, after one warning.
"""

import logging
import shutil
import struct
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from prefect.context import TaskRunContext

from experiment import faults
from experiment.caching import identity
from experiment.config import Execution
from experiment.credentials import credentials
from softmax.sgd import Metrics

if TYPE_CHECKING:
    import wandb  # takes half a second, and a cached sweep does without

log = logging.getLogger("sweep")

PATIENCE = 10  # seconds that W&B may take to answer, to take a new run, or to take the rest of one

_setting_up = threading.Lock()
_gone_offline = threading.Event()  # this process has given up on reaching W&B


def decided(execution: Execution) -> Execution:
    """With the tracking mode settled, once for the sweep: an unasked-for or unreachable W&B means offline."""
    _gone_offline.clear()
    if execution.wandb_mode in ("offline", "disabled"):
        return execution
    from wandb.errors import AuthenticationError

    try:
        server, known_by = credentials()
        trouble = probe(server, getattr(known_by, "api_key", None)) if known_by else ""
    except AuthenticationError as error:
        known_by, trouble = None, f"the API key is invalid ({error})"
    if trouble:
        go_offline(trouble, execution)
    return execution.model_copy(update={"wandb_mode": "online" if known_by and not trouble else "offline"})


def probe(server: str, key: str | None) -> str:
    """Ask who the key belongs to; without one (there may be a token), whether anyone answers.

    Returns what is wrong, or "".
    """
    try:
        answer = requests.post(
            f"{server}/graphql",
            json={"query": "query Viewer { viewer { id } }"},
            auth=("api", key) if key else None,
            timeout=PATIENCE / 2,
        )
        if key and (answer.status_code in (401, 403) or (answer.ok and not answer.json()["data"]["viewer"])):
            return f"{server} does not accept the API key: it is invalid"
        answer.raise_for_status()
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        return f"{server} cannot be reached ({type(error).__name__})"
    return ""


@contextmanager
def tracked(execution: Execution, job_type: str, config: dict[str, Any], name: str = "") -> Iterator["wandb.Run"]:
    """The W&B run of the running Prefect task; ended as failed when the block raises.

    Parameters
    ----------
    job_type : the step
    config : what is to be seen in W&B and read back from `run.config`; the Prefect ids are added
    name : to display; the step's when left out
    """
    task_run = TaskRunContext.get()
    assert task_run is not None
    ids = {
        "prefect_flow_run_id": str(task_run.task_run.flow_run_id),
        "prefect_task_run_id": str(task_run.task_run.id),
    }
    run = start(execution, job_type=job_type, name=name or job_type, config=config | ids)
    log.info("W&B run %s %s", run.id, "(offline)" if run.offline else run.url, extra={"console": False})
    faults.point("tracking begun")
    try:
        yield run
    except BaseException:
        finish(run, execution, exit_code=1)
        raise
    finish(run, execution, exit_code=0)
    faults.point("tracking ended")


def start(execution: Execution, **about: Any) -> "wandb.Run":
    """Online, when that is the mode and W&B takes the run in time; else offline, in place of an earlier try."""
    import wandb

    with _setting_up:
        wandb.setup()
    folder = execution.artifacts / "wandb"
    folder.mkdir(parents=True, exist_ok=True)
    about |= {
        "id": identity(),
        "project": execution.wandb_project,
        "group": execution.name,
        "dir": execution.artifacts,
        "reinit": "create_new",
        "settings": wandb.Settings(
            silent=True,
            console="off",
            disable_git=True,
            disable_code=True,
            init_timeout=PATIENCE,
            finish_timeout=PATIENCE,
            finish_timeout_raises=True,
            # What a run would find out about the machine again and again is in the sweep's summary.
            x_save_requirements=False,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_transaction_log_flush_interval=1,  # seconds: what a killed run leaves can be synced up to there
        ),
    }
    if execution.wandb_mode == "online" and not _gone_offline.is_set():
        try:
            return wandb.init(mode="online", resume="allow", **about)
        except wandb.errors.Error as error:
            go_offline(f"a run could not be started ({error})", execution)
            about["id"] += "-offline"  # the client's service does not let go of an id that it could not start
    for earlier in folder.glob(f"offline-run-*-{about['id']}"):
        shutil.rmtree(earlier)  # its rows are all written again: `wandb sync` must not find them twice
    return wandb.init(mode="disabled" if execution.wandb_mode == "disabled" else "offline", **about)


def finish(run: "wandb.Run", execution: Execution, exit_code: int) -> None:
    folder = Path(run.dir).parent
    try:
        run.finish(exit_code=exit_code)
    except TimeoutError:
        folder.rename(folder.with_name(f"offline-{folder.name}"))  # so that `wandb sync` does not pass it over
        go_offline(f"run {run.id} could not be sent to its end", execution)


def go_offline(trouble: str, execution: Execution) -> None:
    """Warn once, and let all later runs of this process be offline ones."""
    if not _gone_offline.is_set():
        _gone_offline.set()
        log.warning(
            "W&B: %s. Tracking goes on offline; send it later with: wandb sync %s/wandb", trouble, execution.artifacts
        )


def log_epochs(run: "wandb.Run", rows: Iterable[Metrics]) -> None:
    """One row an epoch, its step the epoch; not again what a resumed run has."""
    for row in rows:
        if row.epoch >= run.starting_step:
            values = {name: value for name, value in row._asdict().items() if value == value or name == "train_loss"}
            run.log(values, step=row.epoch, commit=True)
            faults.point("epoch")


def warn_of_damage(execution: Execution, runs: Collection[str]) -> None:
    """Say which of these runs lie here, not sent, in a file that is not as W&B's client wrote it.

    Nothing of the sweep reads these files, so nothing else would notice before `wandb sync` does.
    """
    for folder in sorted((execution.artifacts / "wandb").glob("offline-run-*")):
        name = folder.name.split("-", 3)[-1]  # offline-run-<time>-<id>
        run = name.removesuffix("-offline")
        if run in runs and not whole(folder / f"run-{name}.wandb"):
            log.warning(
                "W&B: %s is damaged and cannot be sent whole. Remove %s/cache/%s* and run again: its step runs anew.",
                folder, execution.artifacts, run,
            )  # fmt: skip


def whole(path: Path) -> bool:
    """Whether every record of a `.wandb` file has the checksum that was written with it, to the file's end.

    LevelDB's log format (https://github.com/google/leveldb/blob/main/doc/log_format.md) after seven bytes of W&B's
    own, with zlib's CRC-32 of type and data.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return False
    position, block, header = 7, 32768, 7
    while position < len(content):
        if (left := block - position % block) < header:
            position += left
            continue
        if position + header > len(content):
            return False
        checksum, length, kind = struct.unpack_from("<IHB", content, position)
        data = content[position + header : position + header + length]
        if len(data) < length or zlib.crc32(data, zlib.crc32(bytes([kind]))) != checksum:
            return False
        position += header + length
    return position > header
