"""The command line for a given experiment and execution."""

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
    """The command that runs this, with only the flags that differ from their defaults, quoted for the shell."""
    return shlex.join([sys.executable, "-m", "flows", *flags(experiment), *flags(execution)])


def flags(configuration: Frozen) -> Iterator[str]:
    """Flags and values of the fields that differ from their defaults."""
    for name, field in type(configuration).model_fields.items():
        value: Any = getattr(configuration, name)
        if value == field.default:
            continue
        yield f"--{name.replace('_', '-')}{'=False' if value is False else ''}"
        if isinstance(value, tuple):
            yield from map(str, value)
        elif isinstance(value, timedelta):
            yield f"{value.total_seconds()}s"
        elif not isinstance(value, bool):
            yield str(value.expanduser().resolve() if isinstance(value, Path) else value)
