"""A result that differs from the cached one is said, with its fields; the same one, too."""

import pytest

from execution.cache.refresh import compare
from experiment.results.trained import GradientCheck

BEFORE = GradientCheck(relative_errors={"W": 1e-9}, task_run="first", seconds=1)


@pytest.mark.parametrize(
    ("now", "says"),
    [
        (GradientCheck(relative_errors={"W": 1e-9}, task_run="second", seconds=2), ["INFO: refresh: it gave the same"]),
        (
            GradientCheck(relative_errors={"W": 2e-9}),
            ["WARNING: refresh: it gave another result than the cached one: "],
        ),
    ],
)
def test_only_what_a_step_found_counts(caplog, now, says):
    with caplog.at_level("INFO", "sweep"):
        compare("it", BEFORE, now)
        compare("it", None, now)
    assert [
        f"{record.levelname}: {record.message}"[: len(said)] for record, said in zip(caplog.records, says, strict=True)
    ] == says
