"""The check that the scheduler of a running Dask cluster answers and has workers.

Prefect, which reads its settings when it is imported, must not be imported here: this runs before it is set up.
"""

import warnings
from contextlib import suppress

import dask

from experiment.errors import InputError

# Read when distributed is imported; the sweep reports what matters.
dask.config.set({"logging.distributed": "critical"})

from distributed import Client  # noqa: E402
from distributed.versions import VersionMismatchWarning  # noqa: E402

warnings.simplefilter("ignore", VersionMismatchWarning)  # the sweep checks versions itself

PATIENCE = 10  # seconds to wait for an answer
PATIENCE_FOR_WORKERS = 60  # seconds to wait for a first worker: an adaptive cluster starts one on demand


def threads(address: str) -> int:
    """The number of parallel trainings that the cluster can run; InputError if it cannot be used."""
    if address.startswith(("tls:", "wss:")) and not dask.config.get("distributed.comm.tls.client.cert"):
        raise InputError(
            f"dask_address: {address} needs a certificate: set DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and the other "
            "variables in docs/security.md"
        )
    try:
        with Client(address, timeout=PATIENCE, set_as_default=False) as client:
            if not client.nthreads():  # an adaptive cluster has workers only while there are tasks
                with suppress(TimeoutError):
                    client.submit(int, pure=False).result(PATIENCE_FOR_WORKERS)
            found: int = sum(client.nthreads().values())
    except (OSError, ValueError, ImportError) as error:
        raise InputError(
            f"dask_address: no Dask scheduler answers at {address} ({error}): start one (dask scheduler), or leave "
            "the address out for a cluster on this machine"
        ) from None
    if not found:
        raise InputError(f"dask_address: the cluster at {address} has no workers: start some (dask worker {address})")
    return found
