"""A small real problem, a real Prefect server, and the program as a process."""

import io
import multiprocessing.util
import os
import random
import shutil
import ssl
import sys
import tempfile
import threading
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from execution.config import Execution
from execution.orchestration.server import TemporaryServer
from experiment.data.formats import npy_name
from tests.object_store import ObjectStore
from tests.patience import PATIENCE
from tests.wandb_server import WandbServer

PROJECT = Path(__file__).resolve().parents[1]

SKETCHED = ("execution", "flows", "hostile")  # folders in which sweeps are run for something else than their pictures
DRAWN = ("test_shown.py", "test_sweep.py", "test_undrawn.py", "test_wandb_media.py")

LONG = (
    "test_schedules.py", "test_prefect_trouble.py", "test_runner_kills.py", "test_kills.py", "test_page.py",
    "test_tiles.py", "test_quick.py",
)  # fmt: skip

SERVER = pytest.StashKey[str]()

NOT_QUICK = {
    "slow", "hostile", "soak",  # marks
    "browser", "forking", "object_store", "prefect_server", "server",  # fixtures
}  # fmt: skip
STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"}  # events of Python's, of a process that starts

# Every client of Prefect's would load all certificates for itself: a sixth of what a small flow run takes.
ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]

# A busy machine is no reason for a property to fail.
settings.register_profile("sweep", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sweep")


def pytest_itemcollected(item):
    if NOT_QUICK.isdisjoint([mark.name for mark in item.iter_markers()] + item.fixturenames):
        item.add_marker("quick")


@pytest.fixture(scope="session", autouse=True)
def nothing_is_started(pytestconfig):
    """A test that would start a process is skipped there if only quick ones are to run."""
    quick = [pytestconfig.option.markexpr == "quick"]

    def skip(event, _):
        if quick[0] and event in STARTS and threading.current_thread() is threading.main_thread():
            pytest.skip("starts a process")

    if quick[0]:
        sys.addaudithook(skip)  # for good
    yield
    quick[0] = False


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="whole campaigns, not a random sample of each")
    parser.addoption("--shuffle", action="store_true", help="files in a random order, and the tests of each")


def pytest_report_header(config):
    return f"SEED={os.environ['SEED']} gives this run's samples again"


def pytest_configure(config):
    """What programs that are killed leave in the folder for temporary files goes at the end; what tests write stays.

    Prefect's home is there, too, since the user's may have a server and flow runs of the user's own.
    """
    if not hasattr(config, "workerinput"):
        os.environ.setdefault("SEED", str(random.SystemRandom().randrange(10**6)))  # processes of pytest's inherit it
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
        os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp()
        os.environ["PREFECT_HOME"] = str(Path(tempfile.tempdir, "prefect"))
        # After what multiprocessing has in there.
        multiprocessing.util.Finalize(None, shutil.rmtree, (tempfile.tempdir, True), exitpriority=-200)


@pytest.hookimpl(trylast=True)  # after -k and -m
def pytest_collection_modifyitems(config, items):
    """Campaigns are sampled; the long files come first, so that no worker idles while the other ends the run."""
    campaigns = defaultdict(list)
    for item in items:
        if item.get_closest_marker("soak"):
            campaigns[item.nodeid.partition("[")[0]].append(item)
    left = set()
    for name, cases in campaigns.items():
        count = min([len(cases), *cases[0].get_closest_marker("soak").args])
        if not config.option.soak:
            left.update(set(cases) - set(dice_of(name).sample(cases, count)))
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = [item for item in items if item not in left]
    items.sort(key=lambda item: (item.path.name not in LONG, item.get_closest_marker("hostile") is None))
    if config.option.shuffle:
        dice = dice_of("order")
        dice.shuffle(items)
        place = {path: dice.random() for path in dict.fromkeys(item.path for item in items)}
        items.sort(key=lambda item: place[item.path])


def dice_of(name: str) -> random.Random:
    """What a run's seed decides for a test, in whatever order tests run."""
    return random.Random(f"{os.environ['SEED']} {name}")


@pytest.fixture
def dice(request):
    return dice_of(request.node.nodeid)


@pytest.fixture(scope="session")
def whole(pytestconfig):
    """A campaign is to be whole."""
    return pytestconfig.option.soak


@pytest.fixture(scope="module", autouse=True)
def sketched(request):
    """Pictures are drawn in full where tests look at them."""
    folder = request.path.relative_to(PROJECT / "tests").parts[0]
    with pytest.MonkeyPatch.context() as patch:
        if folder in SKETCHED and request.path.name not in DRAWN:
            from tests.sketches import use_sketches

            use_sketches(patch.setattr)
        yield


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    """scikit-learn's handwritten digits (8 × 8, ten classes) as the four files of a user's own data."""
    from sklearn.datasets import load_digits  # takes a second to import

    folder = tmp_path_factory.mktemp("data") / "digits"
    folder.mkdir()
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels * 255 / 16).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(labels))
    train, test = order[:1400], order[1400:]
    for side, rows in (("train", train), ("test", test)):
        np.save(folder / npy_name(f"{side}_images"), images[rows].reshape(-1, 8, 8))
        np.save(folder / npy_name(f"{side}_labels"), labels[rows])
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Of several processes of pytest's, the one that deals out the tests has the server for all."""
    config = node.config
    if config.option.markexpr == "quick":
        return
    if not config.stash.get(SERVER, None):
        folder = tempfile.TemporaryDirectory()
        server = begun(Path(folder.name))
        config.stash[SERVER] = server.address
        config.add_cleanup(folder.cleanup)
        config.add_cleanup(server.stop)  # first
    node.workerinput["prefect_server"] = config.stash[SERVER]


def begun(folder: Path) -> TemporaryServer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())  # which that server sets
        return TemporaryServer(folder)


@pytest.fixture(scope="session")
def server_of_all(request, tmp_path_factory):
    if address := getattr(request.config, "workerinput", {}).get("prefect_server"):
        yield address  # a request waits until it is up
    else:
        server = begun(tmp_path_factory.mktemp("prefect"))
        server.wait()
        yield server.address
        server.stop()


@pytest.fixture(scope="session")
def prefect_server(server_of_all):
    """A real server for this session, on its own database: the sweep's own kind. Yields its address.

    Not that of Prefect's harness, which imports the whole server into this process, and writes more often to SQLite, so
    that it refuses requests of several programs at once.
    """
    from prefect.context import refresh_global_settings_context
    from prefect.events.worker import EventsWorker
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    url = f"{server_of_all}/api"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", url)
        refresh_global_settings_context()  # which holds for threads of the tests' own
    # A flow's end waits for a second for its heartbeats.
    with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield url
        EventsWorker.drain_all(timeout=PATIENCE)  # and every other service


@pytest.fixture(scope="session")
def object_store():
    """An S3 on loopback with one bucket, for this session."""
    with ObjectStore() as store:
        yield store


@pytest.fixture
def held(tmp_path):
    """As long as this file is there, which SWEEP_WAIT_FILE is to name, the program waits at SWEEP_WAIT_AT."""
    path = tmp_path / "held"
    path.touch()
    return path


@pytest.fixture
def server():
    """A stand-in for W&B's."""
    with WandbServer() as server:
        yield server


@pytest.fixture(scope="session")
def forking(prefect_server):
    """Start the process that runs are forked from, with the environment that its imports look at."""
    from tests.program import FORKED, nothing  # which wants this module

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.setenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        process = FORKED.Process(target=nothing)
        process.start()
        process.join()


def clean_environment() -> dict[str, str]:
    """This process's, without what would change how the program tracks or orchestrates."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "PREFECT_"))}


def model_of(execution: Execution) -> dict[str, NDArray[Any]]:
    """Return everything in the newest sweep's `model.npz`."""
    content = execution.storage.get("sweeps/latest/model.npz")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
