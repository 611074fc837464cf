"""A sweep run again: what is whole is not computed again, what is not whole is."""

import json
from collections import Counter

import pytest

from execution import faults
from experiment.errors import TrainingFailed
from flows.sweep import sweep
from report import pictures
from tests.conftest import model_of
from tests.flows.test_sweep import STEPS
from tests.offline import offline_runs


def trained_in(execution, earlier=0):
    """How many trainings have left a W&B run since there were `earlier`."""
    return sum(run.job_type == "train" for run in offline_runs(execution.artifacts)) - earlier


def test_a_second_run_trains_nothing_and_gives_the_same(summary, experiment, execution):
    again = sweep(experiment, execution)
    assert again.cached == 8
    assert len(offline_runs(execution.artifacts)) == 8 + len(STEPS)
    same = {"exclude": {"cached", "seconds", "provenance"}}
    assert again.model_dump(**same) == summary.model_dump(**same)


def test_what_was_drawn_is_put_in_place_again_if_it_is_whole(summary, experiment, execution, monkeypatch):
    drawn = []
    weights = pictures.weights
    monkeypatch.setattr(pictures, "weights", lambda *about: drawn.append(about) or weights(*about))
    folder = execution.artifacts / "sweeps" / "latest"
    whole = {path.name: path.read_bytes() for path in folder.iterdir() if path.name in summary.files}
    assert whole.keys() == summary.files.keys()
    (folder / "weights.png").write_bytes(b"scribbled over")
    sweep(experiment, execution)
    assert {name: (folder / name).read_bytes() for name in whole} == whole
    assert not drawn
    stored = execution.artifacts / "files" / summary.files["weights.png"]
    stored.write_bytes(stored.read_bytes()[:-1])
    sweep(experiment, execution)
    assert {name: (folder / name).read_bytes() for name in whole} == whole
    assert len(drawn) == 1


def test_until_a_step_everything_is_cached_and_nothing_published(experiment, execution, caplog):
    with caplog.at_level("INFO", "sweep"):
        assert sweep(experiment, execution.model_copy(update={"until": "select"})) is None
    assert "Stopped after select: lr=" in caplog.text
    assert not (execution.artifacts / "sweeps").exists()
    assert sweep(experiment, execution).cached == 8


def test_refreshed_steps_run_again_and_are_compared(summary, experiment, execution, caplog):
    with caplog.at_level("INFO", "sweep"):
        again = sweep(experiment, execution.model_copy(update={"refresh": ("train", "evaluate")}))
    assert again.cached == 0
    said = [record.message for record in caplog.records if record.message.startswith("refresh: ")]
    assert len(said) == 9
    assert all(line.endswith(" gave the same result") for line in said)
    same = {"exclude": {"cached", "seconds", "provenance"}}
    assert again.model_dump(**same) == summary.model_dump(**same)


def test_fail_fast_stops_at_the_first_training_that_fails(experiment, execution, monkeypatch):
    monkeypatch.setattr(faults, "_passes", Counter())
    monkeypatch.setenv("SWEEP_FAIL_AT", "train epoch:2")
    with pytest.raises(TrainingFailed, match=r"^1 of 8 trainings failed; the others were stopped"):
        sweep(experiment, execution.model_copy(update={"fail_fast": True, "workers": 1}))
    assert trained_in(execution) <= 2


def test_a_grown_grid_trains_only_what_is_new(summary, experiment, execution):
    grown = sweep(experiment.model_copy(update={"alphas": (0.0, 0.01, 0.1)}), execution)
    assert (grown.combinations, grown.cached) == (12, 8)
    assert trained_in(execution, earlier=8) == 4


def test_how_it_is_computed_changes_nothing_and_trains_nothing(summary, experiment, execution):
    other = execution.model_copy(
        update={"wandb_mode": "disabled", "workers": 1, "wandb_project": "other", "name": "another"}
    )
    again = sweep(experiment, other)
    assert again.cached == 8
    assert again.test_loss == summary.test_loss


def test_from_scratch_the_weights_are_the_same_bits_with_one_worker_or_two(summary, experiment, execution, tmp_path):
    alone = execution.model_copy(update={"artifacts": tmp_path / "scratch", "workers": 1})
    sweep(experiment, alone)
    one, two = model_of(alone), model_of(execution)
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].tobytes() == two[name].tobytes()


@pytest.mark.parametrize("damage", ["deleted", "truncated", "flipped"])
def test_a_step_whose_array_is_damaged_runs_again(summary, experiment, execution, damage, caplog):
    record = next(run for run in offline_runs(execution.artifacts) if run.job_type == "train")
    cached = next((execution.artifacts / "cache").glob(f"{record.id}*"))
    data = json.loads(json.loads(json.loads(cached.read_text())["record"])["result"])["data"]
    path = execution.artifacts / "arrays" / f"{data['W']['digest'].removeprefix('sha256:')}.npy"
    whole = path.read_bytes()
    content = bytearray(whole)
    content[-1] ^= 1
    path.unlink()
    if damage != "deleted":
        path.write_bytes(content if damage == "flipped" else content[:-1])
    again = sweep(experiment, execution)
    assert again.cached == 7
    assert "is not used" in caplog.text
    assert again.test_loss == summary.test_loss
    assert path.read_bytes() == whole


def test_a_damaged_record_is_set_aside_and_its_step_runs_again(summary, experiment, execution):
    for run in offline_runs(execution.artifacts):
        if run.job_type == "split":
            (cached,) = (execution.artifacts / "cache").glob(f"{run.id}*")
    content = bytearray(cached.read_bytes())
    content[200] ^= 1
    cached.write_bytes(content)
    assert sweep(experiment, execution).cached == 8  # the split comes out the same, so the trainings stand
    assert list(cached.parent.glob(f"{cached.name}.bad-*"))
    assert cached.exists()


@pytest.mark.parametrize("step", ["download", "report"])
def test_a_damaged_wandb_run_is_named_and_made_anew_once_its_record_is_gone(
    summary, experiment, execution, caplog, step
):
    run = summary.runs[step][0]
    (path,) = execution.artifacts.glob(f"wandb/offline-run-*-{run}/*.wandb")
    path.write_bytes(path.read_bytes()[:-9])
    sweep(experiment, execution)
    (warning,) = [record.message for record in caplog.records if "is damaged" in record.message]
    (record,) = execution.artifacts.glob(f"cache/{run}*")
    assert str(path.parent) in warning
    assert f"{execution.artifacts}/cache/{run}*" in warning
    record.unlink()
    caplog.clear()
    sweep(experiment, execution)
    assert "is damaged" not in caplog.text
    assert {run.exit_code for run in offline_runs(execution.artifacts)} == {0}
