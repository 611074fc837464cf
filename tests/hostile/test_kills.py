"""The program killed anywhere, then run again to the end: as if nothing had happened."""

import random
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk, rows_synced
from tests.hostile.program import KILLED

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(1200)]

AT_ONCE = 3

# Passes are numbered through: records 1 to 3 are those of download, normalize and split, 5 to 8 of the trainings.
POINTS = {
    "download": (
        "tracking begun:1", "array drafted:1", "array stored:2", "tracking ended:1", "cache drafted:1",
        "cache written:1",
    ),
    "normalize": ("array stored:5", "cache drafted:2"),
    "split": ("array drafted:7", "cache written:3"),
    "check_gradients": ("tracking begun:4", "tracking ended:4"),
    "train": (
        "epoch:1", "epoch:50", "epoch:119", "checkpoints drafted:10", "checkpoints written:30",
        "checkpoints written:90", "array drafted:9", "array stored:14", "tracking ended:6", "cache drafted:6",
        "cache written:7", "cache written:8",
    ),
    "select": ("tracking begun:9", "cache written:9"),
    "retrain": ("epoch:130", "checkpoints written:140", "tracking ended:10", "cache drafted:10"),
    "evaluate": ("tracking ended:11", "cache drafted:11"),
    "report": ("report between:1", "report in place:1", "report linked:1", "tracking ended:12", "cache drafted:12"),
}  # fmt: skip
RANDOM_KILLS = 6


@dataclass
class Attempt:
    """At killing the program."""

    when: str
    synced: bool  # compare what arrives at a W&B server, too
    killed: bool = False
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
    kills = [attempt for attempt in attempts if attempt.killed]
    bad = [attempt for attempt in attempts if attempt.trouble or attempt.lost or attempt.doubled]
    line = (
        f"{len(kills)} kills tried, {len(kills) - sum(attempt in bad for attempt in kills)} survived, "
        f"{sum(attempt.lost for attempt in kills)} rows lost, {sum(attempt.doubled for attempt in kills)} rows doubled"
    )
    assert not bad, "\n".join([line, *map(str, bad)])
    return line


@pytest.fixture
def root_of(tmp_path):
    """The artifact root of an attempt."""
    return lambda attempt: tmp_path / attempt.when.replace(" ", "-").replace(":", "-")


@pytest.fixture
def again(sweep_in, undisturbed, root_of):
    """Run it again to its end, and compare everything with an undisturbed run."""

    def finish(attempt: Attempt) -> None:
        root, expected, rows = root_of(attempt), undisturbed.results, undisturbed.rows
        ended = sweep_in(root).run_forked()
        assert ended.code == 0, ended.output
        attempt.lost, attempt.doubled = lost_and_doubled(rows_on_disk(root), rows)
        found = results(root)
        assert found == expected, [name for name in expected if found[name] != expected[name]]
        if attempt.synced:
            lost, doubled = lost_and_doubled(rows_synced(root), rows)
            attempt.lost, attempt.doubled = attempt.lost + lost, attempt.doubled + doubled
        shutil.rmtree(root)

    return finish


def test_killed_at_any_named_point_of_any_step_it_goes_on_as_if_nothing_had_happened(sweep_in, root_of, again, capsys):
    def kill(attempt):
        ended = sweep_in(root_of(attempt)).run_forked(SWEEP_KILL_AT=attempt.when)
        assert ended.code == KILLED, f"it was not killed\n{ended.output}"
        attempt.killed = True

    attempts = [Attempt(point, synced=point == points[0]) for points in POINTS.values() for point in points]
    assert len(attempts) >= 30
    line = campaign(attempts, kill, again)
    with capsys.disabled():
        print(f"\nNamed points of {len(POINTS)} steps: {line}")


def test_killed_at_a_random_time_it_goes_on_as_if_nothing_had_happened(sweep_in, root_of, again, undisturbed, capsys):
    seed = random.SystemRandom().randrange(10**6)
    dice, longest = random.Random(seed), undisturbed.seconds

    def kill(attempt):
        running = sweep_in(root_of(attempt)).start()
        running.wait_for("wandb", root_of(attempt))  # the first step has begun
        time.sleep(float(attempt.when.split()[0]))
        running.process.kill()
        attempt.killed = running.wait().code == KILLED

    attempts = [Attempt(f"{dice.uniform(0, longest):.3f} s", synced=True) for _ in range(RANDOM_KILLS)]
    line = campaign(attempts, kill, again)
    with capsys.disabled():
        print(f"\nRandom times, seed {seed}: {line}")
