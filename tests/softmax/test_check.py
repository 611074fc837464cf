import numpy as np
import pytest

from softmax import check, kernels, reference
from softmax import loss as loss_module

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.uniform(-0.5, 0.5, (8, 784)).astype(np.float32), np.arange(8) % 10
LEVELS = RNG.integers(0, 256, (8, 784)).astype(np.uint8)


def errors(images=IMAGES):
    return check.relative_errors(images, LABELS, 10, 0.01, seed=541)


@pytest.mark.parametrize("images", [IMAGES, LEVELS], ids=["float32", "grey"])
def test_the_gradient_is_right_in_the_formula_and_in_both_engines(images):
    found = errors(images)
    assert found["formula"] < 1e-7
    assert found["numba"] < 1e-5
    assert found["numpy"] < 1e-5


def test_no_class_need_be_among_the_rows():
    assert max(check.relative_errors(IMAGES[:1], LABELS[:1], 3, 0.0, 0).values()) < 1e-4


@pytest.mark.parametrize("wrong", ["formula", "numba", "numpy"])
def test_a_gradient_that_is_off_by_a_thousandth_is_noticed_where_it_is(monkeypatch, wrong):
    right = loss_module.gradient

    def slightly_wrong(*arguments):
        grad_W, grad_b = right(*arguments)
        return 1.001 * grad_W, grad_b

    def epoch(W, b, *rest):
        return kernels_epoch(W, b, *rest[:-2], 1.001 * rest[-2], rest[-1])

    kernels_epoch = kernels.sgd_epoch
    if wrong == "numba":
        monkeypatch.setattr(kernels, "sgd_epoch", epoch)
    else:
        monkeypatch.setattr(check if wrong == "formula" else reference, "gradient", slightly_wrong)
    assert errors()[wrong] > 1e-4
