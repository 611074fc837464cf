"""What is computed again after an edit: a copy of the project, run, edited, and run again."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow
FLAGS = [
    "--decay", "none", "--folds", 1,
    "--learning-rates", 0.5, 0.1, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 2, "--wandb-mode", "disabled",
    "--engine", "numpy",  # nothing is compiled anew
]  # fmt: skip


@pytest.fixture
def cached(prefect_server, tmp_path, digits):
    """Run the sweep of the copy. Gives how many of its two combinations were cached."""
    for part in ("flows", "tasks", "execution", "experiment", "report", "softmax"):
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)

    def run():
        done = subprocess.run(
            [sys.executable, "-m", "flows", "--data-dir", str(digits), *map(str, FLAGS)],
            cwd=tmp_path,
            env=clean_environment() | {"PREFECT_API_URL": prefect_server},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return int(re.search(r"2 combinations, (\d) trainings? cached", done.stdout)[1])

    return run


def test_training_runs_again_only_when_its_mathematics_changes(cached, tmp_path):
    def edit(file):
        with (tmp_path / file).open("a") as source:
            source.write("\nEDITED = True\n")

    assert cached() == 0
    edit("report/leaderboard.py")
    assert cached() == 2
    edit("softmax/loss.py")
    assert cached() == 0
