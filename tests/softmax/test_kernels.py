"""The compiled kernels against the formulas written out in float64 NumPy."""

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.types import none

from softmax import kernels
from softmax.kernels import evaluate, predictions, sgd_epoch


def losses(W, b, x, y):
    z = x @ W + b
    top = z.max(axis=1, keepdims=True)
    return (np.log(np.exp(z - top).sum(axis=1, keepdims=True)) + top)[:, 0] - z[np.arange(len(y)), y], z


def inputs(images):
    """In float64; grey levels normalised."""
    return images / 255 - 0.5 if images.dtype == np.uint8 else images.astype(float)


def textbook(W, b, images, labels, order, batch_size, learning_rate, alpha, v=None, momentum=0.0, nesterov=False):
    """Epoch in float64: new W and b, sum of the losses, sums of the iterates; `v` is changed in place."""
    W, b, images = W.astype(float), b.astype(float), inputs(images)
    total, W_sum, b_sum = 0.0, np.zeros_like(W), np.zeros_like(b)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        x, y = images[rows], labels[rows]
        loss, z = losses(W, b, x, y)
        total += loss.sum()
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(y)), y] -= 1
        along = [x.T @ p / len(y) + alpha * W, p.mean(axis=0)]
        for i, g in enumerate(along if v else ()):
            v[i] = momentum * v[i] + g
            along[i] = g + momentum * v[i] if nesterov else v[i]
        W, b = W - learning_rate * along[0], b - learning_rate * along[1]
        W_sum += W
        b_sum += b
    return W, b, total, W_sum, b_sum


def problem(seed, m, c, n, grey=False):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, m)).astype(np.uint8) if grey else rng.uniform(-0.5, 0.5, (n, m)).astype("f4")
    W = np.asfortranarray(rng.normal(0, 0.3, (m, c)).astype(np.float32))
    b = rng.normal(0, 0.3, c).astype(np.float32)
    return W, b, images, rng.integers(0, c, n), rng.permutation(n)


shapes = {
    "seed": st.integers(0, 2**32 - 1),
    "m": st.integers(1, 70) | st.sampled_from([127, 784]),
    "c": st.integers(2, 12) | st.sampled_from([26, 100]),
    "n": st.integers(1, 90),
    "grey": st.booleans(),
}


@settings(max_examples=150)
@given(
    **shapes,
    batch_size=st.integers(1, 100),
    used=st.integers(1, 90),
    alpha=st.sampled_from([0.0, 1e-4, 0.3]),
    averaging=st.booleans(),
)
def test_an_epoch_is_the_textbook_epoch(seed, m, c, n, grey, batch_size, used, alpha, averaging):
    W, b, images, labels, order = problem(seed, m, c, n, grey)
    order = order[:used]
    W1, b1, loss1, W_sum1, b_sum1 = textbook(W, b, images, labels, order, batch_size, 0.1, alpha)
    sums = {"W_sum": np.ones((m, c), order="F"), "b_sum": np.ones(c)} if averaging else {}
    loss = sgd_epoch(W, b, images, labels, order, batch_size, 0.1, alpha, **sums)
    assert loss == pytest.approx(loss1, rel=2e-6, abs=5e-6 * used)  # float32 logits: a small loss is small differences
    np.testing.assert_allclose(W, W1, atol=3e-6)
    np.testing.assert_allclose(b, b1, atol=3e-6)
    if averaging:  # added to what was there
        steps = -(-len(order) // batch_size)
        np.testing.assert_allclose((sums["W_sum"] - 1) / steps, W_sum1 / steps, atol=3e-6)
        np.testing.assert_allclose((sums["b_sum"] - 1) / steps, b_sum1 / steps, atol=3e-6)


@settings(max_examples=100)
@given(**shapes)
def test_evaluation_is_the_textbook_one(seed, m, c, n, grey):
    W, b, images, labels, rows = problem(seed, m, c, n, grey)
    rows = rows[: 1 + n // 2]
    loss, correct = evaluate(W, b, images, labels, rows)
    loss1, z = losses(W.astype(float), b.astype(float), inputs(images[rows]), labels[rows])
    assert loss == pytest.approx(loss1.sum(), rel=2e-6, abs=5e-6 * len(rows))
    assert correct == (z.argmax(axis=1) == labels[rows]).sum()
    predicted, each = predictions(W, b, images, labels, rows)
    np.testing.assert_array_equal(predicted, z.argmax(axis=1))
    np.testing.assert_allclose(each, loss1, rtol=2e-6, atol=5e-6)
    assert each.dtype == np.float32


def test_the_first_of_equal_logits_is_the_prediction():
    W, b, images = (
        np.zeros((3, 7), np.float32, order="F"),
        np.zeros(7, np.float32),
        np.ones((7, 3), np.float32),
    )
    b[[2, 5]] = 1
    assert evaluate(W, b, images, np.arange(7), np.arange(7))[1] == 1
    assert evaluate(W, b, images, np.full(7, 2), np.arange(7))[1] == 7
    assert evaluate(W, b, images, np.full(7, 5), np.arange(7))[1] == 0


def test_the_mean_of_thousands_of_iterates_is_good_to_1e_6():
    W, b, images, labels, _ = problem(3, 5, 3, 50)
    W += 10
    order = np.tile(np.arange(50), 400)  # 20,000 steps that hardly move W
    W_sum, b_sum = np.zeros((5, 3), order="F"), np.zeros(3)
    before = W.copy()
    sgd_epoch(W, b, images, labels, order, 1, 1e-12, 0.0, W_sum, b_sum)
    np.testing.assert_allclose(W_sum / len(order), before, rtol=1e-7)
    np.testing.assert_allclose(b_sum / len(order), b, rtol=1e-6)


def test_weak_decay_is_not_rounded_away():
    W, b, images, labels, order = problem(4, 50, 40, 1000)
    images[:], before = 0, W.astype(float)
    sgd_epoch(W, b, images, labels, order, 1, 1e-3, 2.682e-4)  # 1 − 2.682e-7 in float32 is 11 % off
    assert np.abs(before - W).sum() / np.abs(before * (1 - (1 - 2.682e-7) ** 1000)).sum() == pytest.approx(1, abs=0.05)


def epoch(inputs, batch_size=7):
    W, b, images, labels, order = inputs
    W, b, sums = W.copy(order="F"), b.copy(), (np.zeros(W.shape, order="F"), np.zeros(b.shape))
    loss = sgd_epoch(W, b, images, labels, order, batch_size, 0.1, 1e-3, *sums)
    return [W, b, *sums, np.array(loss), np.array(evaluate(W, b, images, labels, order))]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def is_images(a):
    return getattr(a, "ndim", 0) == 2 and not a.mutable


def test_results_do_not_depend_on_alignment_or_kind_of_array(tmp_path: Path):
    W, b, images, labels, order = problem(5, 61, 10, 300)
    expected = epoch((W, b, images, labels, order))
    for offset in range(1, 17):
        room = np.empty(images.size + 16, np.float32)
        moved = room[offset : offset + images.size].reshape(images.shape)
        moved[:] = images
        assert same(epoch((W, b, moved, labels, order)), expected)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert same(epoch((np.ascontiguousarray(W), b, mapped, labels, order)), expected)
    for function in (kernels._epoch, kernels._evaluate):  # one compilation serves all arrays of a dtype
        kinds = [(a.dtype, s[-1] is none) for s in function.signatures for a in s if is_images(a)]  # none: no momentum
        assert len(set(kinds)) == len(kinds) == len(function.signatures)


def test_results_do_not_depend_on_threads():
    inputs = problem(6, 300, 10, 4000)
    expected, results, together = epoch(inputs), {}, threading.Barrier(4)

    def work(i):
        together.wait()
        results[i] = [epoch(inputs) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(same(r, expected) for i in range(4) for r in results[i])


@pytest.mark.parametrize("scale", [30.0, 300.0, 1e4])
def test_big_logits_are_fine(scale):
    W, b, images, labels, order = problem(7, 40, 10, 64)
    W *= np.float32(scale)
    loss1 = losses(W.astype(float), b.astype(float), images.astype(float), labels)[0]
    assert evaluate(W, b, images, labels, order)[0] == pytest.approx(loss1.sum(), rel=1e-5)
    assert sgd_epoch(W, b, images, labels, order, 64, 0.1, 0.0) == pytest.approx(loss1.sum(), rel=1e-5)
    assert np.isfinite(W).all()


def test_divergence_is_seen():
    W, b, images, labels, order = problem(8, 40, 10, 640)
    with np.errstate(all="ignore"):
        assert not np.isfinite(sgd_epoch(W, b, images * 1e3, labels, order, 8, 1e30, 1e-3))
    assert not np.isfinite(evaluate(W, b, images, labels, order)[0])


@pytest.mark.parametrize("place", ["W", "b", "image"])
@pytest.mark.parametrize("k", [0, 4, 9])
def test_one_nan_makes_the_loss_nan(place, k):
    W, b, images, labels, order = problem(9, 40, 10, 100)
    labels[:] = (k + 1) % 10  # the NaN is in another class's logit than the label's
    if place == "W":
        W[7, k] = np.nan
    elif place == "b":
        b[k] = np.nan
    else:
        images[order[50 + k], 39] = np.nan
    assert np.isnan(evaluate(W, b, images, labels, order)[0])
    assert np.isnan(sgd_epoch(W, b, images, labels, order, 8, 0.1, 0.0))


def test_infinite_weights_are_not_finite_losses():
    W, b, images, labels, order = problem(10, 4, 3, 10)
    W[1, 2] = np.inf
    assert not np.isfinite(evaluate(W, b, images, labels, order)[0])


def test_only_the_rows_of_the_order_are_read():
    W, b, images, labels, order = problem(11, 30, 5, 100)
    images[order[60:]] = np.nan
    assert np.isfinite(sgd_epoch(W, b, images, labels, order[:60], 9, 0.1, 0.0))
    assert np.isfinite(evaluate(W, b, images, labels, order[:60])[0])


def test_indices_outside_the_arrays_are_refused():
    W, b, images, labels, order = problem(12, 4, 3, 10)
    before = W.copy(), b.copy()
    for bad in (-1, 10):
        with pytest.raises(IndexError, match="row"):
            sgd_epoch(W, b, images, labels, np.append(order, bad), 2, 0.1, 0.0)
        with pytest.raises(IndexError, match="row"):
            evaluate(W, b, images, labels, np.array([0, bad]))
        with pytest.raises(ValueError, match="label"):
            sgd_epoch(W, b, images, np.append(labels[:-1], bad), order, 2, 0.1, 0.0)
        with pytest.raises(ValueError, match="label"):
            evaluate(W, b, images, np.append(labels[:-1], bad), order)
    with pytest.raises(ValueError, match="shapes"):
        sgd_epoch(W[:3], b, images, labels, order, 2, 0.1, 0.0)
    assert same((W, b), before)
