"""Workers, scheduler and driver killed while trainings run in other processes: as if nothing had happened."""

import os
import random
import signal
import threading
import time
from contextlib import suppress

import psutil
import pytest
from distributed import Client

from execution.config import Execution
from experiment.config import Experiment
from experiment.errors import SchedulerGone
from flows.search import TRIES
from flows.sweep import sweep
from tests.conftest import until
from tests.flows.dask_cluster import Cluster
from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk
from tests.hostile.program import KILLED

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(2400)]

EPOCHS = 150
GRID = {"learning_rates": (0.5, 0.1, 0.05), "batch_sizes": (16, 64), "alphas": (0.0,)} | dict.fromkeys(
    ("max_epochs", "patience"), EPOCHS
)
OF_WORKERS, OF_SCHEDULERS = 12, 3
# Of the program, whose trainings run elsewhere: what it passes before, between and after them.
OF_DRIVERS = ("check_gradients cache written:1", "select cache drafted:1", "retrain epoch:20", "publish in place:1")
IN_THE_MIDDLE = 2  # … and when so many combinations are done
LONGEST = 1.5  # seconds from one kill of a worker to the next


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def run(digits, prefect_server):
    def run(artifacts, **about):
        execution = Execution(artifacts=artifacts, wandb_mode="offline", checkpoint_seconds=0, **about)
        return sweep(Experiment(data_dir=digits, **GRID), execution)

    return run


@pytest.fixture(scope="module")
def undisturbed(run, tmp_path_factory):
    artifacts = tmp_path_factory.mktemp("undisturbed")
    run(artifacts, workers=2)
    return results(artifacts), rows_on_disk(artifacts)


def same(artifacts, undisturbed):
    assert lost_and_doubled(rows_on_disk(artifacts), undisturbed[1]) == (0, 0)
    assert results(artifacts) == undisturbed[0]


class Killer:
    """Kills one process of those that there are, now and then, while the block runs and trainings have begun."""

    def __init__(self, artifacts, victims, most):
        self.checkpoints, self.victims, self.most = artifacts / "checkpoints", victims, most
        self.moments, self.over = [], threading.Event()
        self.dice = random.Random(seed := random.SystemRandom().randrange(10**6))
        self.seed = seed
        self.thread = threading.Thread(target=self.kill)

    def kill(self):
        began, now = time.monotonic(), time.time()
        while len(self.moments) < self.most and not self.over.wait(self.dice.uniform(0.1, LONGEST)):
            with suppress(OSError, psutil.Error):
                trained = any(path.stat().st_mtime > now for path in self.checkpoints.glob("*.ckpt"))
                if trained and (victims := self.victims()):
                    os.kill(self.dice.choice(victims), signal.SIGKILL)
                    self.moments.append(round(time.monotonic() - began, 1))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def at_work(cluster):
    """Return the ids of the workers' processes."""

    def pids():
        with Client(cluster.address, timeout=5, set_as_default=False) as client:
            return list(client.run(os.getpid).values())

    return pids


def test_a_cluster_whose_workers_are_killed_again_and_again(cluster, run, undisturbed, tmp_path, capsys):
    moments = []
    for attempt in range(10):
        if len(moments) >= OF_WORKERS:
            break
        artifacts = tmp_path / str(attempt)
        with Killer(artifacts, at_work(cluster), OF_WORKERS - len(moments)) as killer:
            run(artifacts, runner="dask", dask_address=cluster.address)
        moments += killer.moments
        same(artifacts, undisturbed)
    with capsys.disabled():
        print(f"\nWorkers: {len(moments)} kills, survived, at {moments} s of {attempt} sweeps")
    assert len(moments) >= OF_WORKERS


def test_a_cluster_whose_scheduler_is_killed(cluster, run, undisturbed, tmp_path, capsys):
    moments = []
    while len(moments) < OF_SCHEDULERS:
        cluster.wait()
        with Killer(tmp_path, lambda: [cluster.scheduler.pid], 1) as killer, pytest.raises(SchedulerGone, match="run"):
            run(tmp_path, runner="dask", dask_address=cluster.address)
        moments += killer.moments
        cluster.scheduler.wait()
        cluster.begin_scheduler()
        for worker in cluster.workers:  # those of before end with their scheduler, and their nannies after them
            with suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        cluster.add_worker(), cluster.add_worker()
    cluster.wait()
    run(tmp_path, runner="dask", dask_address=cluster.address)
    same(tmp_path, undisturbed)
    with capsys.disabled():
        print(f"\nSchedulers: {len(moments)} kills, survived, at {moments} s")


def test_a_program_that_is_killed_while_a_cluster_trains_for_it(cluster, sweep_in, undisturbed, tmp_path, capsys):
    grid = [(name.replace("_", "-"), value) for name, value in GRID.items()]
    flags = [part for name, value in grid for part in (f"--{name}", *(value if isinstance(value, tuple) else [value]))]
    program = sweep_in(tmp_path / "artifacts", *flags, "--runner", "dask", "--dask-address", cluster.address)
    del program.flags[program.flags.index("--workers") : program.flags.index("--workers") + 2]
    for point in OF_DRIVERS:
        ended = program.run_forked(SWEEP_KILL_AT=point)
        assert ended.code == KILLED, ended.output
        if point.startswith("check"):
            running = program.start()
            running.wait_for("*", program.artifacts / "cache", count=4 + IN_THE_MIDDLE)
            running.process.kill()
            assert running.wait().code == KILLED
    ended = program.run_forked()
    assert ended.code == 0, ended.output
    same(program.artifacts, undisturbed)
    with capsys.disabled():
        print(f"\nPrograms: {len(OF_DRIVERS) + 1} kills, survived")


def test_a_process_pool_whose_processes_are_killed(run, undisturbed, tmp_path, capsys):
    def pool():
        children = psutil.Process().children()
        return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]

    with Killer(tmp_path, pool, TRIES - 1) as killer:
        run(tmp_path, runner="processes", workers=2)
    same(tmp_path, undisturbed)
    with capsys.disabled():
        print(f"\nPool: {len(killer.moments)} kills, survived, at {killer.moments} s")
    assert killer.moments


@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_ctrl_c_ends_the_program_and_its_processes(sweep_in, tmp_path, runner):
    endless = ("--learning-rates", 1e-6, 2e-6, "--batch-sizes", 16, "--alphas", 0, "--max-epochs", 10**6)
    program = sweep_in(tmp_path / "artifacts", *endless, "--patience", 10**6, "--runner", runner)
    running = program.start()
    running.wait_for("*.ckpt", program.artifacts / "checkpoints", count=2)
    os.killpg(running.process.pid, signal.SIGINT)
    ended = running.wait()
    assert ended.code == 130, ended.output
    assert "Stopped. What is done is kept" in ended.output
    assert "Traceback" not in ended.output, ended.output
    assert not running.orphans(patience=10)
    until(lambda: len(list((program.artifacts / "checkpoints").glob("*.ckpt"))) == 2, 10)
