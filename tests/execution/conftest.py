"""A storage of each kind and an execution under way, with nothing running."""

import uuid

import pytest

from execution.config import RunContext
from execution.storage import leases
from execution.storage.local import LocalStorage
from execution.storage.objects import ObjectStorage
from tests.execution.storage.memory import MemoryStore


@pytest.fixture
def objects(object_store, tmp_path, monkeypatch):
    """A prefix of its own in the session's object store; this machine's copies in `tmp_path`/cache."""
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(leases, "LEASE", 2.0)
    return ObjectStorage(url=f"s3://bucket/{uuid.uuid4().hex}")


@pytest.fixture(params=["folder", "object store"])
def storage(request, tmp_path):
    return LocalStorage(root=tmp_path) if request.param == "folder" else request.getfixturevalue("objects")


@pytest.fixture(params=["folder", "object store", "memory"])
def store(request, tmp_path):
    """Every storage there is, and one written for the tests: for what needs the methods of `Storage` alone."""
    if request.param == "memory":
        return MemoryStore(tmp_path)
    return LocalStorage(root=tmp_path) if request.param == "folder" else request.getfixturevalue("objects")


@pytest.fixture
def run_context(tmp_path):
    return RunContext(
        artifacts=tmp_path,
        name="sweep",
        workers=1,
        wandb_mode="offline",
        flow_run="a-flow-run",
        wandb_project="some-project",
    )


@pytest.fixture
def underway_anywhere(run_context, storage):
    """On a storage of each kind."""
    return run_context.model_copy(update={"artifacts": storage.where("").rstrip("/")})
