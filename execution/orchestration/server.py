"""A Prefect server for the duration of one sweep, on SQLite.

Prefect would start one itself, but only when the flow starts, and would import the whole server into the program. This
one starts on another core while the program imports its modules, has a UI, and ends with the program even if that is
killed, since its standard input is closed then.
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
SECONDS_TO_START = 120  # for slow disks; usually it takes a few
SECONDS_BETWEEN_REQUESTS = 0.2
SECONDS_TO_STOP = 5
SECONDS_TO_RECORD = 60  # for the waiting events of thousands of quick task runs
LINES_OF_LOG = 12
CAUSES = {  # problems of its database, by a sign in its log
    "sqlite3.": "\nSQLite cannot use its database. If that is damaged",
    "Can't locate revision": "\nIts database was used by a newer Prefect than this one. To use it with this one",
}
PREPARED = Path(sys.prefix) / "prefect" / "prefect.db"


class TemporaryServer:
    """A server that starts when the object is created and stops when the program ends.

    Create it before Prefect is imported, so that it stops after Prefect has sent its last events.

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
                env={name: value for name, value in clean.items() if not name.lower().endswith("_proxy")} | LOG_ERRORS,
                pass_fds=[listening.fileno()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C ends the program, which then reports its end to this server
            )
        atexit.register(self.stop)

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def wait(self) -> None:
        """Wait until it answers.

        Raises
        ------
        ServerFailed : with the last answer, how the process ended, and the end of its log
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
        """HTTP status of its health page, asked without regard to proxy variables."""
        # The socket is open from the start: the request waits there until the server accepts it.
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
        log = "\n".join([f"The end of its log, {self.log}:", *tail]) if tail else f"Its log, {self.log}, is empty."
        database = self.log.with_name(PREPARED.name)
        remedy = next((cause for sign, cause in CAUSES.items() if sign in text), "")
        if remedy:
            remedy += f", move {database} away: it contains only the history shown in the Prefect UI."
        return f"Prefect's temporary server did not start: it {answer}, and its process {ended}.\n{log}{remedy}"

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(SECONDS_TO_RECORD + SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def begin_database(home: Path) -> None:
    """Copy the database that `make setup` created, if there is none: the server needs ten seconds to create one.

    Not beside a left-over write-ahead log, which SQLite would apply to it.
    """
    if not any(home.glob("prefect.db*")):
        with tempfile.TemporaryDirectory(dir=home) as drafts, contextlib.suppress(OSError):
            # A link, so that the file appears complete and replaces no other sweep's.
            os.link(shutil.copyfile(PREPARED, Path(drafts, PREPARED.name)), home / PREPARED.name)


SETTINGS = {
    # As in `pyproject.toml`, which Prefect reads only in the working directory.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "sweep",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",  # client and server are one installation
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",  # `make ui` does that
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",  # it would import every Prefect plugin
    # The event feed and automations are half of its work and have no use on a temporary server.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # Recorded one by one, states of quick task runs would still wait, and be lost, when the server stops.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",  # seconds
}


LOG_ERRORS = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR"}  # why it cannot start


def clean_slate(home: Path, address: str) -> dict[str, str]:
    """The environment of the temporary server and its clients.

    It is this process's environment without settings for other Prefect servers; the user's log levels are kept.
    """
    others = {name for name in os.environ if name.startswith("PREFECT_") and not name.startswith("PREFECT_LOGGING_")}
    kept = {name: value for name, value in os.environ.items() if name not in others}
    own = {"PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": address}  # web pages of other origins may not use it
    return kept | SETTINGS | own | {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"{address}/api"}


def serve(listening: socket.socket) -> None:
    """Serve until standard input is closed and all events received by then are recorded.

    Signals do not end it: systemd and batch systems send them to every process, and the program handles them.
    """

    def end() -> None:
        while os.read(sys.stdin.fileno(), 1):  # unbuffered: Python would need the buffer's lock at exit
            pass
        until = time.monotonic() + SECONDS_TO_RECORD
        while unrecorded() and time.monotonic() < until:
            time.sleep(SECONDS_BETWEEN_REQUESTS)
        server.should_exit = True
        time.sleep(SECONDS_TO_STOP)
        os._exit(1)

    os.chdir(os.environ["PREFECT_HOME"])  # when imported Prefect reads `.env` and more from the working directory
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
    """Make Prefect's server drop no events; return a function that counts the waiting events.

    By default it drops events while 10,000 wait, and cached trainings produce them faster than it records them.
    """
    from prefect.server.utilities.messaging import memory

    made: list[memory.Subscription] = []

    class Unbounded(memory.Subscription):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self._queue = asyncio.Queue()  # its size is no setting
            made.append(self)

    memory.Subscription = Unbounded  # type: ignore[misc]
    return lambda: sum(each._queue.qsize() for each in made if each.topic.name == "events")


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
