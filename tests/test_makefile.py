"""The Makefile: a password of its own for Prefect's server, told to no other, and an environment of its own."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

DEPLOYS = ("make", "--old-file=.venv/installed", "--dry-run", "deploy")


@pytest.fixture
def typed(tmp_path):
    shutil.copy(PROJECT / "Makefile", tmp_path)
    return lambda *command, **environment: subprocess.Popen(
        command, cwd=tmp_path, env={"PATH": os.environ["PATH"], **environment}, stdout=subprocess.PIPE, text=True
    )


def test_the_password_is_created_once_and_only_its_owner_reads_it(typed, tmp_path):
    password = tmp_path / "artifacts" / "prefect" / "password"
    begun = [typed("make", "artifacts/prefect/password") for _ in range(4)]
    assert [process.wait() for process in begun] == [0] * 4
    created = password.read_text()
    assert created.startswith("sweep:")
    assert password.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in password.parent.iterdir()] == ["password"]
    assert typed("make", "artifacts/prefect/password").wait() == 0
    assert password.read_text() == created


@pytest.mark.parametrize(
    ("address", "told"), [({}, True), ({"PREFECT_API_URL": "https://prefect.example/api"}, False)], ids=["own", "other"]
)
def test_only_the_server_of_this_machine_is_told_it(typed, address, told):
    said, _ = typed(*DEPLOYS, **address).communicate()
    assert "deploy --all" in said
    assert ("PREFECT_API_AUTH_STRING" in said) == told


def test_an_environment_that_is_another_clones_is_not_emptied(typed, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "package").touch()
    (tmp_path / ".venv").symlink_to(other)
    (tmp_path / "requirements.lock").touch()
    process = typed("make", ".venv/installed")
    said, _ = process.communicate()
    assert process.returncode
    assert ".venv is a link" in said
    assert (other / "package").exists()


def test_of_several_that_find_no_environment_one_installs_and_the_others_wait_for_it(typed, tmp_path):
    """As services do that start with the machine after its locks have changed."""
    python = tmp_path / "python"
    python.write_text(
        f"""#!/bin/sh
        [ "$1" = -m ] || exec {sys.executable} "$@"
        echo installed >>{tmp_path}/log; sleep 1  # a second one meanwhile would empty the folder of the first
        mkdir -p .venv/bin && ln -s /bin/true .venv/bin/pip && ln -s /bin/true .venv/bin/prefect
        """
    )
    python.chmod(0o755)
    (tmp_path / "requirements.lock").touch()
    begun = [typed("make", f"PYTHON={python}", ".venv/installed") for _ in range(3)]
    assert [process.wait() for process in begun] == [0] * 3
    assert (tmp_path / "log").read_text() == "installed\n"
    assert (tmp_path / ".venv" / "installed").exists()
