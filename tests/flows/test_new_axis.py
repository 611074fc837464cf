"""One more axis is one more field: a copy of the project is given one, and run."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

FIELD = """
    wobble: Annotated[
        float,
        Field(ge=0),
        Axis("wobbles", "wob", "wobble factor", "linear", (0.0, 0.5), (0.0, 0.5), "a hyperparameter that does nothing"),
    ]

    def __str__"""
TOLD = """
import json, sys
sys.path.insert(0, ".")
import pandas as pd
from experiment.config import Experiment
from experiment.search.sampling import draw
from report.parallel import parallel_coordinates
axis = parallel_coordinates(pd.read_csv(sys.argv[1])).axes[0]
drawn = draw(Experiment.model_validate({"wobbles": "0:0.5"}).grid, "tpe", 541, [], 20)
labels = [label.get_text() for label in axis.get_xticklabels()]
print(json.dumps([labels, str(Experiment().combinations[1]), [one.wobble for one in drawn]]))
"""


@pytest.fixture
def project(tmp_path):
    for part in ("flows", "tasks", "execution", "experiment", "report", "softmax"):
        shutil.copytree(PROJECT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    axes = tmp_path / "experiment" / "axes.py"
    axes.write_text(axes.read_text().replace("\n    def __str__", FIELD, 1))
    return tmp_path


def test_a_new_axis_arrives_everywhere(project, prefect_server, digits):
    def run(*command):
        environment = clean_environment() | {"PREFECT_API_URL": prefect_server, "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert re.search(r"--wobbles .*Grid axis: a hyperparameter that does nothing", run("-m", "flows", "--help"))
    said = run(
        "-m", "flows", "--data-dir", digits, "--learning-rates", 0.5, "--batch-sizes", 64, "--alphas", 0,
        "--decay", "none", "--folds", 1, "--max-epochs", 2, "--wobbles", 0, 0.25, 0.5, "--engine", "numpy",
    )  # fmt: skip
    assert "3 combinations" in said
    assert "alpha 0, wobble 0" in " ".join(said.split())
    latest = project / "artifacts" / "sweeps" / "latest"
    with (latest / "leaderboard.csv").open() as file:
        assert sorted(float(row["wobble"]) for row in csv.DictReader(file)) == [0, 0.25, 0.5]
    summary = json.loads((latest / "summary.json").read_text())
    assert summary["best"]["wobble"] == 0
    assert "wobble" in summary["importance"]["shares"]
    axes, name, drawn = json.loads(run("-c", TOLD, os.path.realpath(latest / "leaderboard.csv")))
    assert "wobble factor" in axes
    assert name == "lr=0.1 batch=8 alpha=0 wob=0.5"
    assert len(set(drawn)) == 20
    assert all(0 <= wobble <= 0.5 and wobble == round(wobble, 4) for wobble in drawn)
    assert 0.1 < sum(wobble < 0.25 for wobble in drawn) / 20 < 0.9  # evenly: its scale is linear, and has a 0
