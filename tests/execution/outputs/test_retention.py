"""`python -m flows clean`: what no finished sweep needs goes, on confirmation, and nothing else."""

import json
import shutil
import sys
import threading
import uuid
from pathlib import Path

import pytest
from filelock import FileLock

from execution.config import Execution
from execution.outputs import retention
from execution.storage import layout
from execution.storage.local import LocalStorage
from experiment.config import Experiment
from experiment.errors import InputError, InUse
from flows import __main__ as command_line
from flows.sweep import sweep
from tests.offline import offline_runs

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1),
    "batch_sizes": (64,),
    "alphas": (0.0,),
    "max_epochs": 3,
}


@pytest.fixture
def swept(digits, tmp_path, prefect_server):
    """Two sweeps on one root, the second with one combination more, and what an interrupted one left."""
    execution = Execution(artifacts=tmp_path / "artifacts", wandb_mode="offline")
    experiment = Experiment(data_dir=digits, **GRID)
    grown = experiment.model_copy(update={"learning_rates": (0.5, 0.1, 0.01)})
    sweep(experiment, execution)
    sweep(grown, execution)
    left = execution.artifacts / "checkpoints" / f"{'0' * 20}.ckpt"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"")
    return execution, experiment, grown


def remove(execution, keep):
    """Do what `clean` does, without asking; give what was removed."""
    found = retention.unneeded(execution.storage, keep, unsent=True)
    retention.remove(execution.storage, found, keep, unsent=True)
    return found.keys


def test_all_that_finished_sweeps_need_is_kept(swept):
    execution, experiment, grown = swept
    copies = {"wandb"}  # that W&B's client made of tables, and does not need
    assert {key.split("/")[0] for key in remove(execution, keep=None)} - copies == {"checkpoints", "locks"}
    assert sweep(experiment, execution).cached == 2
    assert sweep(grown, execution).cached == 3


def test_a_sweep_that_is_to_keep_the_newest_removes_the_others_and_their_unsent_runs(swept):
    execution, experiment, _ = swept
    unsent = {run.id for run in offline_runs(execution.artifacts)}
    other = experiment.model_copy(update={"learning_rates": (0.05,)})
    last = sweep(other, execution)
    mine = {run for runs in last.runs.values() for run in runs}
    written = [path for run in mine for path in execution.artifacts.glob(f"wandb/*{run}/*.wandb")]
    tables = {key for path in written for key in retention.files_sent(path) if key.startswith(layout.STAGED)}
    assert tables
    for key in (*tables, stray := f"{layout.STAGED}/tmp_1234567"):  # the client puts them below its first root
        execution.storage.put(key, b"")
    assert sweep(other, execution.model_copy(update={"keep": 1})).cached == 1
    kept = {layout.LATEST, layout.HISTORY, f"{layout.SWEEPS}/{last.name}"}
    assert set(execution.storage.list(layout.SWEEPS)) == kept
    assert {run.id for run in offline_runs(execution.artifacts)} == mine != unsent
    assert all(map(execution.storage.exists, tables))
    assert not execution.storage.exists(stray)


def test_of_dropped_sweeps_only_what_kept_ones_share_stays(swept):
    execution, experiment, grown = swept
    remove(execution, keep=1)
    before = len(offline_runs(execution.artifacts))
    assert sweep(grown, execution).cached == 3
    assert len(offline_runs(execution.artifacts)) == before
    assert remove(execution, keep=0)
    assert not list((execution.artifacts / "arrays").iterdir())
    assert not list((execution.artifacts / "files").iterdir())
    assert sweep(experiment, execution).cached == 0


@pytest.mark.parametrize(("answer", "removed"), [("n", False), ("", False), ("y", True)])
def test_clean_shows_what_it_would_remove_and_asks(swept, monkeypatch, capsys, answer, removed):
    execution, *_ = swept
    monkeypatch.setattr(sys, "argv", ["flows", "clean", "--artifacts", str(execution.artifacts)])
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert command_line.app(sys.argv[1:], exit_on_error=False) == 0
    assert "checkpoints: 1 to remove" in capsys.readouterr().out
    assert list((execution.artifacts / "checkpoints").iterdir()) == ([] if removed else [*retention_left(execution)])


def retention_left(execution):
    return (execution.artifacts / "checkpoints").glob("0*.ckpt")


def test_runs_that_were_never_sent_stay_with_what_they_send_unless_it_is_said(swept, capsys):
    root = swept[0].artifacts
    before = {run.id for run in offline_runs(root)}
    sent = offline_runs(root)[0].folder
    (sent / "run.wandb.synced").touch()
    clean = ["clean", "--artifacts", str(root), "--keep", "0", "--yes"]
    assert command_line.app(clean, exit_on_error=False) == 0
    said = capsys.readouterr().out
    assert f"{len(before) - 1} W&B runs were never sent and will be kept" in said
    assert f"-m flows sync --artifacts {root}" in said
    assert {run.id for run in offline_runs(root)} == before - {sent.name.split("-", 3)[-1]}
    needed = {
        Path(entry.local_path)
        for run in offline_runs(root)
        for artifact in run.artifacts
        for entry in artifact.manifest.contents
        if entry.local_path
    }
    assert needed
    assert all(path.exists() for path in needed)
    assert not list((root / "arrays").iterdir())
    assert not list((root / "cache").iterdir())
    assert command_line.app([*clean, "--unsent"], exit_on_error=False) == 0
    assert "W&B runs were never sent and will be removed" in capsys.readouterr().out
    assert not offline_runs(root)
    assert not [
        path
        for folder in ("files", "wandb/begun", "sweeps")
        for path in (root / folder).iterdir()
        if path.name != "history.csv"
    ]


def test_the_draft_of_a_killed_report_is_no_sweep_to_keep(tmp_path):
    made(tmp_path, "real", "a")
    (tmp_path / "sweeps" / ".real.123").mkdir()  # newer than the real one
    (tmp_path / "sweeps" / ".real.124.old").mkdir()
    found = retention.unneeded(LocalStorage(root=tmp_path), keep=1)
    assert found.keys == ["sweeps/.real.123", "sweeps/.real.124.old"]


def made(root, name, identity, finished="2026-01-01T00:00:00Z", **more):
    """A sweep's folder with such a summary."""
    folder = root / "sweeps" / name
    folder.mkdir(parents=True)
    provenance = {"finished": finished} if finished else {}
    summary = {"name": name, "runs": {"train": [identity * 20]}, "provenance": provenance} | more
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.mark.parametrize(
    "summary", [None, b"", b"{}", b'{"runs": {}}', b"\xff", b'{"name": "x", "runs": {"train": ["a"]}}']
)
def test_a_folder_whose_summary_cannot_be_read_stops_it_and_is_named(tmp_path, summary):
    made(tmp_path, "real", "a")
    folder = tmp_path / "sweeps" / "other"
    folder.mkdir()
    (folder / "summary.json" if summary is not None else folder / "notes.txt").write_bytes(summary or b"")
    for keep in (None, 0, 1):
        with pytest.raises(InputError, match=f"{folder} holds no readable summary of a sweep"):
            retention.unneeded(LocalStorage(root=tmp_path), keep)


def test_age_is_what_summaries_say_and_what_says_none_stays(tmp_path):
    made(tmp_path, "new", "a", "2026-03-01T00:00:00Z")
    made(tmp_path, "old", "b", "2026-02-01T00:00:00+00:00")  # its folder is newer
    made(tmp_path, "older", "c", None)
    shutil.copytree(tmp_path / "sweeps" / "new", tmp_path / "sweeps" / "z-copy")
    (tmp_path / "sweeps" / "latest").symlink_to("new")
    storage = LocalStorage(root=tmp_path)
    assert retention.unneeded(storage, keep=1).keys == ["sweeps/old", "sweeps/z-copy"]
    assert retention.unneeded(storage, keep=1).undated == ["sweeps/older"]
    assert retention.unneeded(storage, keep=0).keys == [f"sweeps/{name}" for name in ("latest", "new", "old", "z-copy")]
    assert retention.unneeded(storage, keep=None).keys == []


def test_what_is_not_named_as_the_program_names_things_is_left_alone(tmp_path):
    foreign = [
        "sweeps/notes.txt", "sweeps/.DS_Store", "cache/README", "arrays/mine.npy", "files/" + "A" * 64, "locks/x.txt",
        "checkpoints/epoch-7.ckpt", "wandb/offline-run-mine", "wandb/debug.log", "runs/notes", "drafts/thesis.tex",
        "data/x", "else/x",
    ]  # fmt: skip
    for name in foreign:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    assert retention.unneeded(LocalStorage(root=tmp_path), keep=0).keys == []
    assert (tmp_path / "locks" / "x.txt").read_text() == "mine"


def test_what_became_needed_since_it_was_asked_for_stays(tmp_path):
    storage, left = LocalStorage(root=tmp_path), "checkpoints/" + "a" * 20 + ".ckpt"
    storage.put(left, b"")
    storage.put("checkpoints/" + "b" * 20 + ".ckpt", b"")
    found = retention.unneeded(storage, keep=None)
    made(tmp_path, "real", "a")
    retention.remove(storage, found, keep=None)
    assert list(storage.list("checkpoints")) == [left]


def test_while_something_is_removed_no_sweep_begins(tmp_path):
    storage, begun = LocalStorage(root=tmp_path), threading.Event()

    def begin():
        with retention.in_use(storage, str(uuid.uuid4())):
            begun.set()

    thread = threading.Thread(target=begin)
    with retention.held(storage.lock(retention.CLEANING)):
        thread.start()
        assert not begun.wait(0.2)
        with pytest.raises(InUse):  # of two that come together one waits, the other goes back: nothing is lost
            retention.unneeded(storage, keep=0)
    thread.join()
    assert begun.is_set()


def test_nothing_is_removed_under_a_running_sweep(tmp_path):
    (tmp_path / "locks").mkdir()
    with FileLock(tmp_path / "locks" / "key.lock"), pytest.raises(InUse, match="a sweep is running"):
        retention.unneeded(LocalStorage(root=tmp_path), keep=0)
    with retention.in_use(LocalStorage(root=tmp_path), "run"), pytest.raises(InUse, match="a sweep is running"):
        retention.unneeded(LocalStorage(root=tmp_path), keep=0)


def test_a_flow_run_that_raises_was_not_killed(tmp_path):
    storage = LocalStorage(root=tmp_path)
    with pytest.raises(ZeroDivisionError), retention.in_use(storage, "run"):
        raise ZeroDivisionError
    assert not retention.was_killed(storage, "run")
