"""Arrays that whoever writes to the store may have made: none ends the process, and none trains a wrong model."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from experiment.axes import Combination
from experiment.config import Experiment
from experiment.training import epochs
from softmax.sgd import Parameters, State

N, M, CLASSES = 12, 3, 2
IMAGES = np.random.default_rng(0).random((N, M), np.float32)
LABELS = np.arange(N) % CLASSES
COMBINATION = Combination(learning_rate=0.1, batch_size=4, alpha=0.0)
ANY: st.SearchStrategy[Any] = hnp.arrays(
    st.sampled_from(list(map(np.dtype, ("i8", "i8", "f4", "u1", "u8", ">i8", "c8", "S3")))),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=N),
    fill=st.nothing(),
)
INDICES = hnp.arrays(np.int64, st.integers(0, 5), elements=st.integers(-(2**63), 2**63 - 1) | st.integers(-1, N))


def trained(data, classes=CLASSES, engine="numba", state=None):
    recipe = Experiment(max_epochs=2, engine=engine).recipe
    return [state.diverged for state in epochs(data, classes, 1, COMBINATION, recipe)(state=state, stop=None)]


def usable(images, labels, rows, held_out, classes):
    if images.ndim != 2 or images.dtype not in (np.float32, np.uint8) or labels.shape != images.shape[:1]:
        return False
    if not all(some.ndim == 1 and some.size and some.dtype == np.int64 for some in (labels, rows, held_out)):
        return False
    return {*rows.tolist(), *held_out.tolist()} <= {*range(len(images))} and {*labels.tolist()} <= {*range(classes)}


@pytest.mark.parametrize("engine", ["numba", "numpy"])
@settings(max_examples=150)
@given(
    images=st.just(IMAGES) | ANY,
    labels=st.just(LABELS) | ANY | INDICES,
    rows=st.just(np.arange(8)) | ANY | INDICES,
    held_out=st.just(np.arange(8, N)) | ANY | INDICES,
    classes=st.sampled_from([CLASSES, 0, 1]),
)
def test_forged_data_are_refused_and_nothing_else_is(engine, images, labels, rows, held_out, classes):
    if usable(images, labels, rows, held_out, classes):
        assert trained((images, labels, rows, held_out), classes, engine)
    else:
        with pytest.raises(ValueError, match="remove `cache`"):
            trained((images, labels, rows, held_out), classes, engine)


@settings(max_examples=100)
@given(st.lists(ANY, min_size=4, max_size=4), st.booleans())
def test_a_forged_checkpoint_ends_no_process(forged, moment):
    W, b, *pair = forged
    state = State(Parameters(W, b), Parameters(W, b), moments=(Parameters(*pair),) if moment else ())
    try:
        trained((IMAGES, LABELS, np.arange(8), np.arange(8, N)), state=state)
    except (ValueError, TypeError, IndexError, AttributeError):
        return
    assert W.shape[0] == M
