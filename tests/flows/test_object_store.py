"""A real sweep whose artifacts are in an object store: the same bits, cached from anywhere, cleaned, sent, trouble."""

import json
import threading
import time

import pytest

from execution.config import Execution
from execution.storage.objects import ObjectStorage
from experiment.config import Experiment
from flows.sweep import sweep
from tests.object_store import Proxy, away
from tests.program import Program

OTHERS = ("--decay", "none", "--folds", 1, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 4)
GRID = ("--learning-rates", 0.5, 0.1, *OTHERS)
GROWN = ("--learning-rates", 0.5, 0.1, 0.02, *OTHERS)
TRAININGS, STEPS = 2, 9  # and a W&B run each


class Machine:
    """A folder, a cache and nothing else: what the program has of a machine on which it never ran."""

    def __init__(self, folder, url, environment):
        self.folder, self.url, self.environment = folder, url, environment
        self.cache = folder / "cache"
        (folder / "here").mkdir(parents=True)

    def run(self, *arguments, **environment):
        return self.start(*arguments, **environment).wait()

    def start(self, *arguments, **environment):
        program = Program(self.folder / "program", **self.environment, XDG_CACHE_HOME=str(self.cache))
        program.flags, program.folder = [*map(str, arguments)], self.folder / "here"
        return program.start(**environment)


@pytest.fixture(scope="module")
def machine(tmp_path_factory, object_store, prefect_server, forking):
    """Make a machine, on a prefix that the tests of this module share."""
    prefix = f"s3://bucket/{tmp_path_factory.mktemp('prefix').name}"

    def make(url=prefix, **environment):
        given = {"PREFECT_API_URL": prefect_server, **object_store.environment, **environment}
        return Machine(tmp_path_factory.mktemp("machine"), url, given)

    return make


@pytest.fixture(scope="module")
def swept(machine, digits):
    """The small grid, run by a process of its own."""
    first = machine()
    ended = first.run("--artifacts", first.url, "--data-dir", digits, *GRID)
    assert ended.code == 0, ended.output
    first.said = ended.output
    return first


@pytest.fixture
def storage(swept, object_store, tmp_path, monkeypatch):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ObjectStorage(url=swept.url)


def experiment(digits, *learning_rates):
    return Experiment(
        data_dir=digits, learning_rates=learning_rates, batch_sizes=(64,), alphas=(0.0,), decay=("none",), folds=1,
        max_epochs=4,
    )  # fmt: skip


def test_the_model_is_that_of_a_sweep_on_a_disk_to_the_last_bit(swept, storage, digits, tmp_path, prefect_server):
    sweep(experiment(digits, 0.5, 0.1), Execution(artifacts=tmp_path / "artifacts", wandb_mode="disabled"))
    on_disk = (tmp_path / "artifacts" / "sweeps" / "latest" / "model.npz").read_bytes()
    assert storage.get("sweeps/latest/model.npz") == on_disk
    assert f"{swept.url}/sweeps/" in swept.said
    assert not list((swept.folder / "here").iterdir())
    assert {key for kind in ("locks", "runs", "drafts") for key in storage.list(kind)} == set()


def test_from_another_machine_all_is_cached_and_no_array_is_fetched(swept, machine, digits, object_store):
    with Proxy(object_store.address) as proxy:
        other = machine(**proxy.environment)
        ended = other.run("--artifacts", other.url, "--data-dir", digits, *GRID, "--wandb-mode", "disabled")
    assert ended.code == 0, ended.output
    assert f"{TRAININGS} combinations, {TRAININGS} trainings cached" in ended.stdout
    assert not list((other.folder / "here").iterdir())
    assert proxy.requests["PUT", "arrays"] == 0
    assert proxy.received["GET", "arrays"] == 0


def test_predict_and_page_take_it_from_the_store(swept, storage, digits, typed, tmp_path, capfd):
    rows = digits / "fashion_mnist_test_images.npy"
    code, _ = typed("predict", f"{swept.url}/sweeps/latest/model.npz", rows, "--output", tmp_path / "said.csv")
    assert code == 0
    assert len((tmp_path / "said.csv").read_text().splitlines()) == 398
    code, _ = typed("page", "--artifacts", swept.url)
    assert code == 0
    code, said = typed("page", "nothing", "--artifacts", swept.url)
    assert (code, "there is no such page" in said) == (2, True)


def test_what_was_tracked_offline_is_sent_from_any_machine_once(swept, machine, server):
    said = "-m flows sync --artifacts " + swept.url
    assert said in swept.said.replace("\n", " ")
    swept.cache.rename(swept.cache.with_name("gone"))
    for _ in range(2):
        ended = machine().run("sync", "--artifacts", swept.url, **server.env())
        assert ended.code == 0, ended.output
    assert len(server.runs) == TRAININGS + STEPS, ended.output
    assert {run.exitcode for run in server.runs.values()} == {0}
    assert server.rows == 4 * TRAININGS + 4 + 1
    assert server.requests.count("UpsertBucket") <= 2 * len(server.runs)
    sent = {version.collection: version for version in server.artifacts}
    assert all(version.committed for version in sent.values())
    assert "model.npz" in sent["own-data-softmax"].files


def test_a_grown_grid_trains_only_what_is_new_and_clean_leaves_what_is_needed(swept, storage, digits, typed):
    execution = Execution(artifacts=swept.url, wandb_mode="offline")
    grown = sweep(experiment(digits, 0.5, 0.1, 0.02), execution)
    assert (grown.combinations, grown.cached) == (3, 2)
    storage.put("checkpoints/" + "0" * 20 + ".ckpt", b"left by one that was killed")
    code, _ = typed("clean", "--artifacts", swept.url, "--yes")
    assert code == 0
    assert not list(storage.list("checkpoints"))
    assert sweep(experiment(digits, 0.5, 0.1), execution).cached == 2
    assert typed("clean", "--artifacts", swept.url, "--keep", 0, "--unsent", "--yes")[0] == 0
    left = {entry["path"] for entry in storage.below("")}
    assert {path for path in left if not path.startswith("champion/")} == {"sweeps/history.csv"}
    assert {path.rpartition("/")[2] for path in left} >= {"champion.json", "model.npz", "correct.npy"}


def test_two_sweeps_at_once_share_their_work(machine, digits, object_store, monkeypatch):
    one, two = machine(), machine()
    both = f"{one.url}-both"
    running = [
        machine.start("--artifacts", both, "--data-dir", digits, *grid, "--wandb-mode", "disabled", "--name", name)
        for machine, grid, name in ((one, GRID, "one"), (two, GROWN, "two"))
    ]
    ended = [program.wait() for program in running]
    assert [end.code for end in ended] == [0, 0], [end.output for end in ended]
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(one.cache))
    storage = ObjectStorage(url=both)
    runs = [json.loads(storage.get(f"sweeps/{name}/summary.json"))["runs"]["train"] for name in ("one", "two")]
    assert set(runs[0]) < set(runs[1])
    history = storage.get("sweeps/history.csv").decode().splitlines()
    assert len(history) == 3
    assert not list(storage.list("locks"))


@pytest.mark.hostile
def test_a_store_that_is_away_and_in_trouble_costs_one_line_each_time(machine, digits, object_store):
    with Proxy(object_store.address) as proxy:
        alone = machine(**proxy.environment)
        running = alone.start(
            "--artifacts", f"{alone.url}-away", "--data-dir", digits, *GRID, "--wandb-mode", "disabled"
        )
        while proxy.requests["PUT", "arrays"] < 6:
            assert running.process.poll() is None, running.wait().output
            time.sleep(0.01)
        away(proxy, 5).join()
        failing = threading.Event()
        proxy.trouble = lambda method, path: None if failing.is_set() else 503
        time.sleep(3)
        failing.set()
        ended = running.wait()
    assert ended.code == 0, ended.output
    assert 1 <= ended.output.count("is unreachable or slow") <= 2, ended.output
    assert "Traceback" not in ended.output


@pytest.mark.parametrize(
    ("address", "says"),
    [
        (
            "s3:/bucket/x",
            "--artifacts: s3:/bucket/x is not possible: s3:/bucket/x is no valid address: give s3://bucket/prefix",
        ),
        ("ftp://bucket/x", "give s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"),
        ("s3://", "give s3://bucket/prefix"),
        ("s3://bucket/x?y", "give s3://bucket/prefix"),
        ("s3://no-such-bucket/x", "artifacts: s3://no-such-bucket/x: there is no such bucket: create it"),
    ],
)
def test_a_bad_address_is_refused_before_anything_starts(typed, digits, object_store, monkeypatch, address, says):
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    code, said = typed("--artifacts", address, "--data-dir", digits)
    assert code == 2
    assert says in said
    assert "Traceback" not in said
