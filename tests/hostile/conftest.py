"""What every test here begins with: the program, on a small grid, and what it leaves when nothing happens to it."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.hostile.leavings import Row, results, rows_on_disk
from tests.program import Program

GRID = (
    "--decay", "none", "--folds", 1, "--learning-rates", 0.5, 0.1, "--batch-sizes", 16, 64, "--alphas", 0,
    "--max-epochs", 30, "--patience", 30,
)  # fmt: skip
OFTEN = ("--checkpoint-seconds", 0)  # after every epoch


class Undisturbed(NamedTuple):
    artifacts: Path
    results: dict[str, Any]
    rows: list[Row]
    seconds: float  # that the steps took


@pytest.fixture(scope="session")
def sweep_in(prefect_server, digits, forking):
    """Given an artifact root: the program on the small grid, on the session's server."""

    def program(artifacts, *flags, **environment):
        return Program(
            artifacts, "--data-dir", digits, "--workers", 2, *OFTEN, *(flags or GRID),
            **{"PREFECT_API_URL": prefect_server, **environment},
        )  # fmt: skip

    return program


@pytest.fixture(scope="session")
def undisturbed(sweep_in, tmp_path_factory):
    """Results and W&B rows of the small grid."""
    artifacts = tmp_path_factory.mktemp("undisturbed") / "artifacts"
    ended = sweep_in(artifacts).run()
    assert ended.code == 0, ended.output
    seconds = json.loads((artifacts / "sweeps" / "latest" / "summary.json").read_text())["seconds"]
    return Undisturbed(artifacts, results(artifacts), rows_on_disk(artifacts), seconds)
