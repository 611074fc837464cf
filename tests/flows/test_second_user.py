"""A user who may not write to the checkout, or not read what somebody else has computed."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

NOBODY = 65534
UNPRIVILEGED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
GRID = (
    "--data",
    "digits",
    "--learning-rates",
    0.5,
    "--batch-sizes",
    64,
    "--alphas",
    0,
    "--max-epochs",
    1,
    "--folds",
    1,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can give files to a second user"
    ),
]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A checkout and a home that belong to somebody else."""
    folder = tmp_path_factory.mktemp("theirs")
    for part in ("flows", "tasks", "execution", "experiment", "report", "softmax"):
        shutil.copytree(PROJECT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "home").mkdir()
    folder.chmod(0o755)  # pytest's are 0700
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    return folder


@pytest.fixture(scope="module")
def play(theirs, tmp_path_factory, prefect_server):
    """Run their checkout, on an artifact root of one's own."""
    artifacts = tmp_path_factory.mktemp("ours") / "artifacts"

    def play(*flags, server=prefect_server):
        command = [*UNPRIVILEGED, sys.executable, "-m", "flows", "--artifacts", artifacts, *GRID, *flags]
        return subprocess.run(
            ["sh", "-c", 'umask 002; exec "$@"', "sh", *map(str, command)], cwd=theirs,
            env=clean_environment() | {"PREFECT_API_URL": server, "HOME": str(theirs / "home")},
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip

    done = play(server="")  # one of its own
    assert done.returncode == 0, done.stderr
    assert "INFO" not in done.stderr  # the log of W&B's service, which found no place for it
    return artifacts, play


def test_compiled_code_of_a_read_only_checkout_goes_below_the_root(play):
    artifacts, _ = play
    assert list((artifacts / "compiled").rglob("*.nbc"))


def test_files_have_the_mode_that_the_umask_says(play):
    artifacts, _ = play
    kept = [path for folder in ("cache", "arrays", "files") for path in (artifacts / folder).iterdir()]
    assert {oct(path.stat().st_mode & 0o777) for path in kept} == {"0o664"}


def test_what_may_not_be_read_is_named_with_its_owner_and_left_where_it_is(play):
    artifacts, again = play
    for folder in ("cache", "arrays"):
        before = {path.name for path in (artifacts / folder).iterdir()}
        for path in (artifacts / folder).iterdir():
            os.chown(path, NOBODY, NOBODY)
            path.chmod(0o600)
        done = again()
        assert done.returncode == 1
        assert "may not be read: it belongs to nobody, mode 0600" in done.stderr
        assert folder in done.stderr
        after = {path.name for path in (artifacts / folder).iterdir()}
        assert before <= after  # Prefect keeps what the flow run ended with
        assert not [name for name in after if ".bad-" in name]
        for path in (artifacts / folder).iterdir():
            os.chown(path, 0, 0)
    assert "1 training cached" in again().stdout
