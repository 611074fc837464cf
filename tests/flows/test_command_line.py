"""The command line of a sweep: help, progress, the closing table, exit codes."""

import os
import pty
import re
import subprocess
import sys

import pytest

from execution.config import Execution
from experiment.config import Experiment
from tests.conftest import PROJECT, clean_environment

GRID = ["--learning-rates", 0.5, 0.1, "--batch-sizes", 64, "--alphas", 0, "--max-epochs", 3, "--workers", 2]


def test_the_help_names_every_flag_and_exit_code():
    done = subprocess.run([sys.executable, "-m", "flows", "--help"], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for field in (*Experiment.model_fields, *Execution.model_fields):
        described = re.search(rf"--{field.replace('_', '-')} +[^-]*?([A-Z][^│]{{10}})", done.stdout)
        assert described, field
    told = " ".join(re.findall(r"Exit codes:.*?\n\n", done.stdout, re.S)[0].split())
    for code in ("0 done", "1 the sweep failed", "2 bad usage or input", "130 or 143"):
        assert code in told


@pytest.mark.slow
def test_away_from_a_terminal_progress_is_plain_lines_and_the_table_comes_last(program, digits):
    done = program("--data-dir", digits, *GRID)
    assert done.returncode == 0, done.stderr
    assert "train: 2 of 2 done, best so far" in done.stderr
    assert not re.search(r"[\r\x1b]", done.stderr + done.stdout)
    rows = [re.split(r"  +", line)[0] for line in done.stdout.strip().splitlines()]
    assert [row for row in rows if row][:5] == ["sweep", "best", "best epoch", "validation", "test"]
    assert {"files", "Prefect UI", "W&B"} <= set(rows)
    assert re.search(r"test +accuracy \d\d\.\d\d%, cross-entropy \d\.\d{4}", done.stdout)
    again = program("--data-dir", digits, *GRID)
    assert "2 combinations, 2 of them cached" in again.stdout
    assert "train: 2 of 2 done, 2 cached" in again.stderr


@pytest.mark.slow
def test_on_a_terminal_progress_is_one_live_line(program, digits, prefect_server, tmp_path):
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "flows", "--artifacts", tmp_path / "artifacts", "--data-dir", digits, *GRID]
    environment = clean_environment() | {"PREFECT_API_URL": prefect_server, "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(list(map(str, command)), cwd=PROJECT, env=environment, stdout=end, stderr=end)
    os.close(end)
    seen = b""
    try:
        while chunk := os.read(terminal, 4096):
            seen += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(terminal)
    assert process.wait(60) == 0
    assert re.search(rb"train.*0/2.*\r\x1b\[2K.*train.*2/2", seen, re.S)
    assert re.search(rb"test.*accuracy", seen)


@pytest.mark.slow
def test_if_every_combination_diverges_the_exit_code_is_1(program, digits):
    wild = ["--learning-rates", 1e30, "--batch-sizes", 64, "--alphas", 1, 2]
    done = program("--data-dir", digits, *wild)
    assert done.returncode == 1
    assert "each of the 2 combinations diverged" in done.stderr
    assert "Try smaller learning rates" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
