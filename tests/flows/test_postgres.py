"""Prefect's server on Postgres: what several machines want, and one sweep on it."""

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.flows.prefect_api import Api
from tests.patience import PATIENCE, until

pytestmark = [pytest.mark.slow, pytest.mark.hostile]

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
USER = "nobody"  # Postgres refuses to run as root


@pytest.fixture
def database(tmp_path_factory):
    """The address of a new database, on loopback."""
    if not BINARIES:
        pytest.skip("Debian's package postgresql is not installed")
    if os.geteuid() != 0:
        pytest.skip("only root can start a process as somebody else")
    somebody = pwd.getpwnam(USER)
    folder = Path("/tmp") / f"postgres-{os.getpid()}"
    folder.mkdir(mode=0o700)
    os.chown(folder, somebody.pw_uid, somebody.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(program, *arguments):
        command = [BINARIES[-1] / program, *map(str, arguments)]
        return subprocess.Popen(command, cwd=folder, user=somebody.pw_uid, group=somebody.pw_gid, extra_groups=[])

    assert run("initdb", "-D", folder / "data", "-U", "prefect", "--auth", "trust").wait(PATIENCE) == 0
    process = run("postgres", "-D", folder / "data", "-p", port, "-h", "127.0.0.1", "-k", folder)
    try:
        until(lambda: run("pg_isready", "-h", "127.0.0.1", "-p", port).wait(PATIENCE) == 0)
        assert run("createdb", "-h", "127.0.0.1", "-p", port, "-U", "prefect", "prefect").wait(PATIENCE) == 0
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/prefect"
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(folder)


def test_a_sweep_is_run_on_a_server_with_postgres(database, begin, tmp_path):
    api = Api(tmp_path, PREFECT_API_DATABASE_CONNECTION_URL=database)
    api.start()
    try:
        end = begin(
            "--learning-rates", 0.5, 0.1, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 2, "--wandb-mode",
            "disabled", PREFECT_API_URL=api.url,
        ).wait()  # fmt: skip
        assert end.code == 0, end.output
        run = api.newest()
        assert run["state_type"] == "COMPLETED"
        assert "2 combinations" in run["state"]["message"]
        assert not (tmp_path / "prefect.db").exists()
    finally:
        api.stop()
