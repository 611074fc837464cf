"""The end of the program."""

import subprocess
import sys

from tests.conftest import PROJECT
from tests.patience import PATIENCE

HANGS = """
import atexit, signal, subprocess, sys
from execution.orchestration import signals
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1e6)"])
print(child.pid, flush=True)
atexit.register(child.wait)
signals.SECONDS_TO_EXIT = 0.5
signals.leave_in_time(3)
"""


def test_an_exit_that_hangs_ends_with_the_programs_code_and_what_it_started():
    command = [sys.executable, "-c", HANGS]
    # Its output is closed at last by the child, which has it too.
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 3
    assert "does not take the last records" in done.stderr
