"""Combinations drawn from values and ranges by Optuna's samplers. The arguments alone determine the draws."""

import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiment.axes import AXES, Combination
from experiment.config import BATCH, Experiment, Sampler
from experiment.errors import InputError
from experiment.search.space import Range, Space, Values, contains, points, size

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

DIGITS = 3  # significant digits of a number drawn from a logarithmic range
REPEATS = 100  # draws in a row without a new combination


def check_search(experiment: Experiment) -> None:
    """Raise InputError if ranges, trials, sampler and warm start do not fit together."""
    trials, sampler, space = experiment.trials, experiment.sampler, experiment.space
    ranges = {AXES[name].plural: values for name, values in space.items() if isinstance(values, Range)}
    if trials is None:
        for name, values in ranges.items():
            raise InputError(
                f"{name}: {values} is a range: set trials to the number of combinations to draw, or give values"
            )
        if sampler:
            raise InputError(f"sampler: {sampler} draws trials: set trials to their number, or leave the sampler out")
    elif experiment.grids or experiment.where:
        raise InputError("trials: combinations and where are for grids: leave them out, or leave trials out")
    elif trials > size(space):
        raise InputError(
            f"trials: {trials} is more than the {size(space)} combinations that there are: reduce it"
            + (", or leave trials out to train them all" if not ranges else "")
        )
    if experiment.stop_when_noise and trials is None:
        raise InputError("stop_when_noise: a grid is trained as a whole: set trials to the largest number to draw")
    if experiment.stop_when_noise and experiment.halving:
        raise InputError("stop_when_noise: it compares combinations that were trained to their end: leave halving out")
    if experiment.warm_start and sampler != "tpe":
        raise InputError(
            f"warm_start: the sampler {sampler or 'random'} does not use earlier trials: "
            "choose the sampler tpe, or leave warm_start out"
        )


def check_grids(experiment: Experiment) -> None:
    """Raise InputError if listed combinations leave out what they need, one is there twice, or none at all."""
    for row, part in enumerate(experiment.grids, start=1):
        values = {name: getattr(part, name) for name in AXES}
        missing = [name for name, value in values.items() if value is None and len(experiment.space[name]) > 1]  # type: ignore[arg-type]
        if missing and not any(isinstance(value, tuple) for value in values.values()):
            flag = AXES[missing[0]].plural.replace("_", "-")
            raise InputError(f"combinations: row {row} has no {missing[0]}: add it, or give one value with --{flag}")
    if not experiment.grids and not experiment.where:
        return
    every = experiment.combinations
    if not every:
        raise InputError(f"where: {experiment.where} leaves out every combination: change it, or the grid")
    if twice := [one for one, count in Counter(every).items() if count > 1]:
        raise InputError(f"combinations: {twice[0]} is listed twice: give each combination once")


def draw(
    space: Space, sampler: Sampler, seed: int, ranking: Sequence[Combination], count: int
) -> tuple[Combination, ...]:
    """`count` new and distinct combinations, or all that are left; a larger `count` continues the same sequence.

    Draws are uniform over values and over ranges (over their logarithm if the axis has a logarithmic scale), rounded by
    `rounded`. Sobol: the scrambled sequence (Owen 1998) over all axes that vary. TPE: the multivariate tree-structured
    Parzen estimator with Optuna's defaults, fitted to the order of `ranking`. It treats combinations drawn in the same
    call as bad ones, which keeps them apart. If a finite space gives no new combination any more, an untried one is
    chosen at random.

    `ranking`: the combinations tried so far, best first.
    InputError: the rounded ranges have hardly any new combinations.
    """
    fixed = {name: values[0] for name, values in space.items() if not isinstance(values, Range) and len(values) == 1}
    varied = {name: distribution(name, values) for name, values in space.items() if name not in fixed}
    source = [seed, len(ranking)]  # the random numbers of a batch do not depend on earlier draws
    study = new_study(sampler, int(np.random.SeedSequence(source).generate_state(1)[0]))
    for place, combination in enumerate(ranking):
        study.add_trial(finished_trial(space, varied, combination, place))
    if sampler == "sobol":
        study.ask(varied)  # Optuna draws the first point at random
    drawn: list[Combination] = []
    tried, repeats = set(ranking), 0
    while len(drawn) < min(count, size(space) - len(ranking)):
        params = study.ask(varied).params
        values = {name: decoded(name, space[name], params[name]) for name in varied}
        combination = Combination(**fixed | values)
        if repeats == REPEATS:
            combination = untried(space, tried, np.random.default_rng([*source, len(tried)]))
        if combination in tried:
            repeats += 1
            continue
        drawn.append(combination)
        tried.add(combination)
        repeats = 0
    return tuple(drawn)


def eligible(
    tried: Iterable[Combination], space: Space, trained: Callable[[Combination], bool]
) -> tuple[Combination, ...]:
    """The combinations that a warm start begins with: each once, in the order they were tried.

    `space`: the axes of the search; combinations outside are left out;
    `trained`: whether a combination has been trained to its end, with every seed of this search.
    """
    within = (one for one in tried if all(contains(values, getattr(one, name)) for name, values in space.items()))
    return tuple(filter(trained, dict.fromkeys(within)))


def new_study(sampler: Sampler, seed: int) -> "Study":
    """An empty study in memory. Optuna logs only errors."""
    import optuna  # takes a second

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings(action="ignore", category=optuna.exceptions.ExperimentalWarning):
        if sampler == "tpe":
            made: BaseSampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=BATCH)
        elif sampler == "random":
            made = optuna.samplers.RandomSampler(seed=seed)
        else:
            made = optuna.samplers.QMCSampler(
                qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False
            )
    return optuna.create_study(sampler=made)


def distribution(name: str, values: Values) -> "BaseDistribution":
    """Optuna's distribution of an axis; values are drawn by position, because they are ordered."""
    from optuna.distributions import FloatDistribution, IntDistribution

    if not isinstance(values, Range):
        return IntDistribution(0, len(values) - 1)
    log = AXES[name].scale == "log"
    return (IntDistribution if values.integral else FloatDistribution)(values.low, values.high, log=log)


def decoded(name: str, values: Values, drawn: Any) -> Any:
    return rounded(values, drawn, AXES[name].scale == "log") if isinstance(values, Range) else sorted(values)[drawn]


def finished_trial(
    space: Space, varied: dict[str, "BaseDistribution"], combination: Combination, value: float
) -> "FrozenTrial":
    """A finished trial of a combination of this space."""
    from optuna.trial import create_trial

    given = {name: getattr(combination, name) for name in varied}
    params = {
        name: value if isinstance(values := space[name], Range) else sorted(values).index(value)
        for name, value in given.items()
    }
    return create_trial(params=params, distributions=varied, value=value)


def rounded(values: Range, number: float, log: bool) -> float:
    """A number of a range, rounded: to three digits on a logarithmic scale, otherwise to a thousandth of the range.

    Names of runs show it exactly. It stays within the range.
    """
    if values.integral:
        return number
    step = math.floor(math.log10(values.high - values.low)) - DIGITS
    few = f"{number:.{DIGITS}g}" if log else f"{round(number, -step):.6g}"
    return float(min(max(float(few), values.low), values.high))


def untried(space: Space, tried: set[Combination], rng: np.random.Generator) -> Combination:
    """A random combination that has not been tried. InputError: the space is infinite."""
    if size(space) == math.inf:
        raise InputError(
            f"trials: after {len(tried)} combinations {REPEATS} draws from these ranges gave no new one, because "
            f"numbers are rounded to {DIGITS} digits: reduce trials, or widen the ranges"
        )
    every = (Combination(**dict(zip(space, point, strict=True))) for point in points(space))
    left = [combination for combination in every if combination not in tried]
    return left[rng.integers(len(left))]
