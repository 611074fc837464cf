"""Two sweeps at once on one artifact root."""

from collections import Counter

import pytest

from tests.hostile.leavings import results
from tests.offline import offline_runs

pytestmark = pytest.mark.hostile

COMMON = ("--decay", "none", "--folds", 1, "--batch-sizes", 16, 64, "--alphas", 0, "--max-epochs", 30, "--patience", 30)
GRIDS = (("--learning-rates", 0.5, 0.1, *COMMON), ("--learning-rates", 0.1, 0.02, *COMMON))


def results_of(artifacts, name):
    """Of one sweep among several: its arrays are not told from the others'."""
    latest = artifacts / "sweeps" / "latest"
    latest.unlink()
    latest.symlink_to(name)
    found = results(artifacts)
    del found["arrays"]
    return found


@pytest.fixture(scope="module")
def alone(sweep_in, tmp_path_factory):
    """Results of each grid, run alone in a folder of its own."""
    found = []
    for number, grid in enumerate(GRIDS):
        artifacts = tmp_path_factory.mktemp("alone") / "artifacts"
        ended = sweep_in(artifacts, *grid, "--name", f"s{number}").run()
        assert ended.code == 0, ended.output
        found.append(results_of(artifacts, f"s{number}"))
    return found


@pytest.mark.parametrize("server", ["shared server", "a temporary server each, on one database"])
def test_two_sweeps_at_once_share_their_work_and_are_both_right(sweep_in, tmp_path, server, alone):
    artifacts, shared = tmp_path / "artifacts", server == "shared server"
    programs = [sweep_in(artifacts, *grid, "--name", f"s{number}") for number, grid in enumerate(GRIDS)]
    for number, program in enumerate(programs):
        program.log = tmp_path / f"{number}.log"
        if not shared:
            del program.environment["PREFECT_API_URL"]
    running = [program.start() for program in programs]
    ended = [process.wait() for process in running]
    assert [end.code for end in ended] == [0, 0], [end.output for end in ended]
    assert "Traceback" not in "".join(end.output for end in ended)

    runs = offline_runs(artifacts)
    assert max(Counter(run.id for run in runs).values()) == 1
    assert Counter(run.job_type for run in runs) == {
        **dict.fromkeys(("download", "scale", "split", "check_gradients"), 1),
        **{"train": 6, "select": 2, "evaluate": 2, "analyse": 2, "report": 2},
        "retrain": len({summary["best"]["learning_rate"] for summary in (found["summary"] for found in alone)}),
    }  # fmt: skip
    assert [results_of(artifacts, f"s{number}") for number in range(2)] == alone
    assert not list((artifacts / "drafts").iterdir())
    assert not [process for process in running if process.orphans()]
