"""What there is to look at in W&B, and what has versions there: written offline, sent later, sent at once."""

import csv
import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from execution.config import Execution
from experiment.config import Experiment
from flows.sweep import sweep
from tests.conftest import PROJECT, clean_environment
from tests.offline import offline_runs
from tests.patience import PATIENCE, until
from tests.program import KILLED
from tests.wandb_server import WandbServer

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.5, 0.1),
    "batch_sizes": (16, 64),
    "alphas": (0.0,),
    "max_epochs": 4,
}
FLAGS = ["--decay", "none", "--folds", 1]
FLAGS += ["--learning-rates", 0.5, 0.1, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 4]
PICTURES = {"weights", "learning_curves", "parallel_coordinates", "confusion"}
TABLES = {"leaderboard", "confusion_matrix_table", "importance_table"}


@pytest.fixture(scope="module")
def ended(prefect_server, digits, tmp_path_factory):
    """A sweep tracked offline: its summary, its folder, and its runs, by job type (of those that train the last)."""
    execution = Execution(artifacts=tmp_path_factory.mktemp("offline"), wandb_mode="offline")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_DATA_DIR", raising=False)  # of the sweeps of other tests in this process
        summary = sweep(Experiment(data_dir=digits, **GRID), execution)
    runs = {run.job_type: run for run in offline_runs(execution.artifacts)}
    return summary, execution.artifacts / "sweeps" / summary.name, runs


def sync(artifacts, server):
    folders = sorted(map(str, artifacts.glob("wandb/offline-run-*")))
    subprocess.run(
        [sys.executable, "-m", "wandb", "sync", "--include-synced", *folders],
        cwd=PROJECT, env=clean_environment() | server.env(), check=True, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip


def of_table(run, key):
    """A logged table's rows, by column, out of the file that the run refers to."""
    table = json.loads((run.folder / "files" / run.summary[key]["path"]).read_text())
    return [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]


# ---- offline


def test_the_pictures_are_those_of_the_sweeps_folder_to_the_byte_in_one_row(ended):
    _, folder, runs = ended
    (row,) = runs["report"].rows
    assert {name for name in row if not name.startswith("_")} == PICTURES | TABLES
    for name in PICTURES:
        assert row[name]["_type"] == "image-file"
        logged = runs["report"].folder / "files" / row[name]["path"]
        assert logged.read_bytes() == (folder / f"{name}.png").read_bytes()


def test_the_leaderboard_is_the_sweeps(ended):
    _, folder, runs = ended
    rows = of_table(runs["report"], "leaderboard")
    with (folder / "leaderboard.csv").open() as file:
        written = list(csv.DictReader(file))
    assert [[row["rank"], row["wandb_runs"]] for row in rows] == [
        [i, w["wandb_runs"]] for i, w in enumerate(written, 1)
    ]
    assert [row["val_accuracy"] for row in rows] == [float(row["val_accuracy"]) for row in written]
    assert rows[0]["behind_best"] == 0


def test_confusion_and_importance_are_charts_of_w_and_bs(ended):
    summary, _, runs = ended
    charts = runs["report"].config["_wandb"]["visualize"]
    assert charts["confusion_matrix"]["panel_config"]["panelDefId"] == "wandb/confusion_matrix/v1"
    assert charts["importance"]["panel_config"]["panelDefId"] == "wandb/bar/v0"
    counts = of_table(runs["report"], "confusion_matrix_table")
    right = sum(row["nPredictions"] for row in counts if row["Actual"] == row["Predicted"])
    assert len(counts) == 100
    assert right / sum(row["nPredictions"] for row in counts) == summary.test_accuracy
    shares = {row["name"]: row["value"] for row in of_table(runs["report"], "importance_table")}
    assert shares == summary.importance.shares


def test_the_notes_are_the_analysis(ended):
    summary, _, runs = ended
    assert runs["report"].notes == "\n\n".join(summary.analysis)
    assert summary.analysis


def test_a_training_is_judged_by_its_best_epoch_and_the_last_one_has_its_name(ended):
    summary, _, runs = ended
    train, final = runs["train"], runs["retrain"]
    assert train.summary["val_accuracy"] == {"max": max(row["val_accuracy"] for row in train.rows)}
    assert train.summary["val_loss"] == {"min": min(row["val_loss"] for row in train.rows)}
    assert final.display_name == "best_model_final_training"
    assert (final.config["epochs"], final.config["type"]) == (summary.best_epoch, "final_training")


def test_the_data_are_recorded_by_their_digests_alone(ended):
    summary, _, runs = ended
    (data,) = runs["download"].artifacts
    assert (data.type, data.use_after_commit) == ("dataset", False)
    recorded = {entry.path.removesuffix(".npy"): entry.digest for entry in data.manifest.contents}
    assert recorded == summary.provenance["data"]["digests"]
    assert not any(entry.local_path or entry.size for entry in data.manifest.contents)
    *tables, used, model = runs["report"].artifacts
    assert {table.type for table in tables} == {"run_table"}
    assert (used.name, used.digest, used.use_after_commit, list(used.aliases)) == (data.name, data.digest, True, [])
    assert model.type == "model"
    (file,) = model.manifest.contents
    assert hashlib.sha256(Path(file.local_path).read_bytes()).hexdigest() == summary.files["model.npz"]


def test_nothing_lies_outside_the_artifact_root(ended):
    _, folder, runs = ended
    files = [entry.local_path for artifact in runs["report"].artifacts for entry in artifact.manifest.contents]
    assert all(Path(file).is_relative_to(folder.parents[1]) for file in files if file)


def test_sent_twice_there_is_one_version_of_data_and_model(ended, server):
    summary, folder, runs = ended
    for _ in range(2):
        sync(folder.parents[1], server)
    (data,), (model,) = server.versions("dataset"), server.versions("model")
    assert set(data.used_by) == set(model.made_by) == {runs["report"].id}
    assert set(data.made_by) == {runs["download"].id}
    assert hashlib.sha256(model.files["model.npz"]).hexdigest() == summary.files["model.npz"]
    assert data.files.keys() == {"wandb_manifest.json"}
    entry = data.manifest["contents"]["train_images.npy"]
    assert entry["ref"] == summary.provenance["data"]["digests"]["train_images"]
    assert len(server.versions("run_table")) == len(TABLES)
    assert (folder.parents[1] / "files" / summary.files["model.npz"]).exists()
    report = server.runs[runs["report"].id]
    assert {Path(name).name.split("_0_")[0] for name in report.files if name.startswith("media/")} == PICTURES | TABLES
    assert report.notes == "\n\n".join(summary.analysis)


# ---- online


@pytest.fixture
def tracked(begin, server):
    """Begin the sweep, tracked at `server`."""
    return lambda **environment: begin(*FLAGS, **server.env(), WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL="1", **environment)


def once(server: WandbServer) -> None:
    """There is one version of each, from the runs it should be from, and the report has its pictures."""
    assert Counter(version.type for version in server.versions()) == {
        "dataset": 1, "model": 1, "run_table": len(TABLES),
    }  # fmt: skip
    runs = {run.job_type: run for run in server.runs.values()}
    (data,), (model,) = server.versions("dataset"), server.versions("model")
    assert set(data.made_by) == {runs["download"].id}
    assert set(data.used_by) == set(model.made_by) == {runs["report"].id}
    assert {name for row in runs["report"].history for name in row if name[0] != "_"} == PICTURES | TABLES
    analysis = runs["report"].notes
    assert analysis.count("mattered") == 1


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.soak(1)
@pytest.mark.parametrize("when", ["download tracking ended:1", "report tracking ended:1", "report files drafted:3"])
def test_killed_and_run_again_there_is_no_second_version(server, tracked, when):
    assert tracked(SWEEP_KILL_AT=when).wait().code == KILLED
    end = tracked().wait()
    assert end.code == 0, end.output
    once(server)


@pytest.mark.slow
@pytest.mark.hostile
@pytest.mark.soak(1)
@pytest.mark.parametrize("step", ["download", "report"])
def test_if_the_server_is_gone_the_sweep_says_so_once_and_nothing_is_lost(server, tracked, tmp_path, step):
    (tmp_path / "wait").touch()
    running = tracked(SWEEP_WAIT_AT=f"{step} tracking begun:1", SWEEP_WAIT_FILE=str(tmp_path / "wait"))
    until(lambda: any(run.job_type == step for run in server.runs.values()))
    server.stop()
    (tmp_path / "wait").unlink()
    end = running.wait()
    assert end.code == 0, end.output
    assert end.output.count("Tracking goes on offline") == 1
    server.start()
    sync(tmp_path / "artifacts", server)
    once(server)


@pytest.mark.slow
def test_a_note_of_the_users_stays_first(server, tracked, tmp_path):
    assert tracked(WANDB_NOTES="a note").wait().code == 0
    summary = json.loads((tmp_path / "artifacts" / "sweeps" / "latest" / "summary.json").read_text())
    notes = {run.job_type: run.notes for run in server.runs.values()}
    assert notes["report"] == "\n\n".join(["a note", *summary["analysis"]])
    assert notes["download"] == "a note"
