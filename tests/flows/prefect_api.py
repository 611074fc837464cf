"""A Prefect server of one's own, with all of its services, which can be stopped and started again."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

from execution.orchestration import server
from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE, until


class Api:
    def __init__(self, home: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.home = home
        about = {"PREFECT_HOME": str(home), "PREFECT_API_URL": self.url}
        self.environment = clean_environment() | about | environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if "PREFECT_API_DATABASE_CONNECTION_URL" not in self.environment:
            server.begin_database(self.home)
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(self.port)]
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        until(self.answers)

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.RequestException:
            return False

    def post(self, path: str, **body: Any) -> Any:
        while (answer := requests.post(f"{self.url}{path}", json=body, timeout=PATIENCE)).status_code == 503:
            time.sleep(0.5)  # SQLite is busy: its clients ask again, too
        answer.raise_for_status()
        return answer.json()

    def begun(self) -> list[dict[str, Any]]:
        """The flow runs that have begun, the last one first."""
        return self.post("/flow_runs/filter", sort="START_TIME_DESC", flow_runs={"start_time": {"is_null_": False}})

    def newest(self) -> dict[str, Any]:
        return self.begun()[0]

    def cli(self, *arguments: object) -> str:
        command = [sys.executable, "-m", "prefect", "--no-prompt", *map(str, arguments)]
        return subprocess.run(
            command, cwd=PROJECT, env=self.environment, check=True, capture_output=True, text=True, timeout=PATIENCE
        ).stdout
