"""The benchmarks run. What they measure is not judged here."""

import json
import subprocess
import sys

import pytest

from benchmarks.__main__ import SECTIONS
from tests.conftest import PROJECT
from tests.patience import PATIENCE

pytestmark = pytest.mark.timeout(1500)


@pytest.mark.slow
def test_every_section_gives_a_table_and_json(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--output", tmp_path / "results.json"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=3 * PATIENCE)

    assert ended.returncode == 0, ended.stderr
    parts = ended.stdout.split("\n## ")[1:]
    assert [sum(line.startswith("| ---") for line in part.splitlines()) for part in parts] == [1] * len(SECTIONS)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["quick"]
    assert all(results[section] for section in SECTIONS)


def test_an_unknown_section_is_named(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "epoch", "speed"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)

    assert ended.returncode == 2
    assert "no section speed" in ended.stderr
