"""Time contenders in turns, one thread each, so that a machine that slows down slows them all."""

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from threadpoolctl import threadpool_limits

Times = dict[str, list[float]]


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def in_turns(contenders: dict[str, Callable[[], object]], rounds: int, warm: bool = False) -> Times:
    """Seconds of each: A B C A B C …, after one untimed round that compiles and warms up.

    `warm` runs each once more before it is timed, so that it finds the caches as it leaves them, not as another does.
    """
    for action in contenders.values():
        action()
    times: Times = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, action in contenders.items():
            if warm:
                action()
            times[name].append(timed(action))
    return times


def torch() -> Any:
    """PyTorch, which this project does not depend on; None where it is not installed."""
    return importlib.import_module("torch") if importlib.util.find_spec("torch") else None


@contextmanager
def one_thread() -> Iterator[None]:
    """For NumPy's BLAS, scikit-learn's OpenMP, Numba and PyTorch."""
    if module := torch():
        module.set_num_threads(1)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    with threadpool_limits(1):
        yield
    numba.set_num_threads(before)
