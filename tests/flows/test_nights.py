"""Many nights in a row, a few seconds each, on the server of `make ui`: who is told of what, and what grows.

The data and the code change on set nights, and on others the program is killed. Between two nights all times in the
server's database move a day back, so that it removes what has become old. NIGHTS=30 makes it shorter.
"""

import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest
import yaml

from execution.orchestration.database import begin_database
from tests.conftest import PROJECT, clean_environment
from tests.flows.prefect_api import Api
from tests.loopback import Webhooks
from tests.patience import PATIENCE, until

pytestmark = [pytest.mark.soak(0), pytest.mark.slow, pytest.mark.hostile, pytest.mark.timeout(6 * 3600)]

NIGHTS = int(os.environ.get("NIGHTS", "100"))
FLAGS = [
    "--learning-rates", 0.5, 0.1, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 2, "--engine", "numpy",
    "--wandb-mode", "offline", "--keep", 1,
]  # fmt: skip
TABLES = {"flow_run": ("end_time",), "events": ("occurred",), "event_resources": ("occurred",)}


@pytest.fixture
def told():
    with Webhooks() as told:
        yield told


class Ui(Api):
    """Not forked: Prefect reads how often it removes what is old when it is imported."""

    def start(self):
        begin_database(self.home)
        about = self.environment | {"PREFECT_SERVER_API_PORT": str(self.port)}
        with (self.home / "server.log").open("ab") as log:
            command = [sys.executable, "-m", "execution.orchestration.ui"]
            self.process = subprocess.Popen(command, cwd=PROJECT, env=about, stdout=log, stderr=log)
        until(self.answers)

    def sweeps(self):
        return self.post("/flow_runs/filter", limit=200, flow_runs={"parent_task_run_id": {"is_null_": True}})


@pytest.fixture
def api(tmp_path):
    (tmp_path / "prefect").mkdir()
    quick = {"PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "5", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
    api = Ui(tmp_path / "prefect", PREFECT_UI_URL="http://prefect.example", **quick)
    api.start()
    yield api
    api.stop()


@pytest.fixture
def automated(api, told, tmp_path):
    watched = tmp_path / "automations.yaml"
    watched.write_text((PROJECT / "automations.yaml").read_text().replace("within: 90\n", "within: 45\n"))
    command = [sys.executable, "-m", "flows.commands.automations", watched, told.url]
    subprocess.run(command, cwd=PROJECT, env=api.environment, check=True, timeout=PATIENCE)
    assert yaml.safe_load(watched.read_text())["automations"][0]["trigger"]["within"] == 45


@pytest.fixture
def night(api, digits, tmp_path):
    """A copy of the project and of the data, to be changed, and a night in it. `killed`: it does not end."""
    for part in ("flows", "tasks", "execution", "experiment", "report", "softmax"):
        shutil.copytree(PROJECT / part, tmp_path / "copy" / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "pyproject.toml", tmp_path / "copy")
    shutil.copytree(digits, tmp_path / "digits")
    command = [sys.executable, "-m", "flows", "--data-dir", tmp_path / "digits", "--name", "nightly", *FLAGS]

    def night(killed=False):
        kill = {"SWEEP_KILL_AT": "publish in place:1"} if killed else {}
        done = subprocess.run(
            list(map(str, command)), cwd=tmp_path / "copy", env=clean_environment() | api.environment | kill,
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert (done.returncode == 0) is not killed, done.stderr

    return night


def a_day_passes(api):
    with closing(sqlite3.connect(api.home / "prefect.db", timeout=PATIENCE)) as database, database:
        for table, columns in TABLES.items():
            for column in columns:
                earlier = f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-1 day') || '000'"
                database.execute(f"UPDATE {table} SET {column} = {earlier} WHERE {column} IS NOT NULL")


def sizes(api, root):
    """In KB: what the server's database holds, and the artifact root."""
    with closing(sqlite3.connect(api.home / "prefect.db", timeout=PATIENCE)) as database:
        pages, free, size = (
            database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    files = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return (pages - free) * size // 1000, files // 1000


def test_news_are_told_of_the_nights_that_have_some_and_of_no_other(api, automated, told, night, tmp_path):
    labels, source = tmp_path / "digits" / "fashion_mnist_test_labels.npy", tmp_path / "copy" / "softmax" / "sgd.py"

    def other_data():
        np.save(labels, np.roll(np.load(labels), 7))

    def other_code():
        text = source.read_text()
        source.write_text(
            text.replace("W = 0.01 *", "W = 3.0 *") if "W = 0.01 *" in text else text.replace("3.0", "0.01")
        )

    def same_code():
        with source.open("a") as file:
            file.write("\nEDITED = True\n")

    events = {"data": other_data, "code": other_code, "code without an effect": same_code, "killed": None, "": None}
    due = {night: name for first, name in ((10, "data"), (14, "code"), (17, "code without an effect"), (4, "killed"))
           for night in range(first, NIGHTS, 20)}  # fmt: skip
    grown = []
    for number in range(NIGHTS):
        what = due.get(number, "")
        if change := events[what]:
            change()
        night(killed=what == "killed")
        a_day_passes(api)
        grown.append(sizes(api, tmp_path / "copy" / "artifacts"))
        print(f"night {number} {what}: {grown[-1]} KB, told {len(told.messages)}", file=sys.stderr, flush=True)

    expected = [due[number] for number in sorted(due) if due[number] in ("data", "code")]
    killed = list(due.values()).count("killed")
    until(lambda: len(told.messages) >= len(expected) + killed)
    texts = [json.loads(message)["text"] for message in told.messages]
    news = [text for text in texts if text.startswith("nightly: ")]
    assert [text.removeprefix("nightly: ").partition(" changed: ")[0] for text in news] == expected
    crashed = [text for text in texts if "is Crashed: " in text]  # found by its silence, or by the next night
    assert len(crashed) == killed
    assert len(texts) == len(news) + len(crashed)
    assert not any("\n" in text or "None" in text for text in texts)
    assert not list(api.home.glob("dlq/*"))  # no event was lost
    such = [run for run in api.sweeps() if run["state_type"] not in ("COMPLETED", "CRASHED")]
    assert not such  # no night is lost without a word
    quiet = [number for number in range(45, NIGHTS) if (number % 20) == 9]
    for before, after in itertools.pairwise(quiet):
        assert grown[after][0] < 1.15 * grown[before][0]  # the server removes what is old
        assert grown[after][1] < 1.05 * grown[before][1]  # so do nights, W&B runs that were never sent included
    assert not (api.home / "storage").exists()
