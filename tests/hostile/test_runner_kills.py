"""Workers, scheduler and driver killed while trainings run in other processes: as if nothing had happened."""

import multiprocessing
import os
import signal
import threading
import time
from contextlib import suppress

import pytest
from distributed import Client

from execution.config import Execution
from experiment.config import Experiment
from experiment.errors import SchedulerGone
from flows.search import TRIES
from flows.sweep import sweep
from tests.flows.dask_cluster import Cluster
from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk
from tests.patience import until
from tests.program import KILLED
from tests.wandb_server import WandbServer

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(2400)]

EPOCHS = 40
HELD_AT = "train checkpoints written:20"  # trainings wait here, in their middle, while one of them is to be killed
GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1, 0.05),
    "batch_sizes": (16, 64),
    "alphas": (0.0,),
} | dict.fromkeys(("max_epochs", "patience"), EPOCHS)
OF_WORKERS, OF_SCHEDULERS = 13, 2  # kills; in a sample 2 or 1
# Of the program, whose trainings run elsewhere: what it passes before, between and after them, and while they wait.
OF_DRIVERS = (
    "check_gradients cache written:1", HELD_AT, "select cache drafted:1", "retrain epoch:10", "publish in place:1",
)  # fmt: skip
LONGEST = 1.5  # seconds from one kill of a worker to the next


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """As long as this file is there trainings in other processes wait."""
    return tmp_path_factory.mktemp("held") / "held"


@pytest.fixture(scope="module")
def waiting(held):
    return {"SWEEP_WAIT_AT": HELD_AT, "SWEEP_WAIT_FILE": str(held)}


@pytest.fixture(scope="module")
def wandb_server():
    with WandbServer() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, waiting, wandb_server):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), waiting | wandb_server.env(), forked=True)
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
    """Kills a process, now and then, as often as is asked for, while trainings wait; then it lets them go on."""

    def __init__(self, artifacts, victims, most, held, dice):
        held.touch()
        self.held = held
        self.checkpoints, self.victims, self.most = artifacts / "checkpoints", victims, most
        self.kills, self.over = 0, threading.Event()
        self.dice = dice
        self.thread = threading.Thread(target=self.kill)

    def kill(self):
        now = time.time()
        while self.kills < self.most and not self.over.wait(self.dice.uniform(0.1, LONGEST)):
            with suppress(Exception):  # a victim may be gone, or not be there again yet
                trained = any(path.stat().st_mtime > now for path in self.checkpoints.glob("*.ckpt"))
                if trained and (victims := self.victims()):
                    os.kill(self.dice.choice(victims), signal.SIGKILL)
                    self.kills += 1
        self.held.unlink()

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


@pytest.mark.soak(1)
@pytest.mark.parametrize("victim", ["workers", "scheduler"])
def test_a_cluster_that_is_killed(victim, cluster, held, run, undisturbed, tmp_path, dice, whole):
    cluster.wait(2)  # those that were killed may be on their way back
    on_cluster = {"runner": "dask", "dask_address": cluster.address}
    if victim == "workers":
        kills = OF_WORKERS if whole else 2
        with Killer(tmp_path, at_work(cluster), kills, held, dice) as killer:
            run(tmp_path, **on_cluster)
        assert killer.kills == kills
    else:
        for _ in range(OF_SCHEDULERS if whole else 1):
            killer = Killer(tmp_path, lambda: [cluster.scheduler.pid], 1, held, dice)
            with killer, pytest.raises(SchedulerGone, match="run"):
                run(tmp_path, **on_cluster)
            assert killer.kills == 1
            cluster.begin_again()
        run(tmp_path, **on_cluster)
    same(tmp_path, undisturbed)


@pytest.fixture
def driver(cluster, sweep_in, tmp_path):
    """The program, whose trainings run on the cluster."""

    def driver(*flags, **environment):
        named = [(f"--{name.replace('_', '-')}", value) for name, value in GRID.items()]
        grid = [part for name, value in named for part in (name, *(value if isinstance(value, tuple) else [value]))]
        where = ("--runner", "dask", "--dask-address", cluster.address)
        program = sweep_in(tmp_path / "artifacts", *grid, *where, *flags, **environment)
        del program.flags[program.flags.index("--workers") : program.flags.index("--workers") + 2]
        return program

    return driver


@pytest.mark.soak
def test_a_program_that_is_killed_while_a_cluster_trains_for_it(driver, held, undisturbed, dice, whole):
    program = driver()
    drawn = OF_DRIVERS if whole else dice.sample(OF_DRIVERS, 1)
    for point in filter(drawn.__contains__, OF_DRIVERS):  # in their order
        if point == HELD_AT:
            held.touch()
            running = program.start()
            running.wait_for("*.ckpt", program.artifacts / "checkpoints", count=2)
            running.process.kill()
            ended = running.wait()
            held.unlink()
        else:
            ended = program.run(SWEEP_KILL_AT=point)
        assert ended.code == KILLED, ended.output
    ended = program.run()
    assert ended.code == 0, ended.output
    same(program.artifacts, undisturbed)


def test_online_every_row_of_killed_workers_arrives_once(driver, cluster, wandb_server, held, undisturbed, dice):
    program = driver("--wandb-mode", "online", **wandb_server.env())
    with Killer(program.artifacts, at_work(cluster), 2, held, dice) as killer:
        ended = program.run()
    assert ended.code == 0, ended.output
    trained = [run for run in wandb_server.runs.values() if run.job_type == "train"]
    assert [run.state for run in trained] == ["finished"] * 6
    for run in trained:
        assert [row["epoch"] for row in run.received] == list(range(1, EPOCHS + 1))
    assert results(program.artifacts) == undisturbed[0]
    assert killer.kills == 2


def test_a_process_pool_whose_processes_are_killed(run, held, waiting, undisturbed, tmp_path, monkeypatch, dice):
    for name, value in waiting.items():
        monkeypatch.setenv(name, value)

    def pool():
        return [child.pid for child in multiprocessing.active_children()]

    with Killer(tmp_path, pool, TRIES - 1, held, dice) as killer:
        run(tmp_path, runner="processes", workers=2)
    same(tmp_path, undisturbed)
    assert killer.kills == TRIES - 1


@pytest.mark.soak(1)
@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_ctrl_c_ends_the_program_and_its_processes(sweep_in, tmp_path, runner):
    endless = ("--learning-rates", 1e-6, 2e-6, "--batch-sizes", 16, "--alphas", 0, "--max-epochs", 10**6)
    program = sweep_in(tmp_path / "artifacts", *endless, "--patience", 10**6, "--runner", runner)
    running = program.start(forked=False)  # a forked one has a forkserver already
    try:
        running.wait_for("*.ckpt", program.artifacts / "checkpoints", count=2)
        forked = [process for process in running.family() if "forkserver" in " ".join(process.cmdline())]
        os.killpg(running.process.pid, signal.SIGINT)
        ended = running.wait()
        assert ended.code == 130, ended.output
        assert "Stopped. Finished work is kept" in ended.output
        assert "Traceback" not in ended.output, ended.output
        assert not running.orphans()
    finally:  # it would run for ever
        for process in running.family():
            process.kill()
    assert len(forked) == 3  # two, from one
    until(lambda: len(list((program.artifacts / "checkpoints").glob("*.ckpt"))) == 2)
