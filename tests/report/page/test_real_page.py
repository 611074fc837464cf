"""The page of a real sweep, against the leaderboard and the summary beside it."""

import json

import pandas as pd
import pytest

from execution.config import Execution
from experiment.config import Experiment
from flows.sweep import sweep


def test_what_the_page_shows_is_what_the_files_beside_it_say(request, chosen, digits, tmp_path, prefect_server):
    execution = Execution(artifacts=tmp_path / "artifacts", workers=2, wandb_mode="disabled")
    grid = {
        "decay": ("none",),
        "folds": 1,
        "learning_rates": (0.5, 0.1),
        "batch_sizes": (16, 64),
        "alphas": (0.0, 0.01),
    }
    sweep(Experiment(data_dir=digits, max_epochs=8, patience=8, **grid), execution)
    folder = execution.artifacts / "sweeps" / "latest"
    summary = json.loads((folder / "summary.json").read_text())
    leaderboard = pd.read_csv(folder / "leaderboard.csv")
    opened = request.getfixturevalue("opened")  # now: a browser runs an event loop, in which no flow can be run
    page = opened((folder / "report.html").read_bytes())

    shown = page.evaluate("ALL")
    for column in ("learning_rate", "batch_size", "alpha", "val_accuracy", "val_cross_entropy", "best_epoch"):
        assert [c[column] for c in shown] == pytest.approx(leaderboard[column].tolist())
    assert [c["wandb_runs"] for c in shown] == leaderboard["wandb_runs"].tolist()
    assert all(len(c["prefect"][0]) == 36 for c in shown)  # an id of Prefect's
    assert all(c["seconds"] > 0 for c in shown)

    text = page.locator("main").inner_text()
    assert f"{summary['test_accuracy']:.2%}" in text
    for paragraph in summary["analysis"]:
        assert paragraph in text
    for name, accuracy in summary["class_accuracy"].items():
        row = page.locator("table.classes tbody tr", has=page.get_by_role("rowheader", name=name, exact=True))
        assert f"{accuracy:.2%}" in row.inner_text()
        assert f"{summary['class_scores'][name]['f1']:.2%}" in row.inner_text()
    assert f"Expected calibration error {summary['calibration']['error']:.2%}" in text
    for effect, share in summary["importance"]["shares"].items():
        named = effect.replace("_", " ").replace("alpha", "α")
        row = page.locator("table.bars tbody tr", has=page.get_by_role("rowheader", name=named, exact=True))
        assert f"{share:.1%}" in row.inner_text()

    page.locator("[data-axis=alpha][data-end='1']").select_option(label="0")
    assert chosen(page) == leaderboard[leaderboard["alpha"] == 0]["rank"].tolist()
