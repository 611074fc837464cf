"""The program killed anywhere, then run again to the end: as if nothing had happened."""

import time

import pytest

from execution.cache import checkpoints
from execution.storage.local import LocalStorage
from tests.hostile.conftest import GRID
from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk, rows_synced
from tests.program import KILLED

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(1200)]

# What a step passes, and for the how-manieth time; outside any step the point alone. Steps in order.
POINTS = {
    "download": (
        "tracking begun:1", "arrays drafted:1", "arrays written:2", "tracking ended:1", "cache drafted:1",
        "cache written:1",
    ),
    "split": ("arrays drafted:1", "cache written:1"),
    "scale": ("arrays written:1", "cache drafted:1"),
    "check_gradients": ("tracking begun:1", "tracking ended:1"),
    "train": (
        "epoch:1", "epoch:50", "epoch:119", "checkpoints drafted:10", "checkpoints written:30",
        "checkpoints written:90", "arrays written:6",
        "cache written:4", "cache written:3", "arrays drafted:1", "cache drafted:2", "tracking ended:2",
    ),
    "select": ("tracking begun:1", "cache written:1"),
    "retrain": ("epoch:10", "checkpoints written:20", "tracking ended:1", "cache drafted:1"),
    "evaluate": ("tracking ended:1", "cache drafted:1"),
    "report": ("files drafted:3", "tracking ended:1", "cache drafted:1"),
    "": ("publish between:1", "publish in place:1", "publish linked:1"),
}  # fmt: skip
WAYS = 10  # to its end: on each it is killed at every tenth point, from another on

# Four combinations to epoch 4, two to epoch 8, one to its end; rows of W&B are all written again by each rung.
HALVED = (*GRID, "--halving", 2, "--first-rung", 4)
IN_RUNGS = (
    "train epoch:10", "train checkpoints written:25", "train epoch:31", "train cache drafted:6",
    "train checkpoints written:45",
)  # fmt: skip
BETWEEN_RUNGS = (
    "train cache written:4", "select cache drafted:1", "train tracking begun:5", "train cache written:6",
    "train tracking begun:7",
)  # fmt: skip


@pytest.fixture
def artifacts(tmp_path):
    return tmp_path / "artifacts"


def killed(program, point):
    ended = program.run(SWEEP_KILL_AT=point)
    assert ended.code == KILLED, f"it was not killed at {point}\n{ended.output}"


def same(artifacts, expected, rows, places=(rows_on_disk,)):
    found = results(artifacts)
    assert found == expected, [name for name in expected if found[name] != expected[name]]
    assert [lost_and_doubled(place(artifacts), rows) for place in places] == [(0, 0)] * len(places)


def ends_as_if_nothing_had_happened(program, undisturbed):
    """Run it again to its end, and compare everything with an undisturbed run, also as it arrives at W&B."""
    ended = program.run()
    assert ended.code == 0, ended.output
    same(program.artifacts, undisturbed.results, undisturbed.rows, places=(rows_on_disk, rows_synced))


@pytest.mark.soak(1)
@pytest.mark.parametrize("way", range(WAYS))
def test_killed_at_named_points_of_every_step(sweep_in, artifacts, undisturbed, way):
    """On the way to its end it is killed in one step after the other, each time after having gone on."""
    program = sweep_in(artifacts)
    for point in [f"{step} {point}".strip() for step in POINTS for point in POINTS[step]][way::WAYS]:
        killed(program, point)
    ends_as_if_nothing_had_happened(program, undisturbed)


@pytest.mark.soak(1)
@pytest.mark.parametrize("number", range(6))
def test_killed_at_a_random_time(sweep_in, artifacts, undisturbed, dice, number):
    program = sweep_in(artifacts)
    running = program.start()
    running.wait_for("wandb", artifacts)  # the first step has begun
    time.sleep(dice.uniform(0, undisturbed.seconds))
    running.process.kill()
    running.wait()
    ends_as_if_nothing_had_happened(program, undisturbed)


@pytest.fixture(scope="module")
def halved(sweep_in, tmp_path_factory):
    """Results, rows and number of epochs of an undisturbed halving."""
    artifacts = tmp_path_factory.mktemp("halved") / "artifacts"
    ended = sweep_in(artifacts, *HALVED).run(COUNT_EPOCHS="1")
    assert ended.code == 0, ended.output
    return results(artifacts), rows_on_disk(artifacts), ended.epochs


def test_a_halving_trains_no_epoch_twice(halved):
    found, _, epochs = halved
    summary, check = found["summary"], 1  # epoch of the gradient check
    assert (summary["pruned"], summary["epochs_trained"]) == (3, 4 + 4 + 8 + 30)
    assert epochs == check + summary["epochs_trained"] + summary["best_epoch"]


@pytest.mark.soak(1)
@pytest.mark.parametrize("point", IN_RUNGS + BETWEEN_RUNGS)
def test_killed_in_or_between_rungs_a_halving_trains_no_epoch_again(sweep_in, artifacts, halved, point):
    expected, rows, epochs = halved
    program = sweep_in(artifacts, *HALVED)
    killed(program, point)
    storage = LocalStorage(root=artifacts)
    stood = [checkpoints.load(storage, path.stem) for path in artifacts.glob("checkpoints/*.ckpt")]
    ended = program.run(COUNT_EPOCHS="1")
    assert ended.code == 0, ended.output
    assert ended.epochs <= epochs - sum(len(state.history) for state in stood)
    same(artifacts, expected, rows)
