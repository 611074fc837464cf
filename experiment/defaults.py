"""Default settings that depend on the data."""

import math
from collections.abc import Mapping
from typing import Any

from experiment.axes import AXES, OWN_ADAM_RATES
from experiment.config import FEW_ROWS, MAX_EPOCHS, OWN_FOLDS, OWN_MAX_EPOCHS, PATIENCE, Experiment
from experiment.errors import InputError
from experiment.search.space import contains
from experiment.values import text

DEFAULT: dict[str, Any] = {axis.plural: axis.default for axis in AXES.values()} | {
    "max_epochs": MAX_EPOCHS, "patience": PATIENCE, "average": False,
}  # fmt: skip
# Chosen on training rows alone (docs/results.md). The learning rate falls to 0, so trainings are short; the average
# makes use of large learning rates.
OWN: dict[str, Any] = {axis.plural: axis.own for axis in AXES.values()} | {
    "max_epochs": OWN_MAX_EPOCHS, "patience": 0, "average": True,
}  # fmt: skip
WORDS = {"average": "averaged weights", "patience": "no early stopping"}  # of the user's own data


def with_folds(experiment: Experiment, own: bool, rows: Mapping[str, int]) -> Experiment:
    """The experiment with its number of folds.

    `own`: whether the data is the user's own; `rows`: the number of training rows of each class; {}: unknown.
    InputError: a class has fewer rows than there are folds; repeats or validation_fraction do not fit to the folds.
    """
    fewest, fraction = min(rows.values(), default=math.inf), experiment.validation_fraction
    given = fraction != Experiment.model_fields["validation_fraction"].default
    small = own and sum(rows.values()) < FEW_ROWS and fewest >= OWN_FOLDS
    folds = experiment.folds or (OWN_FOLDS if small and not given else 1)
    if folds == 1 and experiment.repeats > 1:
        raise InputError("repeats: it repeats folds, and there is a single split: give --folds 5, too")
    if folds > 1 and given:
        raise InputError(
            f"validation_fraction: {fraction:g} is of a single split, but {folds} folds hold out 1/{folds} of the rows "
            "each: leave it or folds out"
        )
    if folds > fewest:
        rarest = min(rows, key=rows.__getitem__)
        raise InputError(
            f"folds: class {rarest} has {rows[rarest]} training rows, fewer than {folds} folds: choose at most "
            f"{rows[rarest]} folds, or give more rows of it"
        )
    return experiment.model_copy(update={"folds": folds})


def settled(experiment: Experiment, own: bool, rows: int) -> tuple[Experiment, str]:
    """The experiment with defaults filled in, and a description of those that differ from Fashion-MNIST's.

    `own`: whether the data is the user's own; `rows`: the number of training rows: default batch sizes are no larger.
    """
    defaults, optimizers = dict(OWN if own else DEFAULT), experiment.grid["optimizer"]
    if own and contains(optimizers, "adam"):
        sgd = OWN["learning_rates"] if contains(optimizers, "sgd") else ()
        defaults["learning_rates"] = tuple(dict.fromkeys(sgd + OWN_ADAM_RATES))
    changes = {name: value for name, value in defaults.items() if getattr(experiment, name) is None}
    if sizes := changes.get("batch_sizes"):
        changes["batch_sizes"] = tuple(dict.fromkeys(min(size, rows) for size in sizes))
    grids = experiment.grids
    unused = {axis.plural for name, axis in AXES.items() if grids and None not in (getattr(one, name) for one in grids)}
    said = {name: value for name, value in changes.items() if name not in unused and value != DEFAULT[name]}
    words = (in_words(name, value) for name, value in said.items())
    return experiment.model_copy(update=changes), "; ".join(words)


def in_words(name: str, value: Any) -> str:
    if name in WORDS:
        return WORDS[name]
    values = value if isinstance(value, tuple) else (value,)
    return f"{name.replace('_', ' ')} {' '.join(map(text, values))}"
