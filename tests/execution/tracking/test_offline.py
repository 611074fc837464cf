"""Is an offline run written to its end, or not even begun? Asked of files as W&B's own client writes them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import wandb

from execution.tracking.offline import SECONDS_TO_WRITE, ended, records, remove_unwritten
from tests.conftest import clean_environment
from tests.patience import PATIENCE, until

BLOCK = 32768  # of LevelDB's log format


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """A run of some blocks, whose records reach over their ends."""
    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True)
    run = wandb.init(mode="offline", dir=tmp_path_factory.mktemp("wandb"), id="r", settings=settings)
    for row in range(300):
        run.log({f"figure {number}": row + number / 7 for number in range(12)})
    run.finish()
    path = Path(run.dir).parent / "run-r.wandb"
    until(lambda: ended(path))  # the client returns before its service has written the end
    return path.read_bytes()


@pytest.fixture
def left(content, run_context):
    """Leave of a run so many bytes. Gives its file."""

    def left(run, size):
        folder = run_context.storage.folder("wandb") / f"offline-run-20260101_000000-{run}"
        folder.mkdir(parents=True)
        path = folder / f"run-{run}.wandb"
        path.write_bytes(content[:size])
        return path

    return left


def test_what_was_killed_before_a_word_keeps_no_run_from_being_sent(left, run_context, server):
    killed, begun, run = left("killed", 7), left("begun", 7), left("r", None)
    long_ago = time.time() - SECONDS_TO_WRITE - 1
    os.utime(killed, (long_ago, long_ago))

    def sync(*files):
        command = [sys.executable, "-m", "wandb", "sync", *(path.parent for path in files)]
        subprocess.run(command, env=clean_environment() | server.env(), check=True, timeout=PATIENCE)
        return set(server.runs)

    assert sync(killed, run) == set()  # says the client: otherwise nothing need be removed
    remove_unwritten(run_context.storage)
    assert not killed.exists()
    assert begun.exists()  # another process may be about to write
    assert sync(run) == {"r"}


def test_it_has_ended_when_all_of_it_is_there_and_never_before(content, tmp_path):
    path = tmp_path / "run-r.wandb"
    assert len(content) > 2 * BLOCK
    ends = [*range(BLOCK, len(content), BLOCK), *range(0, len(content), 997)]
    for end in ends:  # at the end of a block a record may have been begun, each of its parts whole
        path.write_bytes(content[:end])
        assert not ended(path)
    assert not all(records(path) for end in ends if path.write_bytes(content[:end]))
    path.write_bytes(content)
    assert ended(path)
    assert records(path)
