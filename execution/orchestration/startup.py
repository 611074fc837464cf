"""Fast imports, which take most of the time of a cached run, and the check of Prefect's API."""

import gc
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from experiment.errors import InputError

# Every run needs these, but Prefect imports them only when the flow begins.
PREFECT = ("prefect.flow_engine", "prefect.task_engine", "fastapi.encoders")


@contextmanager
def importing() -> Iterator[None]:
    """Import without garbage collection, which takes a tenth of the time, in the Prefect server a fifth."""
    gc.disable()
    yield
    gc.freeze()
    gc.enable()


def ahead(client: str | None) -> None:
    """Import Prefect's modules that the flow will need, and W&B's client, while the server starts."""
    for module in (*PREFECT, *([client] if client else [])):
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
            f"PREFECT_API_URL: {error}: set PREFECT_API_AUTH_STRING to the server's password if it has one (that of "
            "`make ui` is in artifacts/prefect/password), and give its address as http://host:4200/api"
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
