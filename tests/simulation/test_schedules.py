"""Two programs on three workers, killed, put to sleep and refused by the store as the seed says: nothing is lost.

Leases, records, checkpoints and the hand-over of W&B's runs are the product's own; Prefect's engine is played by
`step`, in its order: lock, look, train, hand over, record, unlock.
"""

import hashlib
import json
import logging
import uuid
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from prefect.results import ResultRecord, ResultRecordMetadata
from prefect.serializers import JSONSerializer

from execution.cache import locks, records
from execution.config import RunContext
from execution.steps import training
from execution.storage import arrays, client, layout, leases, objects
from experiment.axes import Combination
from experiment.results.trained import Trained
from softmax.sgd import train
from tests.simulation.world import Clock, Lock, Process, Threads, World

SEEDS = range(100)
WORKERS, EPOCHS = 3, 6
COMBINATIONS = [Combination(learning_rate=rate, batch_size=8, alpha=0.0) for rate in (0.5, 0.1, 0.02)]
KEYS = {one: hashlib.sha256(repr(one).encode()).hexdigest() for one in COMBINATIONS}
PIXELS = np.random.default_rng(0).random((24, 3), np.float32)
LABELS = (PIXELS.sum(1) > 1.5).astype(np.int64)
TROUBLES = 10  # deaths and sleeps in a schedule
LONGEST = 3600.0  # virtual seconds in which everything is to be done


def epochs(combination, **more):
    return train(
        PIXELS, LABELS, np.arange(16), np.arange(16, 24), classes=2, seed=1, max_epochs=EPOCHS, engine="numpy",
        learning_rate=combination.learning_rate, batch_size=combination.batch_size, alpha=combination.alpha, **more,
    )  # fmt: skip


class Run:
    """What a training asks of W&B's run; offline, a folder with a file of rows and one beside it."""

    starting_step = 0

    def __init__(self):
        self.rows = []
        self.summary = {}

    def define_metric(self, *_, **__): ...

    def log(self, values, step, commit):
        self.rows.append(step)

    def hand_over(self, storage, identity):
        folder = storage.folder(layout.TRACKING) / f"offline-run-now-{identity}"
        (folder / "files").mkdir(parents=True, exist_ok=True)
        (folder / f"run-{identity}.wandb").write_text(json.dumps(self.rows))
        (folder / "files" / "table.json").write_text("[]")
        storage.hand_over(folder, f"{layout.TRACKING}/offline-run-{identity}")


class Simulation:
    def __init__(self, seed):
        self.world = World(seed)
        self.bucket = f"s3://{uuid.uuid4().hex}"  # of which no earlier one's caches know anything
        self.processes = {}
        self.digests = {}  # what was ever recorded, by combination
        self.trained = 0
        self.begun = 0

    def process(self, name):
        self.begun += 1
        process = Process(self.world, f"{name}-{self.begun}")
        url = f"{self.bucket}/{process.name}"
        self.processes[url] = process
        process.execution = RunContext(
            name="sweep", workers=1, wandb_mode="offline", wandb_project="p", flow_run="run", artifacts=url,
            checkpoint_seconds=2.0,
        )  # fmt: skip
        return process

    def step(self, process, combination):
        """As Prefect's engine runs a step whose isolation is SERIALIZABLE."""
        execution, key = process.execution, KEYS[combination]
        storage, manager, holder = execution.storage, locks.KeyLocks(execution), process.name
        manager.acquire_lock(key, holder)
        try:
            try:
                return records.read(storage, key)
            except ValueError:
                pass
            run, identity = Run(), key[: layout.IDENTITY]

            def slowly(**given):
                for state in epochs(combination, **given):
                    self.world.sleep(self.world.dice.expovariate(0.5))
                    yield state

            state = training.follow(execution, identity, run, slowly)
            run.hand_over(storage, identity)
            put = partial(arrays.put_array, storage)
            result = Trained(
                combination=combination, diverged=False, epochs_trained=EPOCHS, best_epoch=state.best_epoch,
                val_loss=state.lowest, val_cross_entropy=state.lowest, val_accuracy=1.0, correct=None,
                W=put(state.best.W), b=put(state.best.b), history=put(np.array(state.history)), task_run=holder,
            )  # fmt: skip
            self.trained += 1
            self.digests.setdefault(combination, set()).add((result.W.digest, result.history.digest))
            metadata = ResultRecordMetadata(storage_key=f"{layout.RECORDS}/{key}", serializer=JSONSerializer())
            content = ResultRecord(result=result, metadata=metadata).serialize()
            records.RecordStorage(storage=storage).write_path(key, content)
        finally:
            manager.release_lock(key, holder)

    def play(self):
        """Both programs want every combination; workers die and sleep, and in the end everything is done."""
        order = self.world.dice.sample(COMBINATIONS, len(COMBINATIONS))
        self.queue = [combination for combination in order for program in range(2)]
        for _ in range(WORKERS):
            self.begin()
        self.world.run(LONGEST)
        assert not self.queue
        assert not any(process.task for process in self.processes.values() if not process.dead)

    def begin(self):
        worker = self.process("worker")
        worker.task, worker.stumble = None, lambda: self.stumble(worker)
        self.world.start(worker, self.work, worker)

    def work(self, worker):
        while self.queue:
            worker.task = self.queue.pop(0)
            self.step(worker, worker.task)
            worker.task = None

    def stumble(self, worker):
        """A worker dies, its task goes to another one; or its machine sleeps, for longer than a lease at times."""
        dice = self.world.dice
        if self.world.happened["killed"] + self.world.happened["asleep"] == TROUBLES:
            return
        if dice.random() < 0.5:
            self.world.happened["asleep"] += 1
            worker.fall_asleep(dice.uniform(10, 60))
        else:
            self.world.happened["killed"] += 1
            self.queue += [worker.task] if worker.task else []
            self.begin()
            worker.kill()

    def look(self):
        """From another machine, when all is over: every record, and what is sent to W&B."""
        self.world.faults = False
        process = self.process("reader")
        found = {}

        def read():
            storage = process.execution.storage
            for combination, key in KEYS.items():
                found[combination] = json.loads(json.loads(records.read(storage, key))["result"])["data"]
            found["runs"] = {
                path.parent.name: json.loads(path.read_text())
                for path in storage.gather(layout.TRACKING).glob("offline-run-*/*.wandb")
            }
            found["aside"] = [entry["path"] for entry in storage.below("") if ".bad-" in entry["path"]]

        self.world.start(process, read)
        self.world.run(2 * LONGEST)
        return found


@pytest.fixture
def simulated(monkeypatch, tmp_path):
    """Play the schedule of a seed."""
    monkeypatch.setattr(logging.getLogger("sweep"), "disabled", True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def simulate(seed):
        simulation = Simulation(seed)
        world = simulation.world
        for module in (leases, client, objects, training):
            monkeypatch.setattr(module, "time", Clock(world))
        monkeypatch.setattr(leases, "threading", Threads(world))
        monkeypatch.setattr(leases, "uuid", SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=str(world.dice.random()))))
        monkeypatch.setattr(client, "random", world.dice)
        monkeypatch.setattr(objects, "_looking", Lock(world))
        monkeypatch.setattr(client, "connected", simulation.processes.get)
        try:
            simulation.play()
            return simulation, simulation.look()
        finally:
            world.end()

    return simulate


def truth():
    """What each combination comes to undisturbed."""
    for combination in COMBINATIONS:
        *_, state = epochs(combination)
        yield combination, state


def test_no_schedule_trains_to_two_different_bits_loses_a_record_or_sends_a_row_twice(simulated, capsys):
    happened, trained = World(0).happened, 0
    for seed in SEEDS:
        simulation, found = simulated(seed)
        where = f"seed {seed}"
        for combination, state in truth():
            assert len(simulation.digests[combination]) == 1, where
            result = found[combination]
            assert result["best_epoch"] == state.best_epoch, where
            assert (result["W"]["digest"], result["history"]["digest"]) in simulation.digests[combination], where
        runs = {f"offline-run-{key[: layout.IDENTITY]}": list(range(1, EPOCHS + 1)) for key in KEYS.values()}
        assert found["runs"] == runs, where
        assert found["aside"] == [], where
        happened += simulation.world.happened
        trained += simulation.trained
    with capsys.disabled():
        print(f"\nSimulation, seeds {SEEDS.start} to {SEEDS.stop - 1}: {trained} trainings, {dict(happened)}")


def test_a_seed_is_a_schedule(simulated):
    first, again = (simulated(7)[0].world.trace for _ in range(2))
    assert first == again
