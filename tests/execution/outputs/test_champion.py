"""The champions of a data set in their folders, also damaged ones."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from execution import prepare
from execution.config import Execution
from execution.outputs import champion
from execution.storage import layout
from execution.storage.arrays import put_array
from experiment.config import Experiment

RIGHT = np.arange(40) % 4 > 0


@pytest.fixture
def execution(tmp_path):
    return prepare.run_context(Experiment(), Execution(artifacts=tmp_path / "artifacts"), "flow-run")


def summary_of(execution, right, day, data="one"):
    """As much of a sweep's summary as a champion needs."""
    execution.storage.put(f"{layout.SWEEPS}/night/model.npz", b"a model")
    provenance = {"data": {"name": "iris", "digests": {"test": data}}, "finished": f"2026-01-{day:02}T02:00:00Z"}
    return SimpleNamespace(
        name="night", best="lr=1", val_accuracy=0.5, test_accuracy=0.75, test_loss=0.5, provenance=provenance,
        correct=put_array(execution.storage, right),
    )  # fmt: skip


def flipped(content):
    return bytes([content[0] ^ 1]) + content[1:]


DAMAGE = {
    "empty": lambda content: b"", "cut": lambda content: content[: len(content) // 2], "flipped": flipped,
    "other": lambda content: b"PK\x03\x04", "removed": None,
}  # fmt: skip


@pytest.mark.parametrize("name", ["champion.json", "correct.npy"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_of_a_damaged_champion_it_is_said_and_the_one_before_counts(execution, caplog, name, damage):
    first, second = summary_of(execution, RIGHT, 1), summary_of(execution, ~RIGHT, 2)
    for summary in (first, second):
        champion.promote(execution, summary, "a test")
    assert champion.challenge(execution, second).champion.correct == second.correct
    file = execution.storage.root / champion.folder(second) / "latest" / name
    if change := DAMAGE[damage]:
        file.write_bytes(change(file.read_bytes()))
    else:
        file.unlink()
    found = champion.challenge(execution, second)
    assert found.champion.correct == first.correct
    assert not found.decision.promoted
    assert [str(file.resolve().parent) in line for line in caplog.messages] == [True]


def test_without_its_folder_or_its_link_a_data_set_goes_on(execution):
    summary = summary_of(execution, RIGHT, 1)
    champion.promote(execution, summary, "a test")
    folder = execution.storage.root / champion.folder(summary)
    (folder / "latest").unlink()
    assert champion.challenge(execution, summary).champion.correct == summary.correct
    shutil.rmtree(folder)
    assert champion.challenge(execution, summary).decision == (True, "the first", False)


def test_what_a_killed_promotion_left_is_no_champion_and_goes_with_the_next(execution, caplog):
    summary = summary_of(execution, RIGHT, 1)
    left = execution.storage.root / champion.folder(summary) / ".20260101020000-night.77"
    left.mkdir(parents=True)
    (left / "champion.json").touch()
    assert champion.challenge(execution, summary).champion is None
    assert not caplog.messages
    champion.promote(execution, summary, "a test")
    assert not left.exists()
    assert champion.challenge(execution, summary).champion.correct == summary.correct
