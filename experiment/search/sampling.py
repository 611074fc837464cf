"""Combinations drawn from values and ranges, by Optuna's samplers: what is drawn follows from the arguments alone."""

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiment.axes import AXES, Combination
from experiment.config import BATCH, Experiment, Sampler
from experiment.errors import InputError
from experiment.search.space import Range, Space, Values, points, size

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

DIGITS = 3  # significant ones of a number drawn from a logarithmic range: they print well, and say all
REPEATS = 100  # draws in a row without a new combination


def check_search(experiment: Experiment) -> None:
    """Raise InputError where ranges, trials, sampler and warm start do not go together."""
    trials, sampler, space = experiment.trials, experiment.sampler, experiment.grid
    ranges = {AXES[name].plural: values for name, values in space.items() if isinstance(values, Range)}
    if trials is None:
        for name, values in ranges.items():
            raise InputError(
                f"{name}: {values} is a range: say with trials how many combinations to draw, or give values"
            )
        if sampler:
            raise InputError(f"sampler: {sampler} draws trials: say with trials how many, or leave it out")
    elif trials > size(space):
        raise InputError(
            f"trials: {trials} is more than the {size(space)} combinations that there are: ask for fewer"
            + (", or leave trials out to train them all" if not ranges else "")
        )
    if experiment.warm_start and sampler != "tpe":
        raise InputError(
            f"warm_start: the sampler {sampler or 'random'} does not go by what earlier trials came to: "
            "choose the sampler tpe, or leave warm_start out"
        )


def draw(
    space: Space, sampler: Sampler, seed: int, ranking: Sequence[Combination], count: int
) -> tuple[Combination, ...]:
    """Return `count` combinations, none twice and none that is known: the first of them whatever `count` is.

    Fewer, where there are no more.

    Uniformly from values; from ranges uniformly in the logarithm where the axis has such a scale, as `rounded` has it.
    Sobol: the scrambled sequence (Owen 1998) over all axes that vary. TPE: Watanabe's tree-structured Parzen estimator,
    multivariate (Optuna's defaults), over the order of those known; it counts those drawn in the same call as bad ones,
    so that they lie apart. Where nothing new comes up any more in a space of finite size, one that is left is taken.

    Parameters
    ----------
    ranking : combinations that are known, best first

    Raises
    ------
    InputError : the ranges have hardly more numbers, as they are rounded
    """
    fixed = {name: values[0] for name, values in space.items() if not isinstance(values, Range) and len(values) == 1}
    varied = {name: distribution(name, values) for name, values in space.items() if name not in fixed}
    source = [seed, len(ranking)]  # every batch has its own numbers, and none depends on how many were drawn before
    study = silent_study(made(sampler, int(np.random.SeedSequence(source).generate_state(1)[0])))
    for place, combination in enumerate(ranking):
        study.add_trial(known(space, varied, combination, place))
    if sampler == "sobol":
        study.ask(varied)  # Optuna draws its first one at random
    found: list[Combination] = []
    seen, repeats = set(ranking), 0
    while len(found) < min(count, size(space) - len(ranking)):
        params = study.ask(varied).params
        values = {name: decoded(name, space[name], params[name]) for name in varied}
        combination = Combination(**fixed | values)
        if repeats == REPEATS:
            combination = left_over(space, seen, np.random.default_rng([*source, len(seen)]))
        if combination in seen:
            repeats += 1
            continue
        found.append(combination)
        seen.add(combination)
        repeats = 0
    return tuple(found)


def silent_study(sampler: "BaseSampler | None" = None) -> "Study":
    """Return an empty study in memory; Optuna, which takes a second to import, logs no more than errors."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(sampler=sampler)


def made(sampler: Sampler, seed: int) -> "BaseSampler":
    from optuna import samplers
    from optuna.exceptions import ExperimentalWarning

    if sampler == "random":
        return samplers.RandomSampler(seed=seed)
    if sampler == "tpe":
        return samplers.TPESampler(seed=seed, n_startup_trials=BATCH)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return samplers.QMCSampler(qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False)


def distribution(name: str, values: Values) -> "BaseDistribution":
    """Return what to draw from: values by their place, for they have an order."""
    from optuna.distributions import FloatDistribution, IntDistribution

    if not isinstance(values, Range):
        return IntDistribution(0, len(values) - 1)
    log = AXES[name].scale == "log"
    return (IntDistribution if values.whole else FloatDistribution)(values.low, values.high, log=log)


def decoded(name: str, values: Values, drawn: Any) -> Any:
    return rounded(values, drawn, AXES[name].scale == "log") if isinstance(values, Range) else sorted(values)[drawn]


def known(space: Space, varied: dict[str, "BaseDistribution"], combination: Combination, value: float) -> "FrozenTrial":
    """Return a finished trial of a combination of this space."""
    from optuna.trial import create_trial

    given = {name: getattr(combination, name) for name in varied}
    params = {
        name: value if isinstance(values := space[name], Range) else sorted(values).index(value)
        for name, value in given.items()
    }
    return create_trial(params=params, distributions=varied, value=value)


def rounded(values: Range, number: float, log: bool) -> float:
    """Return a number of a range with few digits: three where the scale is logarithmic, else a thousandth of the range.

    So it prints as it is, in the names of runs, too. It stays within the range.
    """
    if values.whole:
        return number
    step = math.floor(math.log10(values.high - values.low)) - DIGITS
    few = f"{number:.{DIGITS}g}" if log else f"{round(number, -step):.6g}"
    return float(min(max(float(few), values.low), values.high))


def left_over(space: Space, seen: set[Combination], rng: np.random.Generator) -> Combination:
    """Return any that has not been seen.

    Raises
    ------
    InputError : who could tell
    """
    if size(space) == math.inf:
        raise InputError(
            f"trials: after {len(seen)} combinations nothing new came up in {REPEATS} draws from these ranges, whose "
            f"numbers are rounded to {DIGITS} digits: ask for fewer trials, or widen the ranges"
        )
    every = (Combination(**dict(zip(space, point, strict=True))) for point in points(space))
    left = [combination for combination in every if combination not in seen]
    return left[rng.integers(len(left))]
