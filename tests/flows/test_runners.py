"""Whatever trains, and wherever: the same bits, the same cache, the same words."""

import threading

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import CancelledRun
from prefect.states import Cancelling

from execution.config import Execution
from execution.storage.choose import storage_at
from experiment.config import Experiment
from experiment.errors import InputError
from flows.sweep import sweep
from tests.flows import task_runs
from tests.flows.dask_cluster import Cluster
from tests.flows.task_runs import ended, newest, of_nested, sources_of
from tests.hostile.leavings import results, rows_on_disk
from tests.object_store import BUCKET
from tests.patience import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1),
    "batch_sizes": (16, 64),
    "alphas": (0.0,),
    "max_epochs": 8,
    "patience": 8,
}
ENDLESS = GRID | {"learning_rates": (1e-6, 2e-6), "batch_sizes": (16,), "max_epochs": 10**6, "patience": 10**6}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, object_store):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), object_store.environment)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def on(tmp_path_factory, digits, prefect_server, cluster):
    """Run a small sweep with a runner; gives its artifacts and its summary."""
    where = {
        "threads": {"workers": 2},
        "processes": {"runner": "processes", "workers": 2},
        "dask": {"runner": "dask", "workers": 2},
        "cluster": {"runner": "dask", "dask_address": cluster.address},
    }

    def run(runner, artifacts=None, grid=GRID, **about):
        artifacts = artifacts or tmp_path_factory.mktemp("artifacts")
        execution = Execution(artifacts=artifacts, wandb_mode="offline", **where[runner] | about)
        return artifacts, sweep(Experiment(data_dir=digits, **grid), execution)

    return run


@pytest.fixture(scope="module")
def expected(on):
    """What one thread makes of it."""
    artifacts, _ = on("threads", workers=1)
    return results(artifacts), rows_on_disk(artifacts)


def downloaded(address, folder):
    """A store's objects as files."""
    storage = storage_at(address)
    for entry in storage.below(""):
        path = folder / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(storage.get(entry["path"]))
    latest = folder / "sweeps" / "latest"
    name = latest.read_text()
    latest.unlink()
    latest.symlink_to(name)
    return folder


@pytest.mark.parametrize("runner", ["threads", "processes", "dask"])
def test_every_runner_gives_the_same_bits_and_the_same_arrows(on, expected, runner):
    artifacts, summary = on(runner)
    assert summary.cached == 0
    assert results(artifacts) == expected[0]
    assert sorted(rows_on_disk(artifacts)) == sorted(expected[1])
    flow_run = newest(artifacts).id
    (check,), (selection,) = ended(flow_run, "check gradients"), ended(flow_run, "select")
    trainings = ended(flow_run, "train ", 4)
    assert check.id in sources_of(of_nested(flow_run))
    assert {training.flow_run_id for training in trainings} <= sources_of(selection)


def test_workers_that_do_not_see_the_drivers_disk_give_the_same(on, expected, object_store, monkeypatch, tmp_path):
    for name, value in {**object_store.environment, "XDG_CACHE_HOME": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    bucket = f"s3://{BUCKET}/runners"
    _, summary = on("cluster", bucket)
    assert summary.cached == 0
    artifacts = downloaded(bucket, tmp_path / "artifacts")
    assert results(artifacts) == expected[0]
    assert sorted(rows_on_disk(artifacts)) == sorted(expected[1])
    monkeypatch.chdir(tmp_path)
    _, again = on("threads", bucket)
    assert again.cached == 4
    _, grown = on("processes", bucket, GRID | {"learning_rates": (0.5, 0.1, 0.05)})
    assert (grown.combinations, grown.cached) == (6, 4)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine's"))
    _, again = on("cluster", bucket, GRID | {"learning_rates": (0.5, 0.1, 0.05)})
    assert again.cached == 6


@pytest.mark.parametrize("runner", ["processes", "cluster"])
def test_a_cancellation_reaches_trainings_in_other_processes(on, runner, tmp_path):
    checkpoints, runs = tmp_path / "checkpoints", []

    def cancel():
        until(lambda: len(list(checkpoints.glob("*.ckpt"))) == 2)
        with get_client(sync_client=True) as client:
            runs.append(newest(tmp_path).id)
            client.set_flow_run_state(runs[0], Cancelling(), force=True)

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(CancelledRun, match="0 of 2 trainings are done"):
        on(runner, tmp_path, ENDLESS, checkpoint_seconds=0.1)
    thread.join()
    assert len(list(checkpoints.glob("*.ckpt"))) == 2

    def states():
        return [state.type.value for state in task_runs.states(runs[0], "train ")]

    until(lambda: states() == ["CANCELLED", "CANCELLED"])
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(runs[0]).state.is_cancelled()


def test_a_worker_with_another_numba_is_refused_before_anything_is_computed(on, cluster, tmp_path):
    about = tmp_path / "numba-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: numba\nVersion: 0.1\n")
    other = cluster.add_worker(PYTHONPATH=str(tmp_path))
    cluster.wait(3)
    with pytest.raises(InputError, match=r"the worker tcp://\S+ has numba 0\.1, this program numba"):
        on("cluster", tmp_path / "artifacts")
    assert not (tmp_path / "artifacts" / "cache").exists()
    cluster.remove(other)
