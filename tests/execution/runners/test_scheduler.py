"""What is asked of a Dask cluster before anything is set up."""

import pytest

from experiment.errors import InputError

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.slow


@pytest.fixture
def cluster():
    with distributed.LocalCluster(
        n_workers=0, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster


def test_an_adaptive_cluster_that_has_no_worker_yet_is_given_time_for_one(cluster):
    from execution.runners.scheduler import threads

    cluster.adapt(minimum=0, maximum=1)
    assert threads(cluster.scheduler_address) == 1


def test_a_cluster_that_has_no_worker_and_starts_none_is_refused(cluster, monkeypatch):
    from execution.runners import scheduler

    monkeypatch.setattr(scheduler, "PATIENCE_FOR_WORKERS", 0.1)
    with pytest.raises(InputError, match="has no workers: start some"):
        scheduler.threads(cluster.scheduler_address)
