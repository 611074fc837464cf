"""What other packages may move without notice: an upgrade that does fails here, not in a sweep."""

import ast
import inspect
import re
from concurrent.futures import process
from multiprocessing import queues

import distributed
import pytest
import wandb
from prefect import flow_engine, futures, results
from prefect.events import clients
from prefect.server.utilities.messaging import memory

from tests.conftest import PROJECT

PRIVATE = {
    results.ResultStore: "_resolve_path",
    futures.PrefectTaskRunFuture: "_final_state",
    process.ProcessPoolExecutor: "_call_queue",
    queues.Queue: "_reader",
    distributed.Worker: "_instances",
    wandb.Run: "_interface _log_artifact",
}
MORE = {  # the same of names that do not look private; the others must be looked for where they are replaced
    flow_engine: "capture_sigterm",
    clients: "websocket_connect",
    memory.Topic: "Subscription",
}
OURS = {"_logged", "_epoch", "_exit", "_asdict", "_replace", "_fields"}  # and Python's own


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in (PRIVATE | MORE).items() for name in names.split()]
)
def test_names_that_other_packages_may_move_are_where_they_were(owner, name):
    assert re.search(rf"(?<!\w){name}(?!\w)", inspect.getsource(owner))


def test_no_other_private_name_of_another_package_is_used():
    used = set()
    for package in ("flows", "tasks", "execution", "report", "experiment"):
        for path in (PROJECT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    used.add(node.attr)
                elif isinstance(node, ast.ImportFrom):
                    used |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
                elif isinstance(node, ast.FunctionDef):
                    used.add(node.name)
    assert {name for name in used if re.match("_[a-z]", name, re.IGNORECASE)} - OURS == set(
        " ".join(PRIVATE.values()).split()
    )
