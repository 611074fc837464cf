"""Is an offline run written to its end? Asked of files that W&B's own client wrote, while it writes them."""

import time
from pathlib import Path

import pytest
import wandb

from execution.tracking.offline import ended, whole

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
    for _ in range(600):  # the client returns before its service has written the end
        if ended(path):
            break
        time.sleep(0.1)
    return path.read_bytes()


def test_it_has_ended_when_all_of_it_is_there_and_never_before(content, tmp_path):
    path = tmp_path / "run-r.wandb"
    assert len(content) > 2 * BLOCK
    ends = [*range(BLOCK, len(content), BLOCK), *range(0, len(content), 997)]
    for end in ends:  # at the end of a block a record may have been begun, each of its parts whole
        path.write_bytes(content[:end])
        assert not ended(path)
    assert not all(whole(path) for end in ends if path.write_bytes(content[:end]))
    path.write_bytes(content)
    assert ended(path)
    assert whole(path)
