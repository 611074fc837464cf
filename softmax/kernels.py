"""Compiled minibatch-SGD epoch and evaluation for softmax regression (first version)."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt


@nb.njit(nogil=True, cache=True)
def _epoch(Wt, b, images, labels, order, batch_size, lr, alpha, Wt_sum, b_sum):  # type: ignore
    c, m = Wt.shape
    delta = np.empty((batch_size, c), np.float32)
    total = 0.0
    averaging = Wt_sum.shape[0] > 0
    decay = np.float32(1.0 - lr * alpha)
    for start in range(0, order.shape[0], batch_size):
        rows = order[start : start + batch_size]
        step = np.float32(lr / rows.shape[0])
        for i in range(rows.shape[0]):
            total += _softmax_row(Wt, b, images[rows[i]], labels[rows[i]], delta[i])[0]
        for i in range(rows.shape[0]):
            delta[i, labels[rows[i]]] -= np.float32(1.0)
        Wt *= decay
        for i in range(rows.shape[0]):
            x = images[rows[i]]
            for k in range(c):
                d = step * delta[i, k]
                b[k] -= d
                for j in range(m):
                    Wt[k, j] -= d * x[j]
        if averaging:
            Wt_sum += Wt
            b_sum += b
    return total / order.shape[0]


@nb.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def _logits(Wt, b, x, z):  # type: ignore
    for k in range(Wt.shape[0]):
        acc = np.float32(0.0)
        w = Wt[k]
        for j in range(w.shape[0]):
            acc += w[j] * x[j]
        z[k] = acc + b[k]


@nb.njit(nogil=True, cache=True)
def _softmax_row(Wt, b, x, label, z):  # type: ignore
    _logits(Wt, b, x, z)
    top = 0
    for k in range(1, z.shape[0]):
        if z[k] > z[top]:
            top = k
    peak, zy, s = z[top], z[label], 0.0
    for k in range(z.shape[0]):
        z[k] = math.exp(z[k] - peak)
        s += z[k]
    z /= np.float32(s)
    return math.log(s) + np.float64(peak) - np.float64(zy), top


@nb.njit(nogil=True, cache=True)
def _evaluate(Wt, b, images, labels, rows):  # type: ignore
    z = np.empty(Wt.shape[0], np.float32)
    total, correct = 0.0, 0
    for i in rows:
        loss, top = _softmax_row(Wt, b, images[i], labels[i], z)
        total += loss
        correct += top == labels[i]
    return total, correct


def _frozen(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    view = np.asarray(a).view()
    view.flags.writeable = False
    return view


def sgd_epoch(
    W: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
    images: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    order: npt.NDArray[np.int64],
    batch_size: int,
    learning_rate: float,
    alpha: float,
    W_sum: npt.NDArray[np.float64] | None = None,
    b_sum: npt.NDArray[np.float64] | None = None,
) -> float:
    """One epoch of minibatch SGD; updates W and b in place, returns the running mean cross-entropy."""
    Ws = np.empty((0, 0)) if W_sum is None else W_sum.T
    bs = np.empty(0) if b_sum is None else b_sum
    return float(
        _epoch(
            W.T, b, _frozen(images), _frozen(labels), _frozen(order), int(batch_size), float(learning_rate),
            float(alpha), Ws, bs,
        )
    )  # fmt: skip


def evaluate(
    W: npt.NDArray[np.float32],
    b: npt.NDArray[np.float32],
    images: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
) -> tuple[float, int]:
    """Sum of cross-entropies and number of correct predictions over images[rows]."""
    total, correct = _evaluate(W.T, b, _frozen(images), _frozen(labels), _frozen(rows))
    return float(total), int(correct)
