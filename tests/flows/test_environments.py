"""On anyone's machine: what the environment says to others does not reach the sweep, what it says to the user does."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
from werkzeug import Response

from execution.orchestration.database import PREPARED
from tests.conftest import PROJECT, clean_environment
from tests.loopback import Loopback
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

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
FLOWS = [sys.executable, "-m", "flows"]


def play(artifacts, *flags, cwd=PROJECT, shell="", **environment):
    """Run the sweep to its end as a process; `shell` is what a user types behind the command."""
    kept = {name: value for name, value in clean_environment().items() if not name.lower().endswith("_proxy")}
    command = [*FLOWS, "--artifacts", artifacts, *GRID, *flags]
    return subprocess.run(
        ["bash", "-c", f'"$@" {shell}', "bash", *map(str, command)], cwd=cwd,
        env=kept | {"PYTHONPATH": str(PROJECT)} | environment, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip


EMPTY = dict.fromkeys(("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE", "HTTP_PROXY", "NO_PROXY"), "")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """An artifact root on which the sweep has been run, so that others run in seconds.

    As a daemon, without input, output and error, and with variables that are set to nothing: neither does harm.
    """
    artifacts = tmp_path_factory.mktemp("root") / "artifacts"
    assert play(artifacts, shell="<&- >&- 2>&-", **EMPTY).returncode == 0
    assert history(artifacts) == RUNS_OF_ONE
    return artifacts


def history(artifacts):
    """How many flow runs and task runs the sweep's own database knows; the latter come through the websocket."""
    with closing(sqlite3.connect(artifacts / "prefect" / "prefect.db")) as database:
        return [database.execute(f"select count(*) from {table}").fetchone()[0] for table in ("flow_run", "task_run")]


RUNS_OF_ONE = [2, 11]  # the trainings are a flow run in the sweep's, which is one of its task runs, too


def since(before, artifacts):
    return [later - earlier for later, earlier in zip(history(artifacts), before, strict=True)]


# ---- the sweep's own server

SECRETS = {
    "PREFECT_SERVER_API_AUTH_STRING": "user:secret",
    "PREFECT_SERVER_API_BASE_PATH": "/prefect",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "sqlite+aiosqlite:////nowhere/theirs.db",
    "PREFECT_CLIENT_CUSTOM_HEADERS": "{no JSON",
}
UNKNOWN = {"ALL_PROXY": "socks5://127.0.0.1:9", "http_proxy": "bogus://x", "NO_PROXY": "[::1,http://[,*:x"}


@pytest.fixture
def refusing():
    """A proxy that refuses everything: its address, and what it was asked."""
    asked = []

    class Refuses(Loopback):
        def respond(self, request):
            asked.append(request.environ["REQUEST_URI"])
            return Response(status=403)

    with Refuses() as proxy:
        yield proxy.url, asked


def test_settings_of_another_server_do_not_count_and_no_proxy_is_asked(root, refusing, tmp_path):
    (tmp_path / ".env").write_text("PREFECT_SERVER_API_BASE_PATH=/x\nPREFECT_API_REQUEST_TIMEOUT=0.00001\n")
    (tmp_path / "prefect.toml").write_text('[server.api]\nauth_string = "user:secret"\n')
    address, asked = refusing
    proxies = dict.fromkeys(("HTTP_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "ws_proxy"), address)
    before = history(root)
    done = play(root, cwd=tmp_path, **SECRETS, **proxies)
    assert done.returncode == 0, done.stderr
    assert "1 training cached" in done.stdout
    assert since(before, root) == RUNS_OF_ONE
    assert asked == []


def test_proxies_that_cannot_be_parsed_and_no_input_do_no_harm(root):
    before = history(root)
    done = play(root, shell="<&-", **UNKNOWN)
    assert done.returncode == 0, done.stderr
    assert json.loads((root / "sweeps" / "latest" / "summary.json").read_text())["cached"] == 1
    assert since(before, root) == RUNS_OF_ONE


def newer_database():
    """The set-up's, as if a later revision of Prefect had migrated it."""
    with closing(sqlite3.connect(":memory:")) as database, closing(sqlite3.connect(PREPARED)) as prepared:
        prepared.backup(database)
        database.execute("update alembic_version set version_num = 'ffffffffffff'")
        database.commit()
        return database.serialize()


@pytest.mark.parametrize(
    ("code", "database", "says", "says_not"),
    [
        ("raise SystemExit('no such thing')", None, "no such thing", "database"),
        ("import signal; os.kill(os.getpid(), signal.SIGKILL)", None, "its process ended with signal 9", "database"),
        ("", b"scribbled over" * 99, "If that is damaged, move {} away", "\0"),
        ("", newer_database, "Its database was used by a newer Prefect than this one", "damaged"),
    ],
    ids=["it cannot start", "it is killed", "its database is damaged", "its database is a newer Prefect's"],
)
def test_a_server_that_does_not_come_up_is_told_apart(tmp_path, code, database, says, says_not):
    (tmp_path / "prefect").mkdir()
    if database:
        (tmp_path / "prefect" / "prefect.db").write_bytes(database() if callable(database) else database)
    (tmp_path / "sitecustomize.py").write_text(f"import os, sys\nif sys.argv[1:2] != ['-c']: {code or 'pass'}\n")
    start = (
        "import os, pathlib, sys; from execution.orchestration.server import TemporaryServer\n"
        f"os.environ['PYTHONPATH'] = {str(tmp_path)!r}\n"
        f"TemporaryServer(pathlib.Path({str(tmp_path / 'prefect')!r})).wait()"
    )
    done = subprocess.run([sys.executable, "-c", start], cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)
    message = done.stderr.rpartition("ServerFailed: ")[2]
    assert "gave no answer" in message or "was never asked" in message  # it may end before the first request
    assert says.format(tmp_path / "prefect" / "prefect.db") in message
    assert says_not not in message


def test_a_flow_run_that_fails_on_another_server_leaves_nothing_in_the_home(root, prefect_server, tmp_path):
    """Prefect writes why it failed beside its results, which are in its home unless they are put elsewhere."""
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    about = {"HOME": str(home), "PREFECT_API_URL": prefect_server}
    done = play(root, cwd=tmp_path, SWEEP_FAIL_AT="publish in place:1", **about)
    assert done.returncode == 1
    assert "SWEEP_FAIL_AT" in done.stderr
    assert not [path for path in home.glob(".prefect/**/*") if path.is_file()]
    (written,) = tmp_path.glob("artifacts/prefect/storage/*")
    assert "SWEEP_FAIL_AT" in json.loads(written.read_text())["message"]  # no pickle


# ---- where its output goes, and how it ends


@pytest.mark.parametrize(
    ("shell", "says"),
    [("| true; exit ${PIPESTATUS[0]}", ""), (">/dev/full", "cannot be written to: No space left")],
    ids=["to somebody who has left", "to a full disk"],
)
def test_output_that_goes_nowhere_ends_the_sweep_well(root, prefect_server, shell, says):
    done = play(root, shell=shell, PREFECT_API_URL=prefect_server)
    assert done.returncode == 0, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_locale_without_greek_letters_and_python_without_docstrings_do_no_harm(root):
    done = play(root, PYTHONUTF8="0", LC_ALL="C", PYTHONOPTIMIZE="2")
    assert done.returncode == 0, done.stderr
    assert "1 training cached" in done.stdout


def test_a_closed_terminal_stops_it_with_a_word(tmp_path):
    command = [*FLOWS, "--artifacts", tmp_path / "a", *GRID]
    process = subprocess.Popen(
        list(map(str, command)), cwd=PROJECT, env=clean_environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the tests may run under nohup
    )  # fmt: skip
    while "Prefect UI" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + signal.SIGHUP
    assert "this command continues" in said


def test_the_readable_engine_needs_no_numba(prefect_server, tmp_path):
    (tmp_path / "numba.py").write_text("raise ImportError('not here')")
    there = {"PREFECT_API_URL": prefect_server, "PYTHONPATH": f"{tmp_path}:{PROJECT}", "NUMBA_DISABLE_JIT": "1"}
    done = play(tmp_path / "artifacts", "--engine", "numpy", cwd=tmp_path, **there)
    assert done.returncode == 0, done.stderr


def test_a_negative_number_of_sweeps_cannot_be_kept(root):
    done = subprocess.run([*FLOWS, "clean", "--keep", "-1"], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--keep. Must be >= 0" in done.stderr


def test_cleaning_up_without_anybody_to_answer_removes_nothing_and_says_so(root):
    done = subprocess.run(
        [*FLOWS, "clean", "--artifacts", str(root)], cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "nothing was removed: use --yes to remove without asking" in done.stderr
