"""W&B's client and the service process of its own that it hands everything to: begun, and begun anew if it dies."""

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
    """Return this process's client, ready to begin runs in a folder."""
    import wandb
    from wandb.sdk import wandb_setup

    with _beginning:
        set_up(folder)
        client = wandb_setup.singleton()
        client.ensure_service()  # inside `wandb.setup` one that dies as it begins would have it wait for itself
        if client.settings.x_graphql_retry_max != RETRIES:  # it has begun, or begun anew
            wandb.setup(client_settings(client.settings))
            atexit.register(let_go, client)
    return client


@contextmanager
def surviving(execution: RunContext) -> Iterator[None]:
    """Let the death of the service, or one that cannot be started, cost a warning and not the sweep.

    Raises
    ------
    TrackerDied : another one begins with the next run, which is an offline one
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
        if not execution.state.stop_requested:  # what ends the program may well have ended the service first
            go_offline(execution, f"its service died, for want of memory perhaps ({type(error).__name__})")
        raise TrackerDied from error


def dead(client: "_WandbSetup") -> bool:
    """Return whether the connection to the client's service has failed, in either direction."""
    socket = client.ensure_service()._client  # to ask the service itself would take as long as it is busy
    return bool(socket._broken_exc or socket._mailbox._closed)


def let_go(client: "_WandbSetup") -> None:
    """Have W&B's client forget its service if that is dead, unless another thread has seen to it."""
    from wandb.sdk import wandb_setup

    with _beginning:
        cleanup = client.ensure_service()._cleanup
        # Not by `wandb.teardown`: it would have the dead service end, and then this program.
        if wandb_setup._singleton is client and dead(client) and cleanup:
            cleanup()  # or it would be asked to end when the program does
            wandb_setup._singleton = None
            set_up.cache_clear()


def client_settings(users: "Settings") -> "Settings":
    """Return what holds for all runs where the user has not settled it; how a run ends is not theirs to settle.

    Said once: the client takes a twentieth of a millisecond for each.
    """
    import wandb

    ours = {
        "console": "off",
        "symlink": False,
        "disable_git": True,
        "disable_code": True,
        "init_timeout": PATIENCE,
        # What a run would find out about the machine again and again is in the sweep's summary.
        "x_save_requirements": False,
        "x_disable_meta": True,
        "x_disable_stats": True,
        "x_disable_machine_info": True,
        "x_transaction_log_flush_interval": 1,  # seconds: what a killed run leaves can be synced up to there
    }
    return wandb.Settings(
        **{name: value for name, value in ours.items() if name not in users.model_fields_set},
        silent=True,
        finish_timeout=PATIENCE,
        finish_timeout_raises=True,
        # Of an artifact the client asks more before it heeds that a run is to end, 20 minutes long by itself. To
        # give up sooner than a run may take to end would lose the artifact and call the run sent.
        x_graphql_timeout_seconds=PATIENCE / 2,
        x_graphql_retry_max=RETRIES,
        x_graphql_retry_wait_min_seconds=PATIENCE / 2,
        x_graphql_retry_wait_max_seconds=PATIENCE / 2,
    )


@cache
def set_up(folder: Path) -> None:
    """Prepare this process for its client."""
    # A process of a pool is given the variables of the flow's process with each task, and with them its W&B service,
    # which would still have the runs of a process that has been killed.
    forget_other_runs()
    # Without a cache that it finds, by HOME alone, the client's service writes its log to the terminal.
    if not ({"HOME", "XDG_CACHE_HOME"} & os.environ.keys() and writable(user_cache() / "wandb")):
        os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "cache"))
    # What an offline run's tables are sent from: to be found here when the run is synced, on another day, say.
    os.environ.setdefault("WANDB_DATA_DIR", str(folder / "staging"))
    with suppress(Malformed):  # of which `mode.settled` has warned
        settings()
