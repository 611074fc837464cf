"""The benchmarks run. What they measure is not judged here."""

import json
import os
import signal
import subprocess
import sys
from itertools import count

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import processes
from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE
from tests.program import Program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
TYPED = ("epoch",)  # which begins no program
OTHERS = [section for section in benchmarks.SECTIONS if section not in TYPED]


def judged(sections, printed, output):
    """Every section has given a table, and JSON."""
    parts = printed.split("\n## ")[1:]
    assert [sum(line.startswith("| ---") for line in part.splitlines()) for part in parts] == [1] * len(sections)
    results = json.loads(output.read_text())
    assert results["quick"]
    assert all(results[section] for section in sections)


def test_sections_that_are_named_give_tables_and_json(tmp_path):
    command = [sys.executable, "-m", "benchmarks", *TYPED, "--quick", "--output", tmp_path / "results.json"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    judged(TYPED, ended.stdout, tmp_path / "results.json")


@pytest.fixture
def forked(forking, tmp_path, monkeypatch):
    """Programs that benchmarks begin are forked, which takes a third of the time."""
    number = count()

    begun = processes.begun

    class Begun:
        def __init__(self, *flags):
            program = Program(tmp_path / f"program-{next(number)}", **clean_environment())
            program.flags = list(flags)
            self.running = program.start()
            self.pid, self.terminate = self.running.process.pid, self.running.process.process.terminate

        def communicate(self):
            ended = self.running.wait()
            self.returncode = ended.code
            return ended.output, None

    def begin(module, name, *flags, stdout):
        return Begun(*flags) if name == "flows" else begun(module, name, *flags, stdout=stdout)

    monkeypatch.setattr(processes, "begun", begin)


@pytest.mark.soak(1)
@pytest.mark.parametrize("section", OTHERS)
def test_so_do_all_others(tmp_path, forked, monkeypatch, capsys, section):
    monkeypatch.setattr(os, "environ", os.environ.copy())
    monkeypatch.setattr(benchmarks, "SECTIONS", [section])  # all there are, when none is named
    monkeypatch.setattr(sys, "argv", ["", "--quick", "--output", str(tmp_path / "results.json")])
    terminated = signal.getsignal(signal.SIGTERM)
    try:
        assert benchmarks.main() == 0
    finally:
        signal.signal(signal.SIGTERM, terminated)
    judged([section], capsys.readouterr().out, tmp_path / "results.json")


def test_an_unknown_section_is_named(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["", "epoch", "speed"])
    with pytest.raises(SystemExit, match="2"):
        benchmarks.main()
    assert "no section speed" in capsys.readouterr().err
