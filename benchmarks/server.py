"""`python -m benchmarks.server <artifacts> [start]`: what a sweep imports, and Prefect's temporary server or not."""

import sys
from pathlib import Path

from experiment.config import Execution
from flows.__main__ import set_up_prefect

set_up_prefect(Execution(artifacts=Path(sys.argv[1])))

from prefect.client.orchestration import get_client  # noqa: E402

import flows.sweep  # noqa: E402, F401

if sys.argv[2:] == ["start"]:
    with get_client(sync_client=True) as client:
        client.hello()
