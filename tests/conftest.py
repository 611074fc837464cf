"""A small real problem, a real Prefect server, and the program as a process."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from prefect.testing.utilities import prefect_test_harness
from sklearn.datasets import load_digits

from execution.config import Execution
from experiment.data.formats import npy_name
from flows.server import SETTINGS
from tests.object_store import ObjectStore
from tests.wandb_server import WandbServer

PROJECT = Path(__file__).resolve().parents[1]

# A busy machine is no reason for a property to fail.
settings.register_profile("sweep", deadline=None)
settings.load_profile("sweep")


def pytest_collection_modifyitems(items):
    """The long ones first, so that no worker idles while the other ends the run."""
    items.sort(key=lambda item: item.get_closest_marker("hostile") is None)


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    """scikit-learn's handwritten digits (8 × 8, ten classes) as the four files of a user's own data."""
    folder = tmp_path_factory.mktemp("data") / "digits"
    folder.mkdir()
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels * 255 / 16).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[:1400], order[1400:]
    for side, rows in (("train", train), ("test", test)):
        np.save(folder / npy_name(f"{side}_images"), images[rows])
        np.save(folder / npy_name(f"{side}_labels"), labels[rows])
    return folder


@pytest.fixture(scope="session")
def prefect_server():
    """A real server for this session, on its own database. Yields its address.

    Set up as the sweep's own: one that writes more often to SQLite refuses requests of several programs at once, which
    then wait for seconds, up to minutes, before they ask again.
    """
    from prefect.settings import PREFECT_API_URL

    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        with prefect_test_harness(server_startup_timeout=120):
            yield PREFECT_API_URL.value()


@pytest.fixture(scope="session")
def object_store():
    """An S3 on loopback with one bucket, for this session."""
    with ObjectStore() as store:
        yield store


@pytest.fixture
def server():
    """A stand-in for W&B's."""
    with WandbServer() as server:
        yield server


@pytest.fixture
def program(prefect_server, tmp_path):
    """Run `python -m flows` to its end against the session's server; artifacts in `tmp_path`/artifacts."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "flows", "--artifacts", str(tmp_path / "artifacts"), *map(str, arguments)],
            cwd=PROJECT,
            env=clean_environment() | {"PREFECT_API_URL": prefect_server} | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def started(digits, tmp_path):
    """Start the program on the digits as a process in this environment; killed at the end of the test."""
    begun = []

    def start(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "flows", "--artifacts", tmp_path / "artifacts", "--data-dir", digits]
        process = subprocess.Popen(
            [*map(str, command), *map(str, arguments)],
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()


def until(done: Callable[[], object], seconds: float = 100) -> None:
    """Look again and again, and fail when it takes longer."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def clean_environment() -> dict[str, str]:
    """This process's, without what would change how the program tracks or orchestrates."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "PREFECT_"))}


def model_of(execution: Execution) -> dict[str, NDArray[Any]]:
    """Return everything in the newest sweep's `model.npz`."""
    content = execution.storage.get("sweeps/latest/model.npz")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
