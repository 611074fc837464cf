"""A picture that cannot be drawn costs a warning, and nothing else."""

import logging

import pytest

from flows.sweep import sweep
from report import parallel, pictures
from report.page import data

pytestmark = pytest.mark.slow


def too_large(*args, **kwargs):
    raise MemoryError("1.5 TB")


@pytest.fixture
def swept(digits, execution, experiment, caplog):
    """Sweep over one combination. Gives the names of the files that are there, and the warnings."""
    one = experiment.model_copy(update={"learning_rates": (0.5,), "batch_sizes": (64,), "alphas": (0.0,)})

    def run():
        caplog.clear()
        summary = sweep(one, execution)
        assert summary.test_accuracy > 0.9
        warnings = [
            record.getMessage()
            for record in caplog.records
            if record.name == "sweep" and record.levelno >= logging.WARNING
        ]
        return {file.name for file in (execution.artifacts / "sweeps" / "latest").iterdir()}, warnings

    return run


def test_what_cannot_be_drawn_is_one_warning_and_is_drawn_by_the_next_run(swept, monkeypatch):
    with monkeypatch.context() as patch:
        for module, name in ((pictures, "confusion"), (parallel, "parallel_coordinates"), (data, "page_data")):
            patch.setattr(module, name, too_large)
        files, (warning,) = swept()
    missing = {"confusion.png", "parallel_coordinates.png", "report.html"}
    assert not missing & files
    assert {"summary.json", "leaderboard.csv", "model.npz", "learning_curves.png", "weights.png"} <= files
    assert all(f"{name} (MemoryError: 1.5 TB)" in warning for name in missing)
    files, warnings = swept()
    assert missing <= files
    assert not warnings
