"""Every kind of file under the artifact root damaged in every way: repaired, or said what to do; never wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import dice_of
from tests.hostile.leavings import results
from tests.program import Program

pytestmark = [pytest.mark.hostile, pytest.mark.timeout(1200)]


def step(artifacts: Path, name: str) -> str:
    """A step's identity, which its files are named by; of the trainings the best one's."""
    return json.loads((artifacts / "sweeps" / "latest" / "summary.json").read_text())["runs"][name][0]


def record(name: str) -> Callable[[Path], Path]:
    return lambda artifacts: next((artifacts / "cache").glob(f"{step(artifacts, name)}*"))


def array(name: str, field: str) -> Callable[[Path], Path]:
    """An array that the result of a step refers to."""

    def find(artifacts: Path) -> Path:
        text = json.loads(json.loads(record(name)(artifacts).read_text())["record"])["result"]
        ref = json.loads(text)["data"]
        for key in field.split("."):
            ref = ref[int(key) if key.isdigit() else key]
        return artifacts / "arrays" / f"{ref['digest'].removeprefix('sha256:')}.npy"

    return find


def checkpoint_in_use(name: str) -> Callable[[Path], Path]:
    """A step's checkpoint, its result being gone."""

    def find(artifacts: Path) -> Path:
        record(name)(artifacts).unlink()
        return artifacts / "checkpoints" / f"{step(artifacts, name)}.ckpt"

    return find


def lock(name: str) -> Callable[[Path], Path]:
    return lambda artifacts: next((artifacts / "locks").glob(f"{step(artifacts, name)}*"))


def latest(name: str) -> Callable[[Path], Path]:
    return lambda artifacts: artifacts / "sweeps" / "latest" / name


def below(pattern: str) -> Callable[[Path], Path]:
    return lambda artifacts: next(artifacts.glob(pattern))


LINK = "link to the latest sweep"
FILES = {
    "raw images": array("download", "train.images"),
    "retrained weights": array("retrain", "W"),
    "rows of the split": array("split", "folds.0.train"),
    "trained weights": array("train", "W"),
    "record of download": record("download"),
    "record of a training": record("train"),
    "record of evaluate": record("evaluate"),
    "record of report": record("report"),
    "checkpoint of a training": checkpoint_in_use("train"),
    "checkpoint of retrain": checkpoint_in_use("retrain"),
    "summary.json": latest("summary.json"),
    "leaderboard.csv": latest("leaderboard.csv"),
    "model.npz": latest("model.npz"),
    "report.html": latest("report.html"),
    LINK: below("sweeps/latest"),
    "W&B run of report": lambda artifacts: next(artifacts.glob(f"wandb/*{step(artifacts, 'report')}/*.wandb")),
    "W&B run of download": lambda artifacts: next(artifacts.glob(f"wandb/*{step(artifacts, 'download')}/*.wandb")),
    "W&B log": below("wandb/*/logs/debug.log"),
    "lock of report": lock("report"),
    "lock of a training": lock("train"),
}
FOLDERS = {
    "arrays": below("arrays"),
    "cache": below("cache"),
    "checkpoints": below("checkpoints"),
    "locks": below("locks"),
    "sweeps": below("sweeps"),
    "wandb": below("wandb"),
    "folder of the sweep": lambda artifacts: (artifacts / "sweeps" / "latest").resolve(),
    "folder of report's W&B run": lambda artifacts: next(artifacts.glob(f"wandb/*{step(artifacts, 'report')}")),
}


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes() or b"\0")
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("in it")


def a_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("no folder")


DAMAGES: tuple[Callable[[Path], None], ...] = (truncated, emptied, flipped, a_folder)
TOGETHER = 4  # files damaged in one run, each in another way; over the runs each of them in every way


Case = list[tuple[str, Callable[[Path], None]]]


def cases() -> list[Case]:
    """What to damage in each run, and how. A link is only replaced."""
    names = list(FILES)
    groups = [names[first :: len(names) // TOGETHER] for first in range(len(names) // TOGETHER)]
    turned = [[DAMAGES[(turn + k) % 4] for k in range(TOGETHER)] for turn in range(4)]
    files = [list(zip(group, damages, strict=True)) for group in groups for damages in turned]
    files = [[case for case in run if case[0] != LINK or case[1] is a_folder] for run in files]
    folders: list[Case] = [[(name, a_file)] for name in FOLDERS]
    return files + folders


def named(case: Case) -> str:
    return ", ".join(f"{name} {damage.__name__}" for name, damage in case)


@pytest.mark.soak(4)
@pytest.mark.parametrize("case", cases(), ids=named)
def test_a_damaged_file_is_repaired_or_named_and_never_believed(sweep_in, undisturbed, tmp_path, case):
    artifacts = tmp_path / "artifacts"
    shutil.copytree(undisturbed.artifacts, artifacts, symlinks=True)
    paths = [(FILES | FOLDERS)[name](artifacts) for name, _ in case]
    for path, (_, damage) in zip(paths, case, strict=True):
        damage(path)
    ended = sweep_in(artifacts).run()
    assert "Traceback" not in ended.output
    if ended.code:  # then it names what is in the way, in few lines beside those on files that it repaired
        assert any(str(path) in ended.output for path in paths), ended.output
        assert len(ended.output.splitlines()) < 5 + len(paths), ended.output
        return
    assert results(artifacts) == undisturbed.results
    download = step(artifacts, "download")
    for path in paths:  # W&B's run of a cached step: nobody reads it; one that runs again leaves another
        if path.suffix == ".wandb" and download in path.name:
            again = f"Cached result {download[:12]}… is not used" in ended.output
            assert again or f"{path.parent} is damaged" in ended.output


def alone(program: Program) -> Program:
    """On a temporary server of its own."""
    del program.environment["PREFECT_API_URL"]
    return program


@pytest.fixture(scope="module")
def with_database(sweep_in, undisturbed, tmp_path_factory):
    """What an undisturbed sweep leaves, with the database of its own server."""
    artifacts = tmp_path_factory.mktemp("whole") / "artifacts"
    shutil.copytree(undisturbed.artifacts, artifacts, symlinks=True)
    assert alone(sweep_in(artifacts)).run().code == 0
    return artifacts


def page_lost(path: Path) -> None:
    """As a disk does that has lost a block."""
    content = bytearray(path.read_bytes())
    at = 4096 * dice_of("page").randrange(len(content) // 4096)
    content[at : at + 4096] = bytes(4096)
    path.write_bytes(content)


@pytest.mark.soak(2)
@pytest.mark.parametrize("damage", [*DAMAGES, page_lost])
def test_a_damaged_database_of_prefect_is_repaired_or_named(sweep_in, undisturbed, with_database, tmp_path, damage):
    artifacts = tmp_path / "artifacts"
    shutil.copytree(with_database, artifacts, symlinks=True)
    damage(artifacts / "prefect" / "prefect.db")
    ended = alone(sweep_in(artifacts)).run()
    assert "Traceback" not in ended.output
    if ended.code:
        assert f"move {artifacts / 'prefect' / 'prefect.db'} away" in ended.output
    else:
        assert results(artifacts) == undisturbed.results
