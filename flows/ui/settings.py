"""The settings of a sweep, as a command and as a TOML file. Both have the names of the flags."""

import json
import shlex
import sys
import tomllib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from execution.config import Execution
from experiment.config import Experiment
from experiment.errors import InputError
from experiment.search.space import Range
from experiment.values import Frozen, expanded, suggestion
from flows.ui.flags import field_of, flag_of, refusals

C = TypeVar("C", bound=Frozen)


def read(
    file: str | Path, experiment: Experiment, execution: Execution, table: Sequence[str] = ()
) -> tuple[Experiment, Execution]:
    """Both configurations with the settings in (a table of) a TOML file; what they already set counts more.

    InputError names file and setting.
    """
    try:
        settings: Any = tomllib.loads(expanded(file).read_text("utf-8-sig"))
        for name in table:
            settings = settings.get(name, {})
        given = {field_of(name): value for name, value in settings.items()}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{file}: {reason}: give a TOML file with settings, such as max-epochs = 20") from None
    except AttributeError:
        raise InputError(f"{file}: {'.'.join(table)} is no table of settings: write [{'.'.join(table)}]") from None
    known = {field: given for given in (experiment, execution) for field in type(given).model_fields}
    for name in settings:
        if field_of(name) not in known:
            flags = [flag_of(field).removeprefix("--") for field in known]
            hint = suggestion(name.replace("_", "-"), flags) or "settings are named as flags are, without --"
            raise InputError(f"{file}: {name} is no setting: {hint}")
        if twice := [other for other in settings if other != name and field_of(other) == field_of(name)]:
            raise InputError(f"{file}: {name} and {twice[0]} are one setting: leave one of them out")

    def merged(configuration: C) -> C:
        own = {name: getattr(configuration, name) for name in configuration.model_fields_set}
        from_file = {name: value for name, value in given.items() if known[name] is configuration}
        try:
            return type(configuration).model_validate(from_file | own)
        except ValidationError as error:
            problems = [f"{file}: {line.removeprefix('--')}" for line in refusals(error)]
            raise InputError("\n".join(problems)) from None

    return merged(experiment), merged(execution)


def command(experiment: Experiment, execution: Execution) -> str:
    """The command that runs this, with only the flags that differ from their defaults, quoted for the shell."""
    return shlex.join([sys.executable, "-m", "flows", *flags(experiment), *flags(execution)])


def flags(configuration: Frozen) -> Iterator[str]:
    for name, value in nondefault(configuration):
        yield flag_of(name) + ("=False" if value is False else "")
        if name == "grids":
            yield json.dumps(value)
        elif isinstance(value, list):
            yield from map(str, value)
        elif not isinstance(value, bool):
            yield str(value)


def toml(experiment: Experiment, execution: Execution) -> str:
    """A TOML file with the settings that differ from their defaults."""
    settings = [*nondefault(experiment), *nondefault(execution)]
    lines = (f"{flag_of(name).removeprefix('--')} = {toml_value(value)}" for name, value in settings)
    first = "# With --config this file repeats the sweep. Settings that it leaves out have their defaults."
    return "\n".join([first, *lines, ""])


def toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {toml_value(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + "".join(f"    {toml_value(item)},\n" for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # otherwise JSON's values are TOML's


def nondefault(configuration: Frozen) -> Iterator[tuple[str, Any]]:
    """The fields that differ from their defaults, as a command line or TOML gives them; paths are absolute."""
    for name, field in type(configuration).model_fields.items():
        value: Any = getattr(configuration, name)
        if value == field.default:
            continue
        if name == "data":
            value = getattr(configuration, "own_data")  # noqa: B009 - a path, or a name
        if name == "grids":
            value = [part.model_dump(mode="json", exclude_none=True) for part in value]
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, timedelta):
            value = f"{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
        elif isinstance(value, Path):
            value = str(expanded(value).resolve())
        yield name, str(value) if isinstance(value, Range) else value
