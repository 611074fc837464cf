"""The program killed anywhere, then run again to the end: as if nothing had happened."""

import random
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from execution.cache import checkpoints
from execution.storage.local import LocalStorage
from tests.hostile.conftest import GRID
from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk, rows_synced
from tests.program import KILLED

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(1200)]

AT_ONCE = 3

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
WAYS = 7  # in which it comes to its end: on each it is killed at every seventh point of a step, from another on
RANDOM_KILLS = 6

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


@dataclass
class Attempt:
    """At killing the program, once or again and again."""

    when: tuple[str, ...]
    synced: bool  # compare what arrives at a W&B server, too
    kills: int = 0
    lost: int = 0
    doubled: int = 0
    trouble: str = ""


def campaign(attempts: Iterable[Attempt], kill: Callable[[Attempt], None], again: Callable[[Attempt], None]) -> str:
    """Several at once: kill the program, run it again to its end and compare. Returns what to print."""
    attempts = list(attempts)

    def one(attempt: Attempt) -> None:
        try:
            kill(attempt)
            again(attempt)
        except Exception as error:
            attempt.trouble = f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, attempts))
    bad = [attempt for attempt in attempts if attempt.trouble or attempt.lost or attempt.doubled]
    line = (
        f"{sum(attempt.kills for attempt in attempts)} kills tried, "
        f"{sum(attempt.kills for attempt in attempts if attempt not in bad)} survived, "
        f"{sum(attempt.lost for attempt in attempts)} rows lost, "
        f"{sum(attempt.doubled for attempt in attempts)} rows doubled"
    )
    assert not bad, "\n".join([line, *map(str, bad)])
    return line


@pytest.fixture
def root_of(tmp_path):
    """The artifact root of an attempt."""
    return lambda attempt: tmp_path / attempt.when[-1].replace(" ", "-").replace(":", "-")


@pytest.fixture
def again(sweep_in, undisturbed, root_of):
    """Run it again to its end, and compare everything with an undisturbed run."""

    def finish(attempt: Attempt) -> None:
        root, expected, rows = root_of(attempt), undisturbed.results, undisturbed.rows
        ended = sweep_in(root).run_forked()
        assert ended.code == 0, ended.output
        found = results(root)
        assert found == expected, [name for name in expected if found[name] != expected[name]]
        for place in (rows_on_disk, rows_synced) if attempt.synced else (rows_on_disk,):
            lost, doubled = lost_and_doubled(place(root), rows)
            attempt.lost, attempt.doubled = attempt.lost + lost, attempt.doubled + doubled
            if lost or doubled:
                attempt.trouble += f"{place.__name__}: {lost} lost, {doubled} doubled. "
        shutil.rmtree(root)

    return finish


def test_killed_at_any_named_point_of_any_step_it_goes_on_as_if_nothing_had_happened(sweep_in, root_of, again, capsys):
    """On the way to each end it is killed in one step after the other, each time after having gone on."""

    def kill(attempt):
        for point in attempt.when:
            ended = sweep_in(root_of(attempt)).run_forked(SWEEP_KILL_AT=point)
            assert ended.code == KILLED, f"it was not killed at {point}\n{ended.output}"
            attempt.kills += 1

    ways = [[f"{step} {point}".strip() for step in POINTS for point in POINTS[step][way::WAYS]] for way in range(WAYS)]
    attempts = [Attempt(tuple(way), synced=True) for way in ways]
    assert sum(len(attempt.when) for attempt in attempts) >= 30
    line = campaign(attempts, kill, again)
    with capsys.disabled():
        print(f"\nNamed points of {len(POINTS) - 1} steps and after them: {line}")


def test_killed_at_a_random_time_it_goes_on_as_if_nothing_had_happened(sweep_in, root_of, again, undisturbed, capsys):
    seed = random.SystemRandom().randrange(10**6)
    dice, longest = random.Random(seed), undisturbed.seconds

    def kill(attempt):
        running = sweep_in(root_of(attempt)).fork()
        running.wait_for("wandb", root_of(attempt))  # the first step has begun
        time.sleep(float(attempt.when[0].split()[0]))
        running.process.kill()
        attempt.kills += running.wait().code == KILLED

    attempts = [Attempt((f"{dice.uniform(0, longest):.3f} s",), synced=True) for _ in range(RANDOM_KILLS)]
    line = campaign(attempts, kill, again)
    with capsys.disabled():
        print(f"\nRandom times, seed {seed}: {line}")


def test_killed_in_and_between_rungs_a_halving_goes_on_as_if_nothing_had_happened_and_trains_no_epoch_again(
    sweep_in, root_of, capsys, tmp_path
):
    undisturbed = tmp_path / "undisturbed"
    whole = sweep_in(undisturbed, *HALVED).run_forked(COUNT_EPOCHS="1")
    assert whole.code == 0, whole.output
    expected, rows = results(undisturbed), rows_on_disk(undisturbed)
    summary, check = expected["summary"], 1  # epoch of the gradient check
    assert (summary["pruned"], summary["epochs_trained"]) == (3, 4 + 4 + 8 + 30)
    assert whole.epochs == check + summary["epochs_trained"] + summary["best_epoch"]  # none twice

    def kill(attempt):
        ended = sweep_in(root_of(attempt), *HALVED).run_forked(SWEEP_KILL_AT=attempt.when[0])
        assert ended.code == KILLED, f"it was not killed\n{ended.output}"
        attempt.kills += 1

    def again(attempt):
        root = root_of(attempt)
        storage = LocalStorage(root=root)
        stood = [checkpoints.load(storage, path.stem) for path in root.glob("checkpoints/*.ckpt")]
        ended = sweep_in(root, *HALVED).run_forked(COUNT_EPOCHS="1")
        assert ended.code == 0, ended.output
        assert ended.epochs <= whole.epochs - sum(len(state.history) for state in stood)
        attempt.lost, attempt.doubled = lost_and_doubled(rows_on_disk(root), rows)
        found = results(root)
        assert found == expected, [name for name in expected if found[name] != expected[name]]
        shutil.rmtree(root)

    line = campaign([Attempt((when,), synced=False) for when in (*IN_RUNGS, *BETWEEN_RUNGS)], kill, again)
    with capsys.disabled():
        print(f"\nIn {len(IN_RUNGS)} places within rungs and {len(BETWEEN_RUNGS)} between them: {line}")
