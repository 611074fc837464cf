"""The scheduler of a Dask cluster that runs: does it answer, and has it workers?

Asked before anything is set up, so Prefect, which reads its settings where it is imported, is not imported here.
"""

import warnings
from contextlib import suppress

import dask

from experiment.errors import InputError

# Heeded where distributed is imported; what there is to say the sweep says.
dask.config.set({"logging.distributed": "critical"})

from distributed import Client  # noqa: E402
from distributed.versions import VersionMismatchWarning  # noqa: E402

warnings.simplefilter("ignore", VersionMismatchWarning)  # of which the sweep says what matters

PATIENCE = 10  # seconds that it may take to answer
PATIENCE_FOR_WORKERS = 60  # … to have a worker where there is none: one that is adaptive starts it then


def threads(address: str) -> int:
    """Return how many trainings the cluster can do side by side.

    Raises
    ------
    InputError : nobody answers there, or there is no worker; no certificate is set for a `tls://` address
    """
    if address.startswith(("tls:", "wss:")) and not dask.config.get("distributed.comm.tls.client.cert"):
        raise InputError(
            f"dask_address: {address} wants a certificate: set DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and what else "
            "docs/security.md names"
        )
    try:
        with Client(address, timeout=PATIENCE, set_as_default=False) as client:
            if not client.nthreads():  # an adaptive cluster has workers as long as there is something to do
                with suppress(TimeoutError):
                    client.submit(int, pure=False).result(PATIENCE_FOR_WORKERS)
            found: int = sum(client.nthreads().values())
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"dask_address: no Dask scheduler answers at {address} ({error}): start one (dask scheduler), or leave "
            "the address out for a cluster of this machine"
        ) from None
    if not found:
        raise InputError(f"dask_address: the cluster at {address} has no workers: start some (dask worker {address})")
    return found
