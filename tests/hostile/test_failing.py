"""One combination that raises an exception stops nothing but itself."""

import pytest

from tests.hostile.leavings import results
from tests.offline import offline_runs

pytestmark = pytest.mark.hostile


def test_one_failing_combination_leaves_the_others_and_is_all_that_runs_again(sweep_in, tmp_path, undisturbed):
    artifacts = tmp_path / "artifacts"
    failed = sweep_in(artifacts).run(SWEEP_FAIL_AT="train epoch:45")
    assert failed.code == 1
    assert "1 of 4 trainings failed" in failed.output
    assert failed.output.count("SWEEP_FAIL_AT=train epoch:45") == 1
    assert "Traceback" not in failed.output
    trained = [run for run in offline_runs(artifacts) if run.job_type == "train"]
    (bad,) = [run for run in trained if run.exit_code]
    assert len(trained) == 4
    assert f"lr={bad.config['learning_rate']:g} batch={bad.config['batch_size']} alpha=0 seed=541: " in failed.output

    again = sweep_in(artifacts).run()
    assert again.code == 0, again.output
    assert "3 trainings cached" in again.output
    assert results(artifacts) == undisturbed.results
