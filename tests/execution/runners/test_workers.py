"""What a worker of a Dask cluster lacks is said before it trains, with both sides' values."""

import asyncio
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from distributed.core import Status
from prefect.context import serialize_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from execution.cache.closure import code_digest
from execution.runners import plugin as shipping
from execution.runners.plugin import SourcePlugin, packed, write
from execution.runners.worker import unreached
from execution.tracking import CLIENT
from tests.conftest import clean_environment

API = "http://127.0.0.1:1/api"


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """As much of one as its set-up looks at."""
    monkeypatch.setenv("PREFECT_API_URL", API)
    monkeypatch.setenv("PREFECT_LOGGING_EXTRA_LOGGERS", "sweep")
    closed = []
    loop = SimpleNamespace(add_callback=closed.append)
    state = SimpleNamespace(executing_count=0)
    return SimpleNamespace(
        status=Status.running, state=state, local_directory=str(tmp_path), loop=loop, close="close", closed=closed
    )


def trouble(worker, code, api=API):
    luggage = SourcePlugin(None, code, api, tracking=False)
    luggage.sources = b""  # not a process of the driver's
    asyncio.run(luggage.setup(worker))
    return luggage.trouble


@pytest.fixture
def in_place(monkeypatch):
    """The sources are where the worker imports them from."""
    monkeypatch.setattr(shipping, "unpack", lambda *_: None)


def test_versions_that_could_change_a_bit_must_agree(worker, in_place, monkeypatch):
    ours = shipping.versions()
    assert set(shipping.DECIDING) <= set(ours)
    luggage = SourcePlugin(b"", code_digest(), API, tracking=False)
    luggage.versions = {**ours, "numba": "0.1"}
    asyncio.run(luggage.setup(worker))
    assert luggage.trouble == f"has numba {ours['numba']}, this program numba 0.1"
    assert not worker.closed


def test_so_must_the_sources(worker, in_place):
    assert trouble(worker, code_digest()) == ""
    assert trouble(worker, "0" * 64).startswith(f"has sources {code_digest()[:8]} in ")
    assert trouble(worker, "0" * 64).endswith(", this program 00000000")


@pytest.mark.parametrize("tracking", [True, False])
def test_what_trainings_import_is_there_before_the_first(worker, in_place, monkeypatch, tracking):
    monkeypatch.delitem(sys.modules, CLIENT, raising=False)
    luggage = SourcePlugin(b"", code_digest(), API, tracking=tracking)
    asyncio.run(luggage.setup(worker))
    assert luggage.trouble == ""
    assert (CLIENT in sys.modules) == tracking


def test_a_worker_that_comes_later_and_does_not_fit_closes_itself(worker, in_place):
    worker.status = Status.init
    assert trouble(worker, "0" * 64)
    assert worker.closed == ["close"]


def test_a_worker_at_work_for_another_prefect_server_is_left_to_it(worker, in_place):
    worker.state.executing_count = 1
    assert "is at work on a sweep with another Prefect server" in trouble(worker, code_digest(), API + "2")
    assert os.environ["PREFECT_API_URL"] == API
    worker.state.executing_count = 0
    assert trouble(worker, code_digest(), API + "2") == ""


def test_the_sources_that_travel_have_the_digest_of_those_that_stay_and_are_written_once(tmp_path):
    folder = write(packed(), tmp_path / "sources")
    files = {path: path.stat().st_ino for path in folder.rglob("*.py")}
    command = "from execution.cache.closure import code_digest; print(code_digest())"
    there = subprocess.run(
        [sys.executable, "-c", command], cwd=folder, env=clean_environment(), capture_output=True, text=True, check=True
    )
    assert there.stdout.strip() == code_digest()
    damaged, *_ = files
    damaged.write_bytes(b"raise SystemExit")
    write(packed(), folder)
    assert {path for path in files if path.stat().st_ino != files[path]} <= {damaged}
    assert damaged.read_bytes() != b"raise SystemExit"


def test_a_worker_that_does_not_see_the_artifacts_is_told_what_to_do(run_context):
    assert "give --artifacts a bucket, s3://…, or a folder that all machines share" in unreached(run_context, {})


def test_so_is_one_that_does_not_reach_prefect(run_context):
    run_context.state.arrive()
    with temporary_settings({PREFECT_API_URL: API}):
        said = unreached(run_context, serialize_context())
    assert f"does not reach Prefect's server at {API}" in said
    assert "prefect server start --host" in said
