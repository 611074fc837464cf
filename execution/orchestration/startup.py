"""Imports, made quick: they are most of what a cached run does."""

import gc
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from execution.tracking import CLIENT
from experiment.errors import InputError

# Every run needs them, but Prefect imports them only when the flow begins.
PREFECT = ("prefect.flow_engine", "prefect.task_engine", "fastapi.encoders")


@contextmanager
def importing() -> Iterator[None]:
    """Import without garbage collection.

    What is imported stays: looking through it for cycles takes a tenth of the imports' time, a fifth of the Prefect
    server's, and a second when the program ends.
    """
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def ahead(tracking: bool) -> None:
    """Import what the flow will need, beside the server's start."""
    for module in (*PREFECT, *([CLIENT] if tracking else [])):
        importlib.import_module(module)


def check_api() -> None:
    """Raise InputError unless Prefect's API answers at the address that the user has set, if there is one."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        return
    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch_once()  # as the flow would, and then does not
    except Exception as error:
        raise InputError(
            f"PREFECT_API_URL: {error}: name the address of a Prefect server that runs, as http://host:4200/api"
        ) from error


def beside(work: Callable[..., object], *given: object) -> None:
    """Do on another core what will be needed: `importlib.import_module` with a name, say."""
    threading.Thread(target=work, args=given, daemon=True).start()


def load_kernel() -> None:
    """Import Numba and have it load the compiled kernel, or compile it: most of a second, or half a minute."""
    with suppress(Exception):  # the step that needs it says what is wrong
        import numpy as np

        from softmax.check import relative_errors

        relative_errors(np.zeros((8, 9), np.uint8), np.arange(8) % 2, classes=2, alpha=0.5, seed=1)
