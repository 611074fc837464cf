"""The command line that means a given experiment and execution."""

import shlex
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from execution.config import Execution
from experiment.config import Experiment
from experiment.values import Frozen


def command(experiment: Experiment, execution: Execution) -> str:
    """Return what to type to run this: only what differs from the defaults, ready to be pasted."""
    return shlex.join([sys.executable, "-m", "flows", *flags(experiment), *flags(execution)])


def flags(configuration: Frozen) -> Iterator[str]:
    """Yield flags and their values for the fields that differ from their defaults."""
    for name, field in type(configuration).model_fields.items():
        value: Any = getattr(configuration, name)
        if value == field.default:
            continue
        yield f"--{name.replace('_', '-')}"
        if isinstance(value, tuple):
            yield from map(str, value)
        elif isinstance(value, timedelta):
            yield f"{value.total_seconds()}s"
        elif not isinstance(value, bool):  # those are all off unless they are asked for
            yield str(value.expanduser().resolve() if isinstance(value, Path) else value)
