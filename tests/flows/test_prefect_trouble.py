"""Prefect's server goes away, somebody cancels, a process dies, a worker retries: the sweep copes."""

import subprocess
import sys
import time
from collections import Counter

import pytest
import requests

from tests.conftest import PROJECT
from tests.flows.prefect_api import Api
from tests.object_store import Proxy
from tests.offline import offline_runs
from tests.patience import PATIENCE, until

pytestmark = [pytest.mark.slow, pytest.mark.hostile]

GRID = (
    "--decay",
    "none",
    "--folds",
    1,
    "--learning-rates",
    0.01,
    0.02,
    "--batch-sizes",
    16,
    "--alphas",
    0,
    "--max-epochs",
    20,
    "--patience",
    20,
)
WAITING_AT = "train checkpoints written:6"  # both trainings have a checkpoint by then, and neither is done


@pytest.fixture(scope="module")
def api(tmp_path_factory, forking):
    api = Api(tmp_path_factory.mktemp("prefect"))
    api.start()
    yield api
    api.stop()


@pytest.fixture
def there(begin, api):
    """Begin the sweep on that server."""
    about = {name: value for name, value in api.environment.items() if name.startswith("PREFECT_")}
    return lambda **environment: begin(*GRID, "--checkpoint-seconds", 0, "--workers", 2, **(about | environment))


@pytest.fixture
def training(there, held, tmp_path):
    """Start a sweep, and wait until both trainings have left a checkpoint and wait themselves."""

    def training():
        running = there(SWEEP_WAIT_AT=WAITING_AT, SWEEP_WAIT_FILE=str(held))
        running.wait_for("*.ckpt", tmp_path / "artifacts" / "checkpoints", count=2)
        return running

    return training


def test_a_server_that_is_restarted_is_waited_for(api, training, held, tmp_path):
    running = training()
    flow_run = api.newest()["id"]
    api.post("/v2/concurrency_limits/", name="nights", limit=1)
    lease = api.post("/v2/concurrency_limits/increment-with-lease", names=["nights"], slots=1)["lease_id"]
    api.stop()
    held.unlink()
    time.sleep(3)
    api.start()
    renewed = f"{api.url}/v2/concurrency_limits/leases/{lease}/renew"  # as the engine of a night that runs does
    requests.post(renewed, json={"lease_duration": 300}, timeout=PATIENCE).raise_for_status()
    end = running.wait()
    assert end.code == 0, end.output
    assert "Traceback" not in end.output
    assert "2 combinations, 0 trainings cached" in end.output
    assert {run.exit_code for run in offline_runs(tmp_path / "artifacts")} == {0}
    until(lambda: requests.get(f"{api.url}/flow_runs/{flow_run}", timeout=PATIENCE).json()["state_type"] == "COMPLETED")


def test_an_answer_of_the_server_s_that_is_lost_changes_nothing(api, there):
    asked = []

    def lost_at_first(_, path):
        if path.startswith("/api/flow_runs/") and path.endswith("/set_state"):
            asked.append(path)
            return "lost" if len(asked) % 2 else None
        return None

    with Proxy(api.url) as proxy:
        proxy.trouble = lost_at_first
        end = there(PREFECT_API_URL=f"{proxy.url}/api").wait()
    assert end.code == 0, end.output
    assert "2 combinations, 0 trainings cached" in end.output
    assert list(Counter(asked).values()) == [4, 4]  # the sweep and its trainings: Running and Completed, each twice
    assert api.newest()["state_type"] == "COMPLETED"


@pytest.mark.parametrize("state", ["CANCELLING", "CANCELLED"])
def test_a_cancelled_sweep_stops_in_its_middle_and_goes_on_when_run_again(api, training, held, there, tmp_path, state):
    running = training()
    flow_run = api.newest()["id"]
    api.post(f"/flow_runs/{flow_run}/set_state", state={"type": state}, force=True)
    until((tmp_path / "artifacts" / "runs" / flow_run / "stop").exists)
    held.unlink()
    end = running.wait()
    assert end.code == 1, end.output
    assert "Traceback" not in end.output
    assert "0 of 2 trainings are done" in end.output
    cut = [run for run in offline_runs(tmp_path / "artifacts") if run.job_type == "train"]
    assert [run.exit_code for run in cut] == [1, 1]
    assert api.newest()["state_type"] == "CANCELLED"
    end = there().wait()
    assert end.code == 0, end.output
    trained = [run for run in offline_runs(tmp_path / "artifacts") if run.job_type == "train"]
    assert [[row["epoch"] for row in run.rows] for run in trained] == [list(range(1, 21))] * 2


def test_a_flow_run_that_a_killed_process_left_running_blocks_nothing(api, training, there):
    running = training()
    running.process.kill()
    running.wait()
    assert api.newest()["state_type"] == "RUNNING"
    end = there().wait()
    assert end.code == 0, end.output
    assert api.newest()["state_type"] == "COMPLETED"


def test_a_flow_whose_worker_is_killed_goes_on_though_nobody_reads_its_log(api, digits, tmp_path):
    script = (
        "import sys; from flows.sweep import sweep; from execution.config import Execution\n"
        "from experiment.config import Experiment; from tests.sketches import use_sketches; use_sketches(setattr)\n"
        "sys.stdin.read()\n"
        "grid = dict(learning_rates=(0.5, 0.1), batch_sizes=(64,), alphas=(0.0,), max_epochs=3)\n"
        "grid |= dict(decay=('none',), folds=1)\n"
        "execution = Execution(artifacts=sys.argv[2], name='unread', wandb_mode='disabled', checkpoint_seconds=0)\n"
        "sweep(Experiment(data_dir=sys.argv[1], **grid), execution)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, digits, tmp_path / "artifacts"],
        cwd=PROJECT, env=api.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    process.stdout.close()  # as when the worker that read it is gone
    process.stdin.close()
    process.wait(PATIENCE)
    assert (api.newest()["name"][:7], api.newest()["state_type"]) == ("unread ", "COMPLETED")
