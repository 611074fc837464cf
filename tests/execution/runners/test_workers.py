"""A worker that could change a figure trains nothing: it says what it lacks, with both sides' values, and goes."""

import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import BrokenExecutor
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from distributed import Client, LocalCluster
from prefect import task, unmapped
from prefect.context import serialize_context
from prefect.settings import PREFECT_API_URL, temporary_settings

from execution.cache.closure import code_digest
from execution.runners import on_worker
from execution.runners.dask import CALL, MEMORY, DaskFuture, DaskRunner, packed
from execution.runners.on_worker import Sweep, check, turn, write
from execution.runners.worker import unreached
from execution.steps.step import opaque_all
from execution.tracking import CLIENT
from experiment.values import ArrayRef, TrainingSet
from tests.conftest import clean_environment
from tests.patience import PATIENCE, until

API = "http://127.0.0.1:1/api"


@pytest.fixture
def sweep(run_context, monkeypatch, tmp_path):
    """One of this process's sources, to whose workers it belongs."""
    monkeypatch.setenv("PREFECT_API_URL", API)
    monkeypatch.setenv("PREFECT_LOGGING_EXTRA_LOGGERS", "sweep")
    monkeypatch.delitem(sys.modules, "softmax_sweep_state", raising=False)
    memory = SimpleNamespace(memory_limit=10**9, memory_pause_fraction=0.8)
    worker = SimpleNamespace(memory_manager=memory, local_directory=str(tmp_path))
    monkeypatch.setattr(on_worker, "this_worker", lambda: worker)
    return Sweep(
        text=Path(on_worker.__file__).read_text(), facts=on_worker.facts(), sources=None, api=API,
        module="flows.search", tracking=False, memory=10**6, context=pickle.dumps((run_context, {})),
    )  # fmt: skip


def test_versions_that_could_change_a_bit_must_agree(sweep, monkeypatch):
    assert set(on_worker.DECIDING) <= set(sweep["facts"])
    assert check(sweep) == ""
    ours = sweep["facts"]["numba"]
    sweep["facts"] = {**sweep["facts"], "numba": "0.1"}
    assert check(sweep) == f"has numba {ours}, this program numba 0.1"


def test_nothing_of_a_sweep_is_unpickled_where_they_do_not(sweep):
    sweep["facts"], sweep["context"] = {**sweep["facts"], "python": "3.99"}, b"no pickle"
    assert check(sweep).endswith("this program python 3.99")


def test_the_sources_must_agree_too(sweep):
    ours = code_digest()[:8]
    sweep["facts"] = {**sweep["facts"], "sources": "00000000"}
    assert check(sweep) == f"has sources {ours}, this program sources 00000000"


def test_so_must_the_memory_suffice_before_dask_pauses_the_worker(sweep):
    sweep["memory"] = 8 * 10**8
    assert check(sweep) == ""
    sweep["memory"] = 9 * 10**8
    said = "has a memory limit of 1000 MB and needs 1125 MB: start it with --memory-limit 1125MB"
    assert check(sweep) == said


@pytest.mark.parametrize("tracking", [True, False])
def test_what_trainings_import_is_there_before_the_first(sweep, monkeypatch, tracking):
    monkeypatch.delitem(sys.modules, CLIENT, raising=False)
    sweep["tracking"] = tracking
    assert check(sweep) == ""
    assert (CLIENT in sys.modules) == tracking


def test_sweeps_of_other_sources_take_turns_on_a_worker(sweep):
    other = Sweep(**{**sweep, "api": f"{API}2"})
    seen, began = [], threading.Event()

    def take_turn():
        began.set()
        with turn(other) as trouble:
            seen.append((trouble, os.environ["PREFECT_API_URL"]))

    thread = threading.Thread(target=take_turn)
    with turn(sweep), turn(sweep) as trouble:
        assert trouble == ""
        thread.start()
        began.wait()
        assert check(other) == ""
        assert (os.environ["PREFECT_API_URL"], seen) == (API, [])
    thread.join(PATIENCE)
    assert seen == [("", f"{API}2")]


def test_a_worker_that_does_not_fit_is_named_and_closed(sweep, monkeypatch):
    sweep["text"] += "\ndef unfit(sweep): return 'is odd' if get_worker().name == 1 else ''"
    monkeypatch.setattr("prefect.task_engine.run_task_sync", lambda **given: given["parameters"]["number"])
    shared_by_all = pickle.dumps({"parameters": {}})
    said = threading.Event()
    heard = []
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        client.subscribe_topic(on_worker.TOPIC, lambda event: (heard.append(event[1]), said.set()))
        odd, fit = cluster.workers[1].address, cluster.workers[0].address
        shared = client.submit(dict, sweep)
        given = [
            {"sweep": shared, "name": "run", "given": (shared_by_all, pickle.dumps({"parameters": {"number": number}}))}
            for number in range(8)
        ]
        futures = [DaskFuture(wrapped_future=client.submit(eval, CALL, one), task_run_id=uuid4()) for one in given]
        for future in futures:
            future.wait()
        assert [future._final_state for future in futures] == list(range(8))
        until(lambda: [key for keys in client.has_what().values() for key in keys] == [shared.key])  # none runs again
        assert said.wait(PATIENCE)
        assert list(client.nthreads()) == [fit]
        assert heard == [{"worker": odd, "problem": "is odd"}]


def test_what_a_worker_that_does_not_fit_has_trained_is_not_even_unpickled(sweep):
    facts = {**sweep["facts"], "numba": "0.1"}
    wrapped = SimpleNamespace(result=lambda timeout: (facts, b"no pickle"), release=lambda: None)
    with pytest.raises(BrokenExecutor, match=r"numba': '0\.1'"):
        DaskFuture(wrapped_future=wrapped, task_run_id=uuid4()).wait()


def test_the_sources_that_travel_have_the_same_digest(tmp_path):
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
    assert "set --artifacts to a bucket, s3://…, or to a folder that all machines share" in unreached(run_context, {})


def test_so_is_one_that_does_not_reach_prefect(run_context):
    run_context.state.arrive()
    with temporary_settings({PREFECT_API_URL: API}):
        said = unreached(run_context, serialize_context())
    assert f"does not reach Prefect's server at {API}" in said
    assert "prefect server start --host" in said


@task
def half(execution, number):
    """A step's shape."""


def test_what_all_trainings_share_travels_once_and_its_arrays_count_as_memory(run_context, monkeypatch):
    sent = {}
    monkeypatch.setattr(DaskRunner, "shared_value", lambda self, kind, value: sent.setdefault(len(sent), value))
    monkeypatch.setattr(DaskRunner, "check", lambda self, name: None)
    runner = DaskRunner(run_context.model_copy(update={"dask_address": "tcp://127.0.0.1:1"}), "flows.search")
    calls = []

    def submit(*given, **more):
        calls.append(given[2]["given"][1])
        return SimpleNamespace(key="")

    runner._client = SimpleNamespace(submit=submit)
    runner.ready, runner.about, runner._started = SimpleNamespace(result=lambda: None), {"memory": MEMORY}, True
    big = ArrayRef(digest=f"sha256:{0:064}", shape=(10**6, 10), dtype="float32")
    other = big.model_copy(update={"digest": f"sha256:{1:064}"})
    data = TrainingSet(images=big, labels=other, classes=2)
    inputs = opaque_all([unmapped(data), range(3)])
    runner.map(half, dict(zip(("execution", "number"), inputs, strict=True)))
    assert runner.about["memory"] == MEMORY + 2 * 4 * 10**7
    assert pickle.loads(sent[1])["parameters"] == {"execution": data}
    assert [list(pickle.loads(call)["parameters"]) for call in calls] == [["number"]] * 3
    assert max(map(len, calls)) < 1000
