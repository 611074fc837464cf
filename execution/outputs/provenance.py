"""What a figure in `summary.json` came from."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from execution.cache.closure import code_digest
from execution.config import Execution
from experiment.config import Experiment
from experiment.results.dataset import Dataset

PACKAGES = ("numpy", "numba", "prefect", "wandb", "pandas")
PROJECT = Path(__file__).resolve().parents[2]


def provenance(experiment: Experiment, execution: Execution, data: Dataset) -> dict[str, Any]:
    """Return configuration, data, code, packages and commit."""
    return {
        "experiment": experiment.model_dump(mode="json"),
        "execution": execution.model_dump(mode="json", exclude={"flow_run"}),
        "data": {"name": experiment.data_name, "digests": data.digests},
        "code": code_digest(),
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def commit() -> str | None:
    """Return the project's git commit, with "+changes" when files differ from it; None outside a checkout."""
    try:
        describe = subprocess.run(  # noqa: S603
            ["git", "-C", str(PROJECT), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return describe.stdout.strip()
