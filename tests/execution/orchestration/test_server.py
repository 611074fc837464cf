"""The database that a temporary Prefect server begins with, and that nothing is missing from it in the end."""

import asyncio
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from prefect.server.utilities.messaging import memory

from execution.orchestration import database, server
from tests.conftest import PROJECT, clean_environment


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A database in the place of the set-up's."""
    path = tmp_path / "set-up" / "prefect.db"
    path.parent.mkdir()
    monkeypatch.setattr(database, "PREPARED", path)
    path.write_bytes(b"made by the set-up")
    return path


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "prefect"
    path.mkdir()
    return path


def content(home):
    return {path.name: path.read_bytes() for path in home.iterdir()}


def test_a_new_artifact_root_gets_a_copy_of_the_database_that_the_set_up_made(home, prepared):
    database.begin_database(home)
    assert content(home) == {"prefect.db": b"made by the set-up"}


@pytest.mark.parametrize("name", ["prefect.db", "prefect.db-wal"])
def test_no_copy_is_put_over_a_database_or_beside_its_left_over_log(home, prepared, name):
    (home / name).write_bytes(b"of an earlier sweep")
    database.begin_database(home)
    assert content(home) == {name: b"of an earlier sweep"}


def test_a_sweep_that_starts_in_the_same_moment_keeps_its_database(home, prepared, monkeypatch):
    def copy(*paths):
        (home / "prefect.db").write_bytes(b"of the other sweep")
        return original(*paths)

    original = database.shutil.copyfile
    monkeypatch.setattr(database.shutil, "copyfile", copy)
    database.begin_database(home)
    assert content(home) == {"prefect.db": b"of the other sweep"}


def test_without_a_prepared_database_the_server_makes_its_own(home, prepared):
    prepared.unlink()
    database.begin_database(home)
    assert content(home) == {}


def test_the_database_that_the_set_up_made_needs_no_migration(home):
    def revision(path):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute("select version_num from alembic_version").fetchall()

    serve = (
        "import sys, pathlib, execution.orchestration.server as s; s.TemporaryServer(pathlib.Path(sys.argv[1])).wait()"
    )
    subprocess.run([sys.executable, "-c", serve, str(home)], cwd=PROJECT, env=clean_environment(), check=True)
    assert revision(home / "prefect.db") == revision(database.PREPARED)


def test_no_event_is_dropped_however_many_wait_to_be_recorded(monkeypatch):
    monkeypatch.setattr(memory, "Subscription", memory.Subscription)
    monkeypatch.setattr(memory.Topic, "_topics", {})
    unrecorded = server.keep_every_event()
    events = memory.Topic.by_name("events")
    events.subscribe()

    async def say():
        for _ in range(10_001):  # one more than Prefect's own keep
            await events.publish(memory.MemoryMessage(b"", {}))

    with ThreadPoolExecutor(1) as apart:  # from whatever runs a loop in this thread
        apart.submit(asyncio.run, say()).result()
    assert unrecorded() == 10_001
