"""Provenance of the figures in `summary.json`."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from execution.cache.closure import code_digest
from execution.config import RunContext
from experiment.config import Experiment
from experiment.results.dataset import Dataset

PACKAGES = ("numpy", "numba", "prefect", "wandb", "pandas")
PROJECT = Path(__file__).resolve().parents[2]


def provenance(experiment: Experiment, execution: RunContext, data: Dataset) -> dict[str, Any]:
    """Time, configuration, data, code, packages and commit."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "experiment": experiment.model_dump(mode="json"),
        "execution": execution.model_dump(mode="json", exclude={"flow_run", "origin"}),
        "data": {"name": experiment.data_name, "digests": data.digests},
        "code": code_digest(),
        "commit": execution.origin["commit"],  # of when the sweep began
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def code_origin() -> dict[str, str | None]:
    """The commit, and the digest of the lock that the packages are installed from."""
    lock = PROJECT / "requirements.lock"
    locked = f"sha256:{sha256(lock.read_bytes()).hexdigest()}" if lock.exists() else None
    return {"commit": commit(), "requirements_lock": locked}


def commit() -> str | None:
    """The project's git commit, with "+changes" if files differ from it; None outside a checkout."""
    # Surrounding repositories, and one named by the environment as in git hooks, are ignored.
    where = [f"--git-dir={PROJECT / '.git'}", f"--work-tree={PROJECT}"]
    try:
        return subprocess.run(  # noqa: S603
            ["git", *where, "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"],  # noqa: S607
            capture_output=True, text=True, timeout=10, check=True, cwd=PROJECT,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
