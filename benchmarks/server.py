"""`python -m benchmarks.server <artifacts> [start]`: the temporary Prefect server, up and down, and nothing else."""

import sys
from pathlib import Path

from execution.orchestration.server import TemporaryServer

if sys.argv[2:] == ["start"]:
    TemporaryServer(Path(sys.argv[1]) / "prefect").wait()
