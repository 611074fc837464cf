"""The command line of a sweep: help, progress, the closing table, exit codes."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from execution.config import Execution
from experiment.config import Experiment
from flows import __version__
from flows.ui.flags import GROUPS, flag_of
from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

GRID = [
    "--decay",
    "none",
    "--folds",
    1,
    "--learning-rates",
    0.5,
    0.1,
    "--batch-sizes",
    64,
    "--alphas",
    0,
    "--max-epochs",
    3,
    "--workers",
    2,
]


def test_the_help_names_every_flag_and_exit_code():
    done = subprocess.run([sys.executable, "-m", "flows", "--help"], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for field in (*Experiment.model_fields, *Execution.model_fields):
        described = re.search(rf"{flag_of(field)} +[^-]*?([A-Z][^│]{{10}})", done.stdout)
        assert described, field
    boxes = re.findall(r"╭─ (.*?) ─+╮\n│ (.*?)╰", done.stdout, re.S)
    assert [name for name, content in boxes if content.startswith("Example: --")] == list(GROUPS)
    assert "Default: 0.1 0.01 0.001" in done.stdout
    told = " ".join(re.findall(r"Exit codes:.*?\n\n", done.stdout, re.S)[0].split())
    for code in ("0 success", "1 the sweep failed", "2 bad usage or input", "130 or 143"):
        assert code in told


@pytest.mark.parametrize(
    ("module", "late"),
    [
        ("flows.__main__", {"prefect", "wandb", "sklearn", "pandas", "requests", "jinja2", "rich"}),
        ("flows.sweep", {"wandb", "sklearn", "pandas", "numba", "scipy", "matplotlib", "optuna"}),
    ],
)
def test_importing_the_command_line_and_the_flow_imports_nothing_that_takes_time_and_may_not_be_needed(module, late):
    # Prefect reads its settings when it is imported, too.
    code = f"import sys, {module}; print({late} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "set()\n")


def test_the_version_is_shown(typed, capfd):
    from flows.__main__ import app

    app(["--version"], exit_on_error=False)
    assert capfd.readouterr().out == f"softmax-sweep {__version__}\n"


@pytest.mark.slow
def test_the_script_of_the_documents_says_nothing_but_what_it_prints(prefect_server, tmp_path):
    (script,) = re.findall(r"```python\n(.*?)```", (PROJECT / "docs" / "usage.md").read_text("utf-8"), re.S)
    script = script.replace('"artifacts"', repr(str(tmp_path)))
    environment = clean_environment() | {"PREFECT_API_URL": prefect_server}
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"lr=.* batch=.* 0\.\d+\n", done.stdout)
    asked = [
        sys.executable,
        "-c",
        "import flows; from prefect._internal.analytics import *; print(is_telemetry_enabled())",
    ]
    assert subprocess.run(asked, cwd=PROJECT, env=environment, capture_output=True, text=True).stdout == "False\n"


@pytest.mark.slow
def test_away_from_a_terminal_progress_is_plain_lines_and_the_table_comes_last(begin):
    done = begin(*GRID).wait()
    assert done.code == 0, done.stderr
    assert "train: 2 of 2 done, best so far" in done.stderr
    assert not re.search(r"[\r\x1b]", done.stderr + done.stdout)
    rows = [re.split(r"  +", line)[0] for line in done.stdout.strip().splitlines()]
    assert [row for row in rows if row][:5] == ["sweep", "best", "best epoch", "validation", "test"]
    assert {"files", "page", "Prefect UI", "W&B"} <= set(rows)
    table = done.stdout.partition("\nfiles ")[0]
    assert max(map(len, table.splitlines())) <= 60
    assert re.search(r"test +accuracy \d\d\.\d\d%,\s+95\s+%\s+interval[^=]*?cross-entropy\s+\d\.\d{4}", done.stdout)
    again = begin(*GRID).wait()
    assert "2 combinations, 2 trainings cached" in again.stdout
    assert "train: 2 of 2 done, 2 cached" in again.stderr


@pytest.mark.slow
def test_on_a_terminal_progress_is_a_live_line_above_the_best_so_far(digits, prefect_server, tmp_path):
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
    assert process.wait(PATIENCE) == 0
    assert re.search(rb"train.*\r\x1b\[2K.*train.*100%", seen, re.S)
    assert re.search(rb"learning rate.*batch size.*accuracy.*\r\n +0\.[15] +64 +0 +\d\d\.\d\d%", seen)
    assert re.search(rb"test.*accuracy", seen)


def test_the_page_of_a_sweep_is_named_and_opened_where_there_is_a_browser(tmp_path, monkeypatch):
    folder = tmp_path / "artifacts" / "sweeps" / "mine"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("a page")
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{opened}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    command = [sys.executable, "-m", "flows", "page", "mine", "--artifacts", str(tmp_path / "artifacts")]
    for display, opens in ((None, False), (":0", True)):
        environment = clean_environment() | ({"DISPLAY": display} if display else {})
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
        assert (done.returncode, Path(PROJECT, done.stdout.strip()).resolve()) == (0, folder / "report.html")
        assert opened.exists() == opens
    assert opened.read_text().strip() == (folder / "report.html").as_uri()


def test_of_a_sweep_that_is_not_there_no_page_is_opened(typed, tmp_path):
    code, said = typed("page", "none", "--artifacts", tmp_path)
    assert code == 2
    assert "there is no such page: run the sweep first" in said


@pytest.mark.slow
def test_if_every_combination_diverges_the_exit_code_is_1(begin):
    wild = ["--learning-rates", 1e30, "--batch-sizes", 64, "--alphas", 1, 2]
    done = begin(*wild).wait()
    assert done.code == 1
    assert "each of the 2 combinations diverged" in done.stderr
    assert "Try smaller learning rates" in done.stderr
    assert "Traceback" not in done.output
