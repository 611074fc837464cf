"""`python -m flows sync`, with W&B's own client and a stand-in for its server."""

import shutil
import uuid
from pathlib import Path

import pytest
import wandb

from execution.storage.folders import hand_over
from execution.storage.local import LocalStorage
from execution.storage.objects import ObjectStorage
from execution.tracking.offline import ended
from tests.patience import until

ROWS = 7


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of an offline run of id `r`, written to its end."""
    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
    run = wandb.init(mode="offline", dir=tmp_path_factory.mktemp("wandb"), id="r", settings=settings)
    for row in range(ROWS):
        run.log({"figure": row})
    run.finish()
    folder = Path(run.dir).parent
    until(lambda: ended(folder / "run-r.wandb"))
    return folder


@pytest.fixture
def sync(typed, server, monkeypatch):
    """Type the command; gives its exit code and what it said."""
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    return lambda root: typed("sync", "--artifacts", root)


def rows(server):
    return {name: (len(run.received), run.exitcode) for name, run in server.runs.items()}


def torn(run, folder):
    """What a kill leaves of the run."""
    shutil.copytree(run, folder)
    (folder / "run-r.wandb").write_bytes((run / "run-r.wandb").read_bytes()[:-20])


def test_what_a_killed_machine_left_is_not_sent_beside_the_whole_run(
    run, sync, server, object_store, monkeypatch, tmp_path
):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    storage = ObjectStorage(url=f"s3://bucket/{uuid.uuid4().hex}")
    work = storage.folder("wandb")
    for name in ("20260101_000000", "20260102_000000"):
        torn(run, work / f"offline-run-{name}-r")
    hand_over(storage, shutil.copytree(run, work / "offline-run-20260103_000000-r"), "wandb/offline-run-r")
    code, said = sync(storage.url)
    assert (code, rows(server)) == (0, {"r": (ROWS, 0)}), said
    assert list(storage.list("wandb")) == ["wandb/offline-run-r"]
    server.runs.clear()
    code, said = sync(storage.url)
    assert (code, server.runs) == (0, {})
    assert "sent: 0 now, 1 before; not sent: 0" in said


def test_in_a_folder_the_last_try_is_sent_and_what_has_no_end_is_named(run, sync, server, tmp_path):
    work = LocalStorage(root=tmp_path).folder("wandb")
    torn(run, work / "offline-run-20260101_000000-r")
    shutil.copytree(run, work / "offline-run-20260102_000000-r")
    torn(run, work / "offline-run-20260102_000000-other")
    code, said = sync(tmp_path)
    assert (code, rows(server)) == (1, {"r": (ROWS, 0)})
    assert f"Not sent: {work}/offline-run-20260102_000000-other (it is unfinished: run its sweep again" in said
    shutil.rmtree(work / "offline-run-20260102_000000-other")
    assert sync(tmp_path)[0] == 0


def test_what_the_server_does_not_take_is_named_and_sent_the_next_time(run, sync, server, tmp_path):
    folder = LocalStorage(root=tmp_path).folder("wandb") / "offline-run-20260101_000000-r"
    shutil.copytree(run, folder)
    server.refuse = 400
    code, said = sync(tmp_path)
    assert code == 1
    assert f"Not sent: {folder} (W&B did not accept it)" in said
    server.recover()
    assert sync(tmp_path)[0] == 0
    assert rows(server) == {"r": (ROWS, 0)}
