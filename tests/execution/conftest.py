"""A storage and an execution under way on it, with nothing running."""

import pytest

from execution.config import Underway
from execution.storage.local import LocalStorage


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(root=tmp_path)


@pytest.fixture
def underway(tmp_path):
    return Underway(
        artifacts=tmp_path,
        name="sweep",
        workers=1,
        wandb_mode="offline",
        flow_run="a-flow-run",
        wandb_project="some-project",
    )
