"""A disk that fills up, or that can no longer be written to."""

import subprocess
from contextlib import suppress

import pytest

from tests.hostile.leavings import lost_and_doubled, results, rows_on_disk
from tests.patience import until
from tests.program import KILLED

pytestmark = pytest.mark.hostile


@pytest.fixture
def disk(tmp_path):
    """A small disk; options of `mount` change it."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True, capture_output=True)

    try:
        mount("size=8m")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a disk cannot be mounted here: {error}")
    yield folder, lambda options: mount(f"remount,{options}")
    # W&B's service may take a moment to close its log.
    until(lambda: subprocess.run(["umount", folder], capture_output=True).returncode == 0)


@pytest.fixture
def program(sweep_in, disk, tmp_path):
    program = sweep_in(disk[0] / "artifacts")
    program.log = tmp_path / "log"
    return program


@pytest.mark.parametrize("moment", ["cache/*", "checkpoints/*.ckpt"])
def test_a_disk_that_fills_up_ends_it_clearly_and_with_room_it_completes(program, disk, undisturbed, moment):
    folder, _ = disk
    running = program.start()
    running.wait_for(moment, program.artifacts)
    with suppress(OSError), (folder / "ballast").open("wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)):
            pass
    full = running.wait()
    assert full.code == 1, full.output
    assert "Traceback" not in full.output
    assert "no space left" in full.output.lower()

    again = program.run()
    assert again.code == 2
    assert "MB free and this sweep needs" in again.output

    (folder / "ballast").unlink()
    completes(program, undisturbed)


def completes(program, undisturbed) -> None:
    ended = program.run()
    assert ended.code == 0, ended.output
    assert results(program.artifacts) == undisturbed.results
    assert lost_and_doubled(rows_on_disk(program.artifacts), undisturbed.rows) == (0, 0)


def test_a_disk_turned_read_only_is_named_and_once_writable_it_completes(program, disk, undisturbed):
    _, remount = disk
    assert program.run(SWEEP_KILL_AT="train epoch:50").code == KILLED

    def read_only():
        with suppress(subprocess.CalledProcessError):  # W&B's service still has its log open
            remount("ro")
            return True

    until(read_only)
    ended = program.run()
    assert ended.code == 2
    assert "cannot be written to (Read-only file system)" in ended.output

    remount("rw")
    completes(program, undisturbed)
