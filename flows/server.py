"""Prefect's server for the time of one sweep, on SQLite.

Prefect starts one by itself where there is none, but only when the flow does, and it imports the whole server into
the program for it. This one comes up on another core while the program imports what it needs, can be watched in a
browser, and ends when the program does, even if that is killed: its standard input ends then.
"""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests

from experiment.errors import ServerFailed
from flows.startup import importing

LOOPBACK = "127.0.0.1"
SECONDS_TO_START = 120  # on a slow disk; a few are usual
SECONDS_TO_STOP = 5
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
        self.log = home / "server.log"
        with socket.create_server((LOOPBACK, 0)) as listening, self.log.open("wb") as log:
            self.address = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
            os.environ |= {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"{self.address}/api"}
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "flows.server", str(listening.fileno())],
                env=os.environ | SETTINGS,
                pass_fds=[listening.fileno()],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the program: its last words go through this server
            )
        atexit.register(self.stop)

    def wait(self) -> None:
        """Wait until it answers.

        Raises
        ------
        ServerFailed
        """
        until = time.monotonic() + SECONDS_TO_START
        while self.process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(requests.RequestException):
                # Its socket has been open from the start: the request waits there until the server takes it up.
                if requests.get(f"{self.address}/api/health", timeout=SECONDS_TO_START).ok:
                    return
        raise ServerFailed(
            f"Prefect's temporary server did not come up: {self.log} says why. If its database is damaged, move "
            f"{self.log.with_name('prefect.db')} away: only the history that the Prefect UI shows is in it."
        )

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def begin_database(home: Path) -> None:
    """Put a copy of the database that the set-up made where there is none: the server takes ten seconds to make one.

    Not beside a left-over write-ahead log: SQLite would play that into it.
    """
    if not any(home.glob("prefect.db*")):
        with tempfile.TemporaryDirectory(dir=home) as drafts, contextlib.suppress(OSError):
            os.link(shutil.copy(PREPARED, drafts), home / PREPARED.name)  # in one piece, and not over another sweep's


SETTINGS = {
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",  # `make ui` does that
    # A feed of events, and watching it for automations, are half of its work; nobody asks a temporary server for them.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    # Recorded one by one, the states of quick task runs are still waiting, and lost, when the server stops.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",  # seconds
}


def serve(listening: socket.socket) -> None:
    """Serve until standard input ends."""

    def end() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS_TO_STOP)
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
    with importing():
        import uvicorn
        from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app, factory=True, log_level="error", lifespan="on")
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
