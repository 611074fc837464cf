"""W&B's client and its service process, which is restarted if it dies."""

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from execution.config import RunContext
from execution.storage import layout
from execution.storage.permissions import user_cache, writable
from execution.tracking.credentials import Malformed, forget_other_runs, settings
from execution.tracking.mode import PATIENCE, go_offline
from execution.tracking.tracker import TrackerDied
from experiment.errors import SweepError

if TYPE_CHECKING:
    from wandb.sdk.wandb_settings import Settings
    from wandb.sdk.wandb_setup import _WandbSetup

RETRIES = 2

_beginning = threading.Lock()


def begin(folder: Path) -> "_WandbSetup":
    """This process's client, ready to start runs in a folder."""
    import wandb
    from wandb.sdk import wandb_setup

    with _beginning:
        set_up(folder)
        client = wandb_setup.singleton()
        client.ensure_service()  # inside `wandb.setup` a service that dies at its start would cause a deadlock
        if client.settings.x_graphql_retry_max != RETRIES:  # a new client
            wandb.setup(client_settings(client.settings))
            atexit.register(let_go, client)
    return client


@contextmanager
def surviving(execution: RunContext) -> Iterator[None]:
    """Turn the death of the service, or a failed start, into a warning.

    Raises
    ------
    TrackerDied : the next run starts another service, and is offline
    """
    client = None
    try:
        client = begin(execution.storage.folder(layout.TRACKING))
        yield
    except BaseException as error:
        if client and not dead(client):
            raise
        if client:
            let_go(client)
        if isinstance(error, SweepError) or not isinstance(error, Exception):
            raise
        if not execution.state.stop_requested:  # a signal to the program may have ended the service first
            go_offline(execution, f"its service died, for want of memory perhaps ({type(error).__name__})")
        raise TrackerDied from error


def dead(client: "_WandbSetup") -> bool:
    """Whether the connection to the client's service has failed, in either direction."""
    socket = client.ensure_service()._client  # a busy service would answer late
    return bool(socket._broken_exc or socket._mailbox._closed)


def let_go(client: "_WandbSetup") -> None:
    """Make W&B's client forget its service if that is dead, unless another thread has done so."""
    from wandb.sdk import wandb_setup

    with _beginning:
        cleanup = client.ensure_service()._cleanup
        # Not with `wandb.teardown`, which would ask the dead service to end, and then end this program.
        if wandb_setup._singleton is client and dead(client) and cleanup:
            cleanup()  # or the client would ask it to end at exit
            wandb_setup._singleton = None
            set_up.cache_clear()


def client_settings(users: "Settings") -> "Settings":
    """Settings of all runs. The user's own take precedence, except for how a run ends.

    They are set once, since the client needs a twentieth of a millisecond for each.
    """
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
    if not ({"HOME", "XDG_CACHE_HOME"} & os.environ.keys() and writable(user_cache() / "wandb")):
        os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "cache"))
    # An offline run's tables are sent from this folder when the run is synced.
    os.environ.setdefault("WANDB_DATA_DIR", str(folder / "staging"))
    with suppress(Malformed):  # `mode.settled` has warned of it
        settings()
