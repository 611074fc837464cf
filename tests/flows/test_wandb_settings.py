"""W&B's settings are the user's, and count; its variables for other runs do not."""

import re
import subprocess

import pytest

from tests.conftest import PROJECT
from tests.flows.test_environments import FLOWS, GRID, play
from tests.patience import PATIENCE
from tests.program import Program

pytestmark = pytest.mark.slow

OFFLINE = "offline: W&B's settings"


@pytest.fixture
def tracked(prefect_server, server, tmp_path):
    """Play with an API key at hand, on the session's server. Gives the process and what the table says of W&B."""

    def tracked(*flags, **environment):
        where = {"PREFECT_API_URL": prefect_server, "HOME": str(tmp_path)} | server.env() | environment
        done = play(tmp_path / "artifacts", *flags, cwd=tmp_path, **where)
        return done, of_w_and_b(done.stdout)

    return tracked


@pytest.fixture
def forked(forking, prefect_server, server, tmp_path):
    """The same, where W&B may have been imported before."""

    def forked(*flags, **environment):
        where = {"PREFECT_API_URL": prefect_server, "HOME": str(tmp_path)} | server.env() | environment
        program = Program(tmp_path / "artifacts", *GRID, *flags, **where)
        program.folder = tmp_path
        done = program.run()
        return done, of_w_and_b(done.stdout)

    return forked


def of_w_and_b(table):
    return next(iter(re.findall(r"^W&B +(.*)", table, re.M)), "")


def test_w_and_bs_variables_can_forbid_it_to_send_anything(forked, server):
    done, said = forked(WANDB_MODE="offline")
    assert (done.code, said, server.requests) == (0, OFFLINE, [])


def test_w_and_bs_settings_file_can_forbid_it_to_send_anything(forked, server, tmp_path):
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text("[default]\nmode = offline\nrun_id = theirs\n")
    done, said = forked()
    assert (done.code, said, server.requests) == (0, OFFLINE, [])


ANOTHERS = {
    "WANDB_RUN_ID": "theirs", "WANDB_SWEEP_ID": "theirs", "WANDB_RESUME": "must", "WANDB_RUN_GROUP": "theirs",
    "WANDB_NAME": "theirs", "WANDB_JOB_TYPE": "theirs", "WANDB_SERVICE": "3-1-unix-/nowhere", "WANDB_LAUNCH": "true",
    "WANDB_CONFIG": '{"learning_rate": 0.1}',
}  # fmt: skip
USERS = {"WANDB_PROJECT": "project", "WANDB_ENTITY": "team", "WANDB_TAGS": "a,b", "WANDB_NOTES": "a note"}


def test_runs_are_the_users_and_nobody_elses(tracked, server):
    done, said = tracked(**ANOTHERS, **USERS)
    assert (done.returncode, said) == (0, "online: there is an API key")
    runs = server.runs.values()
    assert len(runs) == 10
    assert "theirs" not in {field for run in runs for field in (run.id, run.sweep, run.group, run.job_type)}
    assert {(run.project, run.entity, *run.tags) for run in runs} == {("project", "team", "a", "b")}
    assert {run.notes.split("\n\n")[0] for run in runs} == {"a note"}


def test_flags_outrank_w_and_bs_variables(forked, server):
    flags = ("--wandb-mode", "online", "--wandb-project", "flag", "--wandb-entity", "other")
    done, said = forked(*flags, **USERS, WANDB_MODE="disabled")
    assert (done.code, said) == (0, "online: --wandb-mode")
    assert {(run.project, run.entity) for run in server.runs.values()} == {("flag", "other")}


@pytest.mark.parametrize(
    ("setting", "value"), [("mode", "bogus"), ("base_url", "foo"), ("init_timeout", "abc")], ids=str
)
def test_settings_of_w_and_bs_that_cannot_be_read_mean_offline(forked, server, setting, value):
    malformed = {f"WANDB_{setting.upper()}": value}
    if setting == "mode":
        done, said = forked(**malformed)
        (warning,) = re.findall(r"^W&B: .*", done.stderr, re.M)
        assert (done.code, server.requests) == (0, [])
        assert said.startswith(f"offline: its settings cannot be used ({setting}: ")
        assert setting in warning
    else:
        done, said = forked("--wandb-mode", "online", **malformed)
        assert done.code == 2
        assert f"online is not possible: its settings cannot be used ({setting}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_read_are_no_matter_when_tracking_is_off(forked):
    done, said = forked("--wandb-mode", "disabled", WANDB_INIT_TIMEOUT="abc")
    assert (done.code, said) == (0, "disabled: --wandb-mode")
    assert "W&B" not in done.stderr


def test_without_a_home_the_log_of_w_and_bs_service_stays_off_the_terminal(tmp_path):
    """As `env -i` leaves it: the service looks for its cache by HOME alone."""
    command = ["env", "-i", *FLOWS, "--artifacts", tmp_path / "artifacts", *GRID]
    done = subprocess.run(list(map(str, command)), cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert "INFO" not in done.stderr
