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
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from execution.orchestration.database import PREPARED, begin_database, check_database, write_in_turns
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


class TemporaryServer:
    """A server that starts when the object is created and stops when the program ends.

    Create it before Prefect is imported, so that it stops after Prefect has sent its last events. `home` is the folder
    of its database and of its log.
    """

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        begin_database(home)
        self.home, self.log = home, home / "server.log"
        with socket.create_server((LOOPBACK, 0)) as listening, self.log.open("wb") as log:
            self.port = listening.getsockname()[1]
            # This process's settings for other Prefect servers are removed; the user's log levels are kept.
            for name in [*os.environ]:
                if name.startswith("PREFECT_") and not name.startswith("PREFECT_LOGGING_"):
                    del os.environ[name]
            os.environ |= SETTINGS | {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"{self.address}/api"}
            os.environ["PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS"] = self.address  # other origins' pages may not
            direct = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
            direct.pop("PYTHONOPTIMIZE", None)  # without docstrings the server cannot be imported
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "execution.orchestration.server", str(listening.fileno())],
                env=direct | {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "ERROR"},  # why it cannot start
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
        """Wait until it answers; ServerFailed says how it ended, with the end of its log."""
        until = time.monotonic() + SECONDS_TO_START
        answer = "was never asked"
        while self.process.poll() is None and time.monotonic() < until:
            # Not by a client that heeds proxy variables. The socket is open from the start: the request waits there.
            connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=SECONDS_TO_START)
            try:
                with contextlib.closing(connection):
                    connection.request("GET", "/api/health")
                    answer = f"answered {connection.getresponse().status}"
            except (OSError, http.client.HTTPException) as error:
                answer = f"gave no answer ({error or type(error).__name__})"
            if answer == "answered 200":
                return
            time.sleep(SECONDS_BETWEEN_REQUESTS)
        code, text = self.process.poll(), self.log.read_text(errors="replace")
        ended = "is still running" if code is None else f"ended with {'code' if code >= 0 else 'signal'} {abs(code)}"
        tail = text.splitlines()[-LINES_OF_LOG:]
        log = "\n".join([f"The end of its log, {self.log}:", *tail]) if tail else f"Its log, {self.log}, is empty."
        raise ServerFailed(
            f"Prefect's temporary server did not start: it {answer}, and its process {ended}.\n{log}{self.remedy()}"
        )

    def remedy(self) -> str:
        """What to do about the problem of its database that its log tells of; "" if there is none."""
        text = self.log.read_text(errors="replace")
        cause = next((cause for sign, cause in CAUSES.items() if sign in text), "")
        move = f", move {self.home / PREPARED.name} away: it contains only the history shown in the Prefect UI."
        return cause and cause + move

    def stop(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(SECONDS_TO_RECORD + SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


SETTINGS = {
    # As in `pyproject.toml`, which Prefect reads only in the working directory.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "sweep",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
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


ROUTERS = ("/flows", "/flow_runs", "/task_runs", "/logs", "/artifacts", "/csrf-token", "/events", "/admin")  # a sweep's


def serve(listening: socket.socket) -> None:
    """Serve until standard input is closed and all events received by then are recorded; signals are ignored."""

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
    with ThreadPoolExecutor(1) as meanwhile, importing():
        checked = meanwhile.submit(check_database, Path(PREPARED.name))
        import uvicorn
        from prefect.server.api import server as api

        unrecorded = keep_every_event()
        write_in_turns()
    checked.result()

    # For a request FastAPI looks through the routers in turn, and builds the routes of each at the first look.
    api.API_ROUTERS = sorted(api.API_ROUTERS, key=lambda router: router.prefix not in ROUTERS)  # type: ignore[assignment]
    server = uvicorn.Server(uvicorn.Config(api.create_app, factory=True, log_level="error", lifespan="on"))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    # The program handles signals, which systemd and batch systems send to every process.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end, daemon=True).start()
    server.run([listening])


def keep_every_event() -> Callable[[], int]:
    """Make Prefect's server drop no events, not even while 10,000 wait; return a function that counts those."""
    from prefect.server.utilities.messaging import memory

    waiting: list[asyncio.Queue[memory.MemoryMessage]] = []

    class Unbounded(memory.Subscription):
        """Messages in one queue: one that could not be recorded is tried again after the others."""

        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self.queue: asyncio.Queue[memory.MemoryMessage] = asyncio.Queue()
            if self.topic.name == "events":
                waiting.append(self.queue)

        async def deliver(self, message: memory.MemoryMessage) -> None:
            self.queue.put_nowait(message)

        async def retry(self, message: memory.MemoryMessage) -> None:
            message.retry_count += 1
            if message.retry_count <= self.max_retries:
                self.queue.put_nowait(message)

        async def get(self) -> memory.MemoryMessage:
            return await self.queue.get()

    memory.Subscription = Unbounded  # type: ignore[misc]  # Prefect has no setting for their size
    return lambda: sum(queue.qsize() for queue in waiting)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
