"""A search that learns, killed between and inside its batches: the same trials, and no epoch lost or twice."""

import pytest

from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk
from tests.program import KILLED

pytestmark = pytest.mark.hostile

SEARCH = (
    "--learning-rates", "0.01:1", "--batch-sizes", "16:64", "--alphas", 0, "--max-epochs", 20, "--patience", 20,
    "--decay", "none", "--folds", 1, "--trials", 12, "--sampler", "tpe", "--halving", 3,
)  # fmt: skip
POINTS = ("sample cache drafted:1", "train cache written:3", "sample cache written:2", "train epoch:70")


@pytest.fixture(scope="module")
def alone(sweep_in, tmp_path_factory):
    artifacts = tmp_path_factory.mktemp("alone") / "artifacts"
    ended = sweep_in(artifacts, *SEARCH).run()
    assert ended.code == 0, ended.output
    return results(artifacts), rows_on_disk(artifacts)


@pytest.mark.soak(1)
@pytest.mark.parametrize("when", POINTS)
def test_a_killed_search_goes_on_with_the_same_trials(sweep_in, tmp_path, alone, when):
    expected, rows = alone
    program = sweep_in(tmp_path / "artifacts", *SEARCH)
    ended = program.run(SWEEP_KILL_AT=when)
    assert ended.code == KILLED, ended.output
    ended = program.run()
    assert ended.code == 0, ended.output
    found = results(tmp_path / "artifacts")
    assert found == expected, [name for name in expected if found[name] != expected[name]]
    assert lost_and_doubled(rows_on_disk(tmp_path / "artifacts"), rows) == (0, 0)
