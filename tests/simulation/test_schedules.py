"""Two programs on three workers, killed, put to sleep and refused by the store as the seed says: nothing is lost.

Leases, records, checkpoints and the hand-over of W&B's runs are the product's own; `step` plays Prefect's engine.
"""

import json
import logging
import uuid
from types import SimpleNamespace

import pytest

from execution.config import RunContext
from execution.steps import run as training
from execution.storage import client, layout, leases, objects
from tests.simulation.steps import COMBINATIONS, EPOCHS, KEYS, bits, epochs, recorded, result_in, step, truth
from tests.simulation.world import Clock, Lock, Process, Threads, World

SEEDS = range(200, 300)
WORKERS = 3
TROUBLES = 10  # deaths and sleeps in a schedule
LONGEST = 3600.0  # virtual seconds in which everything is to be done


class Simulation:
    def __init__(self, seed):
        self.world = World(seed)
        self.bucket = f"s3://{uuid.uuid4().hex}"  # of which no earlier one's caches know anything
        self.processes = {}
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
        def slowly(**given):
            for state in epochs(combination, **given):
                self.world.sleep(self.world.dice.expovariate(0.5))
                yield state

        step(process.execution, combination, process.name, slowly)

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
        """From another machine, when all is over: every record, W&B's runs, and what was set aside."""
        self.world.faults = False
        process = self.process("reader")
        found = {}

        def read():
            storage = process.execution.storage
            found["results"] = {combination: recorded(storage, combination) for combination in COMBINATIONS}
            paths = [entry["path"] for entry in storage.below("")]
            found["runs"] = {path: json.loads(storage.get(path)) for path in paths if path.endswith(".wandb")}
            found["aside"] = [path for path in paths if ".bad-" in path]

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
        monkeypatch.setattr(
            leases, "uuid", SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=str(world.dice.random())))
        )
        monkeypatch.setattr(client, "random", world.dice)
        monkeypatch.setattr(objects, "_looking", Lock(world))
        monkeypatch.setattr(client, "connected", simulation.processes.get)
        try:
            simulation.play()
            return simulation, simulation.look()
        finally:
            world.end()

    return simulate


@pytest.mark.soak
def test_no_schedule_gives_other_bits_loses_a_record_or_sends_a_row_twice(simulated, capsys, dice, whole):
    happened, trained = World(0).happened, 0
    seeds = dice.sample(range(10**6), 1000) if whole else SEEDS
    for seed in seeds:
        simulation, found = simulated(seed)
        where = f"seed {seed}"
        for combination, state in truth():
            result = found["results"][combination]
            written = simulation.world.written[f"{layout.RECORDS}/{KEYS[combination]}"]
            assert {bits(result_in(json.loads(one)["record"])) for one in written} == {bits(result)}, where
            trained += len(written)
            assert (result.epochs, result.lowest) == (EPOCHS, state.lowest), where
        assert list(found["runs"].values()) == [list(range(1, EPOCHS + 1))] * len(COMBINATIONS), where
        assert found["aside"] == [], where
        happened += simulation.world.happened
    with capsys.disabled():
        print(f"\nSimulation, {len(seeds)} seeds: {trained} trainings, {dict(happened)}")


def test_a_seed_is_a_schedule(simulated):
    first, again = (simulated(7)[0].world.trace for _ in range(2))
    assert first == again
