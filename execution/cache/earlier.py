"""Combinations that a warm start begins from: those that earlier sweeps trained to their end.

The list is stored when a search first begins, so that a killed search goes on from the same combinations.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from pydantic import ValidationError

from execution import log
from execution.cache.key import UNTIL, key
from execution.config import RunContext
from execution.storage import AnyStorage, held, layout
from experiment.axes import AXES, Combination
from experiment.config import Experiment
from experiment.errors import InputError
from experiment.search.sampling import eligible
from experiment.values import FoldData


def warm_start_trials(
    execution: RunContext, experiment: Experiment, step: str, common: Mapping[str, Any],
    folds: Mapping[int | None, FoldData],
) -> tuple[Combination, ...]:  # fmt: skip
    """Combinations whose trainings by the module `step` are cached for the same rows, recipe, seeds and sources.

    InputError if there are none. `common`: the inputs of all trainings of this sweep.
    """
    storage, shared = execution.storage, key(step, {**common, "folds": folds})[: layout.IDENTITY]
    # Without the number of trials: a search with more trials begins from the same combinations.
    search = experiment.model_copy(update={"trials": None}).digest
    begun = f"{layout.EARLIER}/{shared}-{search[: layout.IDENTITY]}.json"

    def trained(combination: Combination) -> bool:
        each = (
            {**common, "combination": combination, "seed": seed, "fold": fold, "data": folds[fold]}
            for seed, fold in product(experiment.training_seeds, folds)
        )
        return all(storage.exists(f"{layout.RECORDS}/{key(step, {**inputs, UNTIL: None})}") for inputs in each)

    with held(storage.lock(f"{layout.LOCKS}/{shared}.lock")):
        if not storage.exists(begun):
            found = eligible(tried(storage), experiment.grid, trained)
            if not found:
                raise InputError(
                    f"warm_start: no sweep in {storage.where('')} has trained a combination within these axes to its "
                    "end on the same rows, with the same seeds and settings: leave warm_start out, or give what it was "
                    "given"
                )
            storage.put(begun, json.dumps([one.model_dump() for one in found]).encode(), durable=True)
    earlier = tuple(Combination.model_validate(given) for given in json.loads(storage.get(begun)))
    log.info("Warm start from %d combinations of earlier sweeps", len(earlier))
    return earlier


def tried(storage: AnyStorage) -> Iterator[Combination]:
    """The combinations on the leaderboards of all finished sweeps, best first within each sweep."""
    for sweep in storage.list(layout.SWEEPS):
        leaderboard = f"{sweep}/leaderboard.csv"
        if sweep == layout.LATEST or not storage.exists(leaderboard):
            continue
        for row in csv.DictReader(io.StringIO(storage.get(leaderboard).decode())):
            try:
                yield Combination.model_validate({name: row[name] for name in AXES if row.get(name)})
            except ValidationError:  # L-BFGS, or a version with other axes
                continue
