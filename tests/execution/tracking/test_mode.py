"""How the tracking mode is decided."""

import os
import subprocess
import sys

import pytest
import wandb

from execution import prepare
from execution.config import Execution
from execution.tracking import mode as tracking_mode
from experiment.config import Experiment
from tests.conftest import clean_environment
from tests.patience import PATIENCE


@pytest.fixture
def logged_out(monkeypatch, tmp_path):
    """No key anywhere; W&B's client forgets what it knew, its service's address in the environment first of all."""
    wandb.teardown()
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    yield
    wandb.teardown()


@pytest.fixture
def mode(tmp_path):
    """Given the user's flags: how the sweep is tracked."""

    def settled(**flags):
        execution = Execution(artifacts=tmp_path, **flags)
        return tracking_mode.settled(prepare.run_context(Experiment(), execution, "run"), execution).wandb_mode

    return settled


def test_without_a_key_tracking_is_offline(mode, logged_out, caplog):
    assert mode() == "offline"
    assert not caplog.text


def test_with_a_key_in_the_environment_tracking_is_online(mode, logged_out, server, monkeypatch):
    for name, value in server.env().items():
        monkeypatch.setenv(name, value)
    assert mode() == mode(wandb_mode="online") == "online"
    assert mode(wandb_mode="offline") == "offline"
    assert mode(wandb_mode="disabled") == "disabled"


def test_with_what_wandb_login_leaves_tracking_is_online(mode, logged_out, server):
    command = [sys.executable, "-m", "wandb", "login", "--host", server.url, server.api_key]
    subprocess.run(command, env=os.environ, check=True, timeout=PATIENCE)
    assert mode() == "online"


@pytest.mark.parametrize(
    ("key", "says"), [("f" * 40, "does not accept the API key: it is invalid"), ("short", "the API key is invalid")]
)
def test_an_invalid_key_is_said_to_be_invalid(mode, logged_out, server, monkeypatch, caplog, key, says):
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", key)
    assert mode() == "offline"
    (record,) = caplog.records
    assert says in record.message
    assert key not in record.message


@pytest.mark.parametrize("trouble", ["stopped", "dropping", "refusing", "silent"])
def test_an_unreachable_server_is_given_up(server, trouble):
    server.broken = trouble == "dropping"
    server.refuse = 503 if trouble == "refusing" else None
    server.delay = 1e6 if trouble == "silent" else 0.0
    if trouble == "stopped":
        server.stop()
    assert f"{server.url} cannot be reached" in tracking_mode.probe(server.url, server.api_key)[0]
