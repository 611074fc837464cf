"""SQLite under Prefect's servers: one transaction after the other, and no damaged page."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from uuid import uuid4

import requests

from execution.orchestration.database import PREPARED
from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

PROGRAMS, RUNS = 12, 3  # at once, of each


def test_no_request_is_refused_though_many_programs_write_at_once(prefect_server):
    def program(_):
        with requests.Session() as session:

            def post(path, **body):
                answer = session.post(f"{prefect_server}{path}", json=body, timeout=PATIENCE)
                answer.raise_for_status()
                return answer.json()

            flow = post("/flows/", name=f"writes {uuid4()}")["id"]
            for _ in range(RUNS):
                run = post("/flow_runs/", flow_id=flow)["id"]
                for state in ("PENDING", "RUNNING", "COMPLETED"):
                    post(f"/flow_runs/{run}/set_state", state={"type": state})

    with ThreadPoolExecutor(PROGRAMS) as programs:
        for done in [programs.submit(program, None) for _ in range(PROGRAMS)]:
            done.result()


def test_the_server_of_the_ui_names_a_damaged_database_and_what_to_do(tmp_path):
    path = tmp_path / "prefect.db"
    damaged = bytearray(PREPARED.read_bytes())
    with closing(sqlite3.connect(PREPARED)) as prepared:
        (root,) = prepared.execute("select rootpage from sqlite_master where name = 'flow_run'").fetchone()
        (size,) = prepared.execute("pragma page_size").fetchone()
    damaged[(root - 1) * size : root * size] = bytes(size)
    path.write_bytes(damaged)
    done = subprocess.run(
        [sys.executable, "-m", "execution.orchestration.ui"], cwd=PROJECT, capture_output=True, text=True,
        env=clean_environment() | {"PREFECT_HOME": str(tmp_path)}, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 1
    assert str(path) in done.stderr
    assert "Move it away and run make deploy again" in done.stderr
    assert "Traceback" not in done.stderr
    assert path.read_bytes() == damaged
