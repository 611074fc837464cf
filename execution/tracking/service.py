"""W&B's client and its service process, which is restarted if it dies."""

import atexit
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from platformdirs import user_cache_path

from execution.config import RunContext
from execution.storage import layout
from execution.storage.files import writable
from execution.tracking.credentials import Malformed, forget_other_runs, settings
from execution.tracking.mode import PATIENCE, go_offline
from execution.tracking.tracker import TrackerDied
from experiment.errors import SweepError

if TYPE_CHECKING:
    from wandb.sdk.wandb_settings import Settings

RETRIES = 2
SECONDS_TO_ANSWER: float = 30

_beginning = threading.Lock()


def begin(folder: Path) -> Any:
    """This process's client, ready to start runs in a folder."""
    import wandb
    from wandb.sdk import wandb_setup

    with _beginning:
        set_up(folder)
        client = wandb_setup.singleton()
        client.ensure_service()  # inside `wandb.setup` a service that dies at its start would cause a deadlock
        if client.settings.x_graphql_retry_max != RETRIES:  # a new client
            wandb.setup(client_settings(client.settings))
            if not wandb.env.is_debug():  # its log of each run has 18 lines about itself, which take a millisecond
                logging.getLogger("wandb").setLevel(logging.WARNING)
            atexit.register(let_go, client)
            watch(client.ensure_service())
    return client


@contextmanager
def surviving(execution: RunContext) -> Iterator[None]:
    """Turn the death of the service, or a failed start, into a warning and TrackerDied: the next run is offline."""
    client = None
    try:
        client = begin(execution.storage.folder(layout.TRACKING))
        yield
    except BaseException as error:
        if client and not dead(client.ensure_service()):
            raise
        if client:
            let_go(client)
        if isinstance(error, SweepError) or not isinstance(error, Exception):
            raise
        if not execution.state.stop_requested:  # a signal to the program may have ended the service first
            go_offline(execution, f"its service died or did not answer ({type(error).__name__})")
        raise TrackerDied from error


def watch(service: Any) -> None:
    """Kill a service that stands still or does not end: the client would wait for it without limit.

    When the program ends, it asks the service to end, which then does not answer any more.
    """
    processes = [child for child in psutil.Process().children() if child.name().startswith("wandb-core")]
    answered = threading.Event()

    def ask() -> None:
        while not dead(service, timeout=None):
            answered.set()
            time.sleep(SECONDS_TO_ANSWER / 10)

    def kill() -> None:
        # Twice, since this computer may have slept: then the answer comes now.
        while answered.wait(SECONDS_TO_ANSWER) or answered.wait(SECONDS_TO_ANSWER):
            answered.clear()
        for process in processes:
            with suppress(psutil.Error):
                process.kill()

    for work in (ask, kill):
        threading.Thread(target=work, name=f"W&B's service: {work.__name__}", daemon=True).start()


def dead(service: Any, timeout: float | None = 0) -> bool:
    """Whether the connection to the service has failed, in either direction.

    Parameters
    ----------
    timeout : seconds to wait for an answer, without which it counts as alive, for it may be busy; None: no limit
    """
    from wandb.proto.wandb_api_pb2 import ApiRequest  # type: ignore[attr-defined]  # made at import
    from wandb.sdk.lib.service.service_connection import WandbApiFailedError

    try:
        service.api_request(ApiRequest(), timeout=timeout)
    except WandbApiFailedError as error:
        return "not running" in str(error)
    except Exception:
        return True
    return False


def let_go(client: Any) -> None:
    """Make W&B's client forget its service if that is dead, unless another thread has done so."""
    import wandb
    from wandb.sdk import wandb_setup

    with _beginning:
        if wandb_setup.singleton() is client and dead(client.ensure_service()):
            with suppress(Exception, SystemExit):  # it asks the dead service to end, and would end this program, too
                wandb.teardown()
            set_up.cache_clear()


def client_settings(users: "Settings") -> "Settings":
    """Settings of all runs. The user's own take precedence, except for how a run ends."""
    import wandb

    ours = {
        "console": "off",
        "symlink": False,
        "disable_git": True,
        "disable_code": True,
        "init_timeout": PATIENCE,
        # The sweep's summary has the facts about the machine.
        "x_save_requirements": False,
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
        "x_transaction_log_flush_interval": 1,  # seconds: a killed run can be synced up to the last flush
    }
    return wandb.Settings(
        **{name: value for name, value in ours.items() if name not in users.model_fields_set},
        silent=True,
        finish_timeout=PATIENCE,
        finish_timeout_raises=True,
        # While it sends an artifact, the client repeats requests for up to 20 minutes by default before a run can
        # end. With a shorter time than a run has to finish, it would lose the artifact and report the run as sent.
        x_graphql_timeout_seconds=PATIENCE / 2,
        x_graphql_retry_max=RETRIES,
        x_graphql_retry_wait_min_seconds=PATIENCE / 2,
        x_graphql_retry_wait_max_seconds=PATIENCE / 2,
    )


@cache
def set_up(folder: Path) -> None:
    """Prepare this process for its client."""
    # A pool's process gets the variables of the flow's process with each task, including its W&B service, which would
    # still have the runs of a killed process.
    forget_other_runs()
    # Without a cache folder the client's service writes its log to the terminal.
    if not ({"HOME", "XDG_CACHE_HOME"} & os.environ.keys() and writable(user_cache_path("wandb"))):
        os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "cache"))
    # An offline run's tables are sent from this folder when the run is synced.
    os.environ.setdefault("WANDB_DATA_DIR", str(folder / "staging"))
    with suppress(Malformed):  # `mode.settled` has warned of it
        settings()
