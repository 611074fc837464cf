"""The stand-in for the W&B server, driven by the real client."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.patience import PATIENCE, until
from tests.wandb_server import WandbServer

CLIENT = """
import sys, time, wandb
mode, run_id, first, last, then = sys.argv[1:]
quick = dict(x_graphql_retry_max=2, x_graphql_retry_wait_min_seconds=1, x_graphql_retry_wait_max_seconds=1,
             x_file_stream_retry_wait_min_seconds=1, x_file_stream_retry_wait_max_seconds=1,
             x_file_stream_transmit_interval=1,  # whole seconds: less counts as unset
             x_disable_meta=True, x_disable_stats=True, console="off", x_save_requirements=False)
run = wandb.init(project="p", id=run_id, mode=mode, resume="allow" if mode == "online" else None, group="g",
                 job_type="j", name="n", tags=["a"], config={"lr": 0.1, "nest": {"x": 1}}, dir=".",
                 settings=wandb.Settings(**quick))
print("from", run.starting_step, flush=True)
for step in range(int(first), int(last)):
    run.log({"loss": 1 / (step + 1), "k": step}, step=step, commit=True)
run.summary["best"] = 7
print("logged", run.dir, flush=True)
time.sleep(1000 if then == "hang" else 0)
if then == "wait":
    input()
run.finish(exit_code=3 if then == "fail" else 0)
"""


pytestmark = pytest.mark.soak(0)  # what the product asks of it, its own tests show each time

Start = Callable[..., "Client"]


@pytest.fixture
def start(server: WandbServer, tmp_path: Path) -> Iterator[Start]:
    """Starts clients, and leaves none behind."""
    clients: list[Client] = []

    def start(*args: object, **env: str) -> Client:
        clients.append(Client(server, tmp_path, *args, **env))
        return clients[-1]

    yield start
    for client in clients:
        client.kill()


class Client:
    def __init__(self, server: WandbServer, where: Path, *args: object, **env: str) -> None:
        outer = {key: value for key, value in os.environ.items() if not key.startswith("WANDB_")}
        command = [sys.executable, "-c", CLIENT, *map(str, args)]
        env = outer | {"WANDB_ERROR_REPORTING": "false"} | server.env() | env
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, cwd=where, env=env, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def until(self, word: str) -> str:
        """The line that begins with the word."""
        assert self.process.stdout
        seen = ""
        for line in self.process.stdout:
            if line.startswith(f"{word} "):
                return line.removeprefix(word).strip()
            seen += line
        raise AssertionError(f"it never said {word!r}:\n{seen}")

    def finish(self) -> tuple[int, str]:
        out, _ = self.process.communicate("\n", timeout=PATIENCE)
        return self.process.returncode, out

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def sync(server: WandbServer, run_dir: Path, *options: str) -> str:
    command = [sys.executable, "-m", "wandb", "sync", *options, str(run_dir)]
    env = os.environ | {"WANDB_ERROR_REPORTING": "false"} | server.env()
    done = subprocess.run(command, env=env, cwd=run_dir, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_what_an_online_run_logs_arrives(server: WandbServer, start: Start, tmp_path: Path) -> None:
    code, out = start("online", "r", 0, 5, "end").finish()
    assert code == 0, out
    run = server.runs["r"]
    assert [row["k"] for row in run.history] == list(range(5)) == [row["k"] for row in run.received]
    assert (run.project, run.entity, run.group, run.job_type) == ("p", server.entity, "g", "j")
    assert (run.name, run.tags, run.state) == ("n", ["a"], "finished")
    assert run.config == {"lr": 0.1, "nest": {"x": 1}}
    assert run.summary["best"] == 7
    assert run.summary["loss"] == 0.2
    assert "config.yaml" in run.files
    assert ("POST", "/graphql", "UpsertBucket") in server.requests


def test_a_killed_run_goes_on_where_it_stopped(server: WandbServer, start: Start, tmp_path: Path) -> None:
    client = start("online", "r", 0, 5, "hang")
    client.until("logged")
    run = server.wait("r", rows=5)
    client.kill()
    client = start("online", "r", 3, 8, "end")
    assert client.until("from") == "5"
    assert client.finish()[0] == 0
    assert [row["k"] for row in run.history] == list(range(8)) == [row["k"] for row in run.received]
    assert run.state == "finished"


def test_an_offline_run_is_synced_once_unless_told_twice(server: WandbServer, start: Start, tmp_path: Path) -> None:
    code, out = start("offline", "r", 0, 5, "fail").finish()
    assert code == 0, out
    assert not server.requests
    (run_dir,) = tmp_path.glob("wandb/offline-run-*-r")
    sync(server, run_dir)
    assert "No runs to sync" in sync(server, run_dir)
    run = server.runs["r"]
    assert [row["k"] for row in run.history] == list(range(5)) == [row["k"] for row in run.received]
    assert run.config == {"lr": 0.1, "nest": {"x": 1}}
    assert (run.state, run.exitcode) == ("failed", 3)
    server.overwrites = True
    sync(server, run_dir, "--include-synced")
    assert [row["k"] for row in run.history] == list(range(5))
    server.overwrites = False
    sync(server, run_dir, "--include-synced")  # whoever insists gets them twice
    assert [row["k"] for row in run.history] == 2 * list(range(5))
    assert len(run.received) == 15


def test_a_wrong_key_is_refused(server: WandbServer, start: Start, tmp_path: Path) -> None:
    code, out = start("online", "r", 0, 5, "end", WANDB_API_KEY="f" * 40).finish()
    assert code != 0
    assert "401" in out or "AuthenticationError" in out, out
    assert not server.runs


@pytest.mark.parametrize("trouble", ["stop", "refuse", "lose the answer"])
def test_a_run_outlives_trouble_in_its_middle(server: WandbServer, start: Start, trouble: str) -> None:
    if trouble == "lose the answer":
        server.fail_after = 1
    client = start("online", "r", 0, 5, "wait")
    client.until("from")
    if trouble == "stop":
        server.stop()
    elif trouble == "refuse":
        server.refuse = 503
    client.until("logged")
    if trouble == "lose the answer":
        until(lambda: server.broken)
    else:
        time.sleep(1)
    server.recover()
    code, out = client.finish()
    assert code == 0, out
    run = server.runs["r"]
    assert [row["k"] for row in run.history] == list(range(5))
    assert len(run.received) == 5 if trouble != "lose the answer" else len(run.received) > 5
    assert run.state == "finished"
