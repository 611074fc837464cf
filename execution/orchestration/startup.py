"""Fast imports, which take most of the time of a cached run, and the check of Prefect's API."""

import gc
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from execution.tracking import CLIENT
from experiment.errors import InputError

# Every run needs these, but Prefect imports them only when the flow begins.
PREFECT = ("prefect.flow_engine", "prefect.task_engine", "fastapi.encoders")


@contextmanager
def importing() -> Iterator[None]:
    """Import without garbage collection.

    Imported objects are never freed. Searching them for cycles takes a tenth of the imports' time, a fifth in the
    Prefect server, and a second when the program ends.
    """
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def ahead(tracking: bool) -> None:
    """Import the modules that the flow will need, while the server starts."""
    for module in (*PREFECT, *([CLIENT] if tracking else [])):
        importlib.import_module(module)


def check_api() -> None:
    """Raise InputError if the user has set an address for Prefect's API and it does not answer."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        return
    try:
        with get_client(sync_client=True) as client:
            client.raise_for_api_version_mismatch_once()  # the flow then does not check again
    except Exception as error:
        raise InputError(
            f"PREFECT_API_URL: {error}: give the address of a running Prefect server, as http://host:4200/api"
        ) from error


def beside(work: Callable[..., object], *given: object) -> None:
    """Run `work` in a background thread."""
    threading.Thread(target=work, args=given, daemon=True).start()


def load_kernel() -> None:
    """Import Numba and load the compiled kernel (most of a second) or compile it (half a minute)."""
    with suppress(Exception):  # the step that needs it reports the error
        import numpy as np

        from softmax.check import relative_errors

        relative_errors(np.zeros((8, 9), np.uint8), np.arange(8) % 2, classes=2, alpha=0.5, seed=1)
