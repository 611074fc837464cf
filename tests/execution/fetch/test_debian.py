"""Fashion-MNIST from Debian's package, against a real .deb."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from execution.fetch.debian import DebianPackage, Installed
from execution.fetch.sources import SOURCES, fashion_mnist
from experiment.errors import DataError
from tests.execution.fetch.small import AS_IDX, IDX, SMALL, alter, names, write

dpkg_only = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb on this machine")

APT = r"""#!/bin/sh
echo "$@" >> "$LOG"
[ "$APT" = slow ] && exec sleep 5
case "$*" in
*Dir::State::Lists*update*) [ "$APT" = outdated ] || { echo "W: x\nE: no mirrors" >&2; exit 100; };;
*Dir::State::Lists*download*) cp "$DEB" .;;
*download*) case "$APT" in
  good) cp "$DEB" .;;
  *) echo "E: Unable to locate package" >&2; exit 100;;
  esac;;
esac
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that hands out a real package of the small files; the log of how it was called."""
    tree = tmp_path / "tree"
    control = b"Package: small\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n"
    write(tree / "DEBIAN", {"control": control})
    write(tree / "usr/share/datasets/fashion-mnist", AS_IDX)
    (tree / "DEBIAN").chmod(0o755)
    subprocess.run(["dpkg-deb", "-b", str(tree), str(tmp_path / "small_1_all.deb")], check=True, capture_output=True)
    write(tmp_path / "bin", {"apt-get": APT.encode()})
    (tmp_path / "bin/apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("DEB", str(tmp_path / "small_1_all.deb"))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@dpkg_only
@pytest.mark.parametrize(("mood", "calls"), [("good", 1), ("outdated", 3)])
def test_the_package_is_fetched_and_unpacked(tmp_path, apt, monkeypatch, mood, calls):
    monkeypatch.setenv("APT", mood)
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []
    fashion_mnist(Path("a folder"), lines.append, sources=[DebianPackage()], expected=SMALL)
    assert lines[1] == "Debian's package dataset-fashion-mnist by apt-get: 4 of 4 arrays"
    assert names(tmp_path / "a folder") == set(IDX)
    log = apt.read_text().splitlines()
    assert len(log) == calls
    assert all(f"Dir::State::Lists={tmp_path}/a folder/.partial/lists" in line for line in log[1:])


@dpkg_only
@pytest.mark.parametrize(
    ("mood", "timeout", "says"),
    [
        ("broken", 9, "Unable to locate package; with fresh package lists: apt-get: E: no mirrors"),
        ("slow", 0.2, "apt-get did not end within 0.2 s"),
    ],
)
def test_apt_that_fails_says_what_to_do(tmp_path, apt, monkeypatch, mood, timeout, says):
    monkeypatch.setenv("APT", mood)
    with pytest.raises(DataError) as error:
        fashion_mnist(tmp_path / "data", print, sources=[DebianPackage(timeout=timeout)], expected=SMALL)
    assert says in str(error.value)
    assert "`apt-get update`" in str(error.value)


def test_a_machine_without_apt_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="no apt-get and dpkg-deb"):
        fashion_mnist(tmp_path / "data", print, sources=[DebianPackage()], expected=SMALL)


def test_the_installed_package_is_copied_and_left_alone(tmp_path, fetch):
    installed = {**AS_IDX, IDX[0]: alter(AS_IDX[IDX[0]])}
    write(tmp_path / "installed", installed)
    write(tmp_path / "second", AS_IDX)
    sources = [Installed(tmp_path / name) for name in ("nowhere", "installed", "second")]
    _, lines = fetch(*sources)
    assert "not installed" in lines[1]
    assert "3 of 4" in lines[2]
    assert names(tmp_path / "installed") == set(IDX)
    assert names(tmp_path / "data") == {*IDX, IDX[0] + ".bad"}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt-get on this machine")
@pytest.mark.parametrize("lists", ["of the machine", "none"])
def test_the_real_package(tmp_path, monkeypatch, lists):
    if lists == "none":
        (tmp_path / "lists/partial").mkdir(parents=True)
        (tmp_path / "apt.conf").write_text(f'Dir::State::Lists "{tmp_path}/lists";')
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    arrays = fashion_mnist(tmp_path / "data", print, sources=SOURCES[-1:])
    assert [array.shape for array in arrays] == [(60_000, 784), (60_000,), (10_000, 784), (10_000,)]
    assert [array.dtype for array in arrays] == [np.uint8, np.int64, np.uint8, np.int64]
    assert np.bincount(arrays.train_labels).tolist() == [6_000] * 10
    assert np.bincount(arrays.test_labels).tolist() == [1_000] * 10
