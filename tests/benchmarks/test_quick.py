"""The benchmarks run. What they measure is not judged here."""

import json
import subprocess
import sys

import pytest

from benchmarks.__main__ import SECTIONS
from tests.conftest import PATIENCE, PROJECT


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_gives_a_table_and_json(section, tmp_path):
    command = [sys.executable, "-m", "benchmarks", section, "--quick", "--output", tmp_path / "results.json"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)

    assert ended.returncode == 0, ended.stderr
    tables = [line for line in ended.stdout.splitlines() if line.startswith("| ---")]
    assert len(tables) == 1
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["quick"]
    assert results[section]


def test_an_unknown_section_is_named(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "epoch", "speed"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)

    assert ended.returncode == 2
    assert "no section speed" in ended.stderr
