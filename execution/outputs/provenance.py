"""Provenance of the figures in `summary.json`."""

import os
import platform
import subprocess
from datetime import UTC, datetime
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
    """Time, configuration, data, code, packages and commit."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
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
    """The project's git commit, with "+changes" if files differ from it; None outside a checkout.

    Surrounding repositories, and one named by the environment as in git hooks, are ignored.
    """
    where = [f"--git-dir={PROJECT / '.git'}", f"--work-tree={PROJECT}"]
    try:
        describe = subprocess.run(  # noqa: S603
            ["git", *where, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
            cwd=PROJECT,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return describe.stdout.strip()
