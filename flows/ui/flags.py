"""The flags of a sweep as `--help` and messages show them: in groups, each with an example."""

from typing import Any

from cyclopts import CycloptsError, Group, Parameter
from cyclopts.exceptions import ConsumeMultipleError, UnusedCliTokensError
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from execution.config import Execution
from experiment.axes import AXES
from experiment.config import Experiment
from experiment.values import suggestion, text

HELP = "python -m flows --help lists all flags"
KNOWN = f"the axes are {', '.join(AXES)}"
FLAGS = {"grids": "combinations"}  # flags that are not named as their field, which take a text
GROUPS = {
    "Settings": "--config sweep.toml",
    "Grid": "--learning-rates 0.1 0.01 --batch-sizes 32 --alphas 0 1e-4",
    "Search": "--learning-rates 1e-4:1 --batch-sizes 8:64 --trials 36 --sampler tpe",
    "Selection": "--folds 5 --select-by val_macro_f1",
    "Data": "--data flowers.csv --label species",
    "Training": "--seeds 541 542 543 --max-epochs 100",
    "Machines and files": "--runner processes --workers 4 --name night --time-limit 10m",
    "Weights & Biases": "--wandb-mode offline --wandb-project mine",
}
MEMBERS = {
    **{axis.plural: "Grid" for axis in AXES.values()},
    **dict.fromkeys(("grids", "where"), "Grid"),
    **dict.fromkeys(("halving", "first_rung", "trials", "sampler", "warm_start", "stop_when_noise"), "Search"),
    **dict.fromkeys(("select_by", "folds", "repeats", "validation_fraction"), "Selection"),
    **dict.fromkeys(("data", "data_dir", "label", "drop", "missing", "pictures", "scaling"), "Data"),
    **dict.fromkeys(("wandb_mode", "wandb_project", "wandb_entity"), "Weights & Biases"),
}

groups = {name: Group.create_ordered(name, help=f"Example: {example}") for name, example in GROUPS.items()}
CONFIG = Parameter(group=groups["Settings"])
for configuration, other in ((Experiment, "Training"), (Execution, "Machines and files")):
    for name, field in configuration.model_fields.items():
        field.metadata.append(Parameter(group=groups[MEMBERS.get(name, other)]))  # where Cyclopts looks for it
for field_name, flag in FLAGS.items():
    as_text = Parameter(name=f"--{flag}", converter=lambda _, tokens: tokens[0].value, n_tokens=1, accepts_keys=False)
    Experiment.model_fields[field_name].metadata.append(as_text)


def shown_default(value: Any) -> str | None:
    """A default as it is typed; None: there is none to show."""
    return (" ".join(map(text, value)) if isinstance(value, tuple) else str(value)) if value else None


def flag_of(field: str) -> str:
    return f"--{FLAGS.get(field, field).replace('_', '-')}"


def field_of(flag: str) -> str:
    """The field of a flag that is written without dashes before it, or with underscores."""
    name = flag.replace("-", "_")
    return {named: field for field, named in FLAGS.items()}.get(name, name)


def message(error: CycloptsError, commands: list[str]) -> str:
    """What is wrong with a command line and what to do: a line for each flag or word."""
    if isinstance(error.__cause__, ValidationError):
        return "\n".join(refusals(error.__cause__))
    if isinstance(error, ConsumeMultipleError):
        return f"{error.keyword}: give at least one value"
    if isinstance(error, UnusedCliTokensError):
        word = (error.unused_tokens or [""])[0]
        if word in commands:
            return f"{word}: a command stands before all flags; {HELP}"
        hint = suggestion(word, commands) or f"flags begin with --, switches take no value; {HELP}"
        return f"{word}: not a command, and no value of a flag: {hint}"
    return f"{error} {HELP}"


def refusals(error: ValidationError) -> list[str]:
    """A line for each flag with an invalid value: its first problem."""
    first: dict[str, ErrorDetails] = {}
    for problem in error.errors(include_url=False):
        first.setdefault(str(problem["loc"][0]), problem)
    return [refusal(problem) for problem in first.values()]


def refusal(problem: ErrorDetails) -> str:
    """The message for an invalid value of a flag, with the remedy, in one line."""
    (name, *place), value = map(str, problem["loc"]), problem["input"]
    flag, given = flag_of(name), " ".join(map(str, value)) if isinstance(value, list) else str(value)
    if len(place) > 1 and name in FLAGS:
        flag += f": row {int(place[0]) + 1}: {place[1]}"
    if problem["type"] == "extra_forbidden":
        return f"{flag} is no axis: {suggestion(place[-1], AXES) or KNOWN}"
    if problem["type"] == "too_short":
        return f"{flag}: give at least one value"
    remedy = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("string_pattern_mismatch", "time_delta_parsing"):
        remedy = str(Execution.model_fields[name].description).split(". ")[0]
    if problem["type"] == "model_type":
        remedy = "write axes with values, such as alpha = 0"
    if problem["type"] == "tuple_type":
        remedy = "write a list, in brackets"
    if "," in given and isinstance(value, str) and name not in ("grids", "where"):
        remedy += " (separate values with spaces)"
    return f"{flag}: {given} is not possible: {remedy}"
