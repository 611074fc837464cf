"""Processes of a pool start wherever the program does."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from execution.runners.processes import LONGEST
from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

FORKED = """
import os
from execution.runners.processes import ProcessRunner
with ProcessRunner(1, "flows.search") as runner:
    print(runner.pool.submit(os.getppid).result() != os.getpid())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is forked")
@pytest.mark.parametrize(("letters", "forked"), [(LONGEST - 1, True), (LONGEST, False)])
def test_where_temporary_files_have_long_names_processes_start_too(letters, forked):
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        folder = Path(f"{short}/".ljust(letters, "x"))
        folder.mkdir()
        ended = subprocess.run(
            [sys.executable, "-c", FORKED],
            cwd=PROJECT,
            env=clean_environment() | {"TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == [str(forked)]
