"""The server of `make ui`, with all of its services, which can be stopped and started again.

Forked: who has one needs the fixture `forking`.
"""

import signal
import socket
from pathlib import Path
from subprocess import Popen
from typing import Any

import requests

from execution.orchestration.database import begin_database
from tests.conftest import clean_environment
from tests.patience import PATIENCE, until
from tests.program import Forked, fork


class Api:
    def __init__(self, home: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.home = home
        about = {"PREFECT_HOME": str(home), "PREFECT_API_URL": self.url}
        self.environment = clean_environment() | about | environment
        self.process: Popen[bytes] | Forked | None = None

    def start(self) -> None:
        if "PREFECT_API_DATABASE_CONNECTION_URL" not in self.environment:
            begin_database(self.home)
        about = self.environment | {"PREFECT_SERVER_API_PORT": str(self.port)}
        self.process = fork("execution.orchestration.ui", (), self.home / "server.log", about).process
        until(self.answers)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE)
            self.process = None

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.RequestException:
            return False

    def post(self, path: str, *several: Any, **body: Any) -> Any:
        sent = several or body
        answer = requests.post(f"{self.url}{path}", json=sent, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def begun(self) -> list[dict[str, Any]]:
        """The sweeps that have begun, the last one first."""
        begun = {"start_time": {"is_null_": False}, "parent_task_run_id": {"is_null_": True}}
        return self.post("/flow_runs/filter", sort="START_TIME_DESC", flow_runs=begun)

    def newest(self) -> dict[str, Any]:
        return self.begun()[0]

    def cli(self, *arguments: object) -> str:
        """Type a command of Prefect's in the project's folder, and give what it printed."""
        ended = fork("prefect", ["--no-prompt", *arguments], self.home / "cli.log", self.environment).wait()
        assert ended.code == 0, ended.output
        return ended.stdout
