"""Prefect's server for the time of one sweep, on SQLite.

Prefect starts one by itself where there is none, but only when the flow does, and it imports the whole server into
the program for it. This one comes up on another core while the program imports what it needs, can be watched in a
browser, and ends when the program does, even if that is killed: its standard input ends then.
"""

import asyncio
import atexit
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from execution.orchestration.startup import importing
from experiment.errors import ServerFailed

LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 120  # on a slow disk; a few are usual
SECONDS_BETWEEN_REQUESTS = 0.2
SECONDS_TO_STOP = 5
SECONDS_TO_RECORD = 60  # what thousands of quick task runs have left waiting
LINES_OF_LOG = 12
CAUSES = {  # what is wrong with its database, by what its log says then
    "sqlite3.": "\nSQLite cannot use its database. If that is damaged",
    "Can't locate revision": "\nA newer Prefect than this one has used its database. To go on with this one",
}
PREPARED = Path(sys.prefix) / "prefect" / "prefect.db"


class TemporaryServer:
    """Started when made, stopped when the program ends.

    Made before Prefect is imported, so that it stops after Prefect has sent all that it has to say.

    Parameters
    ----------
    home : folder of its database and of its log
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        begin_database(home)
        self.home = home
        self.log = home / "server.log"
        with socket.create_server((LOOPBACK, 0)) as listening, self.log.open("wb") as log:
            self.port = listening.getsockname()[1]
            clean = clean_slate(home, self.address)
            os.environ.clear()
            os.environ.update(clean)
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "execution.orchestration.server", str(listening.fileno())],
                env={name: value for name, value in clean.items() if not name.lower().endswith("_proxy")} | SAYS_WHY,
                pass_fds=[listening.fileno()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the program: its last words go through this server
            )
        atexit.register(self.stop)

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def wait(self) -> None:
        """Wait until it answers.

        Raises
        ------
        ServerFailed : says what the last request got, how the process ended, and the end of its log
        """
        until = time.monotonic() + SECONDS_TO_START
        answer = "was never asked"
        while self.process.poll() is None and time.monotonic() < until:
            try:
                answer = f"answered {self.health()}"
            except (OSError, http.client.HTTPException) as error:
                answer = f"gave no answer ({error or type(error).__name__})"
            if answer == "answered 200":
                return
            time.sleep(SECONDS_BETWEEN_REQUESTS)
        raise ServerFailed(self.diagnosis(answer))

    def health(self) -> int:
        """Return the status of its health page; no variable of the environment has a say in how it is asked."""
        # Its socket has been open from the start: the request waits there until the server takes it up.
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=SECONDS_TO_START)
        with contextlib.closing(connection):
            connection.request("GET", "/api/health")
            return connection.getresponse().status

    def diagnosis(self, answer: str) -> str:
        code = self.process.poll()
        ended = (
            "is still running" if code is None else f"ended with {f'signal {-code}' if code < 0 else f'code {code}'}"
        )
        text = self.log.read_text(errors="replace")
        tail = text.splitlines()[-LINES_OF_LOG:]
        said = "\n".join([f"The end of its log, {self.log}:", *tail]) if tail else f"Its log, {self.log}, is empty."
        database = self.log.with_name(PREPARED.name)
        remedy = next((cause for sign, cause in CAUSES.items() if sign in text), "")
        if remedy:
            remedy += f", move {database} away: only the history that the Prefect UI shows is in it."
        return f"Prefect's temporary server did not come up: it {answer}, and its process {ended}.\n{said}{remedy}"

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(SECONDS_TO_RECORD + SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def begin_database(home: Path) -> None:
    """Put a copy of the database that the set-up made where there is none: the server takes ten seconds to make one.

    Not beside a left-over write-ahead log: SQLite would play that into it.
    """
    if not any(home.glob("prefect.db*")):
        with tempfile.TemporaryDirectory(dir=home) as drafts, contextlib.suppress(OSError):
            # In one piece, and not over another sweep's.
            os.link(shutil.copyfile(PREPARED, Path(drafts, PREPARED.name)), home / PREPARED.name)


SETTINGS = {
    # What `pyproject.toml` tells Prefect: that one counts only where somebody happens to be.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "sweep",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",  # one installation is both sides
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",  # `make ui` does that
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",  # for which it would import every plugin of Prefect's
    # A feed of events, and watching it for automations, are half of its work; nobody asks a temporary server for them.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # Recorded one by one, the states of quick task runs are still waiting, and lost, when the server stops.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",  # seconds
}


SAYS_WHY = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR"}  # in its log, if it cannot start


def clean_slate(home: Path, address: str) -> dict[str, str]:
    """Return this process's environment as the temporary server and those who talk to it see it.

    Nothing that is meant for another server of Prefect's is in it; how much Prefect logs stays the user's to say.
    """
    others = {name for name in os.environ if name.startswith("PREFECT_") and not name.startswith("PREFECT_LOGGING_")}
    kept = {name: value for name, value in os.environ.items() if name not in others}
    own = {"PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": address}  # pages of other addresses may not use it
    return kept | SETTINGS | own | {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"{address}/api"}


def serve(listening: socket.socket) -> None:
    """Serve until standard input ends and all that was said by then is recorded.

    No signal ends it: those that systemd or a batch system send to every process are the program's to heed.
    """

    def end() -> None:
        while os.read(sys.stdin.fileno(), 1):  # not through a buffer, whose lock Python would want at its end
            pass
        until = time.monotonic() + SECONDS_TO_RECORD
        while unrecorded() and time.monotonic() < until:
            time.sleep(SECONDS_BETWEEN_REQUESTS)
        server.should_exit = True
        time.sleep(SECONDS_TO_STOP)
        os._exit(1)

    os.chdir(os.environ["PREFECT_HOME"])  # Prefect reads `.env` and more where it is imported
    with importing():
        import uvicorn
        from prefect.server.api.server import create_app

        unrecorded = keep_every_event()

    server = uvicorn.Server(uvicorn.Config(create_app, factory=True, log_level="error", lifespan="on"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end, daemon=True).start()
    server.run([listening])


def keep_every_event() -> Callable[[], int]:
    """Have Prefect's server drop no event however many wait, and return what tells how many do.

    By itself it drops those that come while 10,000 wait; cached trainings come quicker than it records them.
    """
    from prefect.server.utilities.messaging import memory

    class Patient(memory.Subscription):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self._queue = asyncio.Queue()

    memory.Subscription = Patient  # type: ignore[misc]
    return lambda: sum(each._queue.qsize() for each in memory.Topic.by_name("events")._subscriptions)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
