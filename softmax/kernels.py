"""Compiled float32 epoch and evaluation of softmax regression, single-threaded, without the GIL.

An epoch is two skinny matrix products per batch, z = xW + b and xᵀ(ŷ−y). Both are computed in tiles of sums that stay
in registers. The tile size depends on the processor (TILES). Tiles are LLVM vector instructions in Numba intrinsics,
because LLVM alone vectorises neither the sums of the tiles nor the softmax. docs/performance.md shows the gain of each
technique. The order of sums does not depend on the tiles: all processors with fused multiply–add give the same bits.

The kernels use padded, aligned copies: class-major weights, with the bias as the weight of a further feature that is
always 1; the rows of the batch; class-major probabilities, with the batch along the lanes. So inner loops have no
remainders, and results do not depend on the memory alignment of the arguments. Padding stays zero.

All code is in one file, because Numba's cache notices only changes to the file of a cached function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numba
import numba.extending
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types as numba_types
from numba.core import cgutils as numba_cgutils
from numba.core.registry import cpu_target
from numba.extending import models, register_model

from softmax.optimiser import SGD, Adam

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.float32]
Ints: TypeAlias = npt.NDArray[np.int64]
Images: TypeAlias = Floats | npt.NDArray[np.uint8]

# Numba's type annotations are incomplete
intrinsic: Any = numba.extending.intrinsic
njit: Any = numba.njit
types: Any = numba_types
cgutils: Any = numba_cgutils

LANES = 8  # partial sums of a logit, on every processor: all give the same bits
BLOCK = 32  # rows evaluated at a time
LINE = 64  # bytes in a cache line
STEP = 7  # numbers that a step of Adam needs

# ---- tiles: sizes by processor ---------------------------------------------------------------------------


class Tiles(NamedTuple):
    """The tile sizes of a processor: as many sums as fit its registers, besides the operands.

    Tiles are classes × vectors. In the forward pass a vector has LANES partial sums for each of width / LANES rows, in
    the update the gradient of `width` weights. The update's classes must be a multiple of the forward pass's.
    """

    needs: frozenset[str]  # LLVM's names of processor features
    registers: str
    width: int  # float32 numbers in a vector
    forward: tuple[int, int]
    update: tuple[int, int]


TILES = {  # the first whose needs are met
    "AVX-512": Tiles(frozenset({"avx512f", "avx512vl"}), "32 of 512 bits", 16, forward=(5, 4), update=(10, 2)),
    "AVX": Tiles(frozenset({"avx"}), "16 of 256 bits", 8, forward=(5, 2), update=(5, 2)),
    "NEON": Tiles(frozenset({"neon"}), "32 of 128 bits", 8, forward=(5, 2), update=(5, 2)),
    "other": Tiles(frozenset(), "16 of 128 bits", 8, forward=(5, 1), update=(5, 1)),
}


def processor_features() -> set[str]:
    """LLVM's features of the processor, or of the one in NUMBA_CPU_NAME and NUMBA_CPU_FEATURES."""
    features: str = cpu_target.target_context.codegen().magic_tuple()[2]  # as in the key of Numba's cache
    return {name[1:] for name in features.split(",") if name.startswith("+")}


KIND = next(kind for kind, tiles in TILES.items() if tiles.needs <= processor_features())
WIDTH, (FORWARD_CLASSES, FORWARD_VECTORS), (UPDATE_CLASSES, UPDATE_VECTORS) = TILES[KIND][2:]
PAIR = WIDTH // LANES  # rows that share a vector
ROWS = FORWARD_VECTORS * PAIR  # of a forward tile

# ---- vectors in Numba --------------------------------------------------------------------------------------

_f32, _i32 = ir.FloatType(), ir.IntType(32)
_vec, _ivec, _wide = ir.VectorType(_f32, LANES), ir.VectorType(_i32, LANES), ir.VectorType(_f32, WIDTH)


class Vector(numba_types.Type):
    """Numba's type for so many float32 numbers side by side."""

    def __init__(self, lanes: int) -> None:
        super().__init__(f"float32x{lanes}")
        self.lanes = lanes


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, ir.VectorType(_f32, numba_type.lanes))  # type: ignore[no-untyped-call]


vector: Any = Vector(LANES)
wide: Any = Vector(WIDTH)


def _at(cx: Any, bd: Any, array_type: Any, array: Any, *index: Any) -> Any:
    """Address of array[index[0] + index[1]·index[2]]; cx is Numba's context, bd LLVM's builder."""
    if len(index) == 3:
        index = (bd.add(index[0], bd.mul(index[1], index[1].type(index[2]))),)
    return bd.gep(cx.make_array(array_type)(cx, bd, array).data, index)


def _get(bd: Any, address: Any, kind: Any = _vec) -> Any:
    load = bd.load(bd.bitcast(address, kind.as_pointer()))
    load.align = 1  # any address will do
    return load


def _put(bd: Any, value: Any, address: Any) -> Any:
    bd.store(value, bd.bitcast(address, value.type.as_pointer())).align = 4
    return ir.Constant(ir.IntType(8).as_pointer(), None)  # Numba's None


def _pick(bd: Any, a: Any, b: Any, lanes: Any) -> Any:
    """A vector of these lanes, counted through a and then b."""
    return bd.shuffle_vector(a, b, ir.Constant(ir.VectorType(_i32, len(lanes)), list(lanes)))


def _join(bd: Any, vectors: list[Any]) -> Any:
    """One vector of two, four, …"""
    while len(vectors) > 1:
        both = range(2 * vectors[0].type.count)
        vectors = [_pick(bd, a, b, both) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
    return vectors[0]


def _spread(bd: Any, scalar: Any, kind: Any = _vec) -> Any:
    first = bd.insert_element(ir.Constant(kind, ir.Undefined), scalar, _i32(0))
    return _pick(bd, first, first, [0] * kind.count)


def _number(a: float, kind: Any = _vec) -> Any:
    """A constant, of all lanes of a vector or alone."""
    single = float(np.float32(a))
    return ir.Constant(kind, [single] * kind.count if isinstance(kind, ir.VectorType) else single)


def _fma(bd: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c, fused if the processor can ("contract"); llvm.fma would call libm where it cannot."""
    return bd.fadd(bd.fmul(a, b, flags=("contract",)), c, flags=("contract",))


def _simple(emit: Callable[..., Any], *arguments: Any) -> Any:
    """An intrinsic on one or two vectors (or scalars) that gives a vector."""
    if len(arguments) == 1:
        return intrinsic(lambda _, a: (vector(*arguments), lambda cx, bd, sig, args: emit(bd, *args)))
    return intrinsic(lambda _, a, b: (vector(*arguments), lambda cx, bd, sig, args: emit(bd, *args)))


_splat = _simple(_spread, types.float32)
_add = _simple(lambda bd, a, b: bd.fadd(a, b), vector, vector)
_sub = _simple(lambda bd, a, b: bd.fsub(a, b), vector, vector)
_mul = _simple(lambda bd, a, b: bd.fmul(a, b), vector, vector)
_div = _simple(lambda bd, a, b: bd.fdiv(a, b), vector, vector)


@intrinsic
def _where_greater(_: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
    """x where a > b, else y"""
    return vector(a, b, x, y), lambda cx, bd, sig, args: bd.select(bd.fcmp_ordered(">", *args[:2]), *args[2:])


def _emit_exp(bd: Any, x: Any) -> Any:
    """exp(x) for x ≤ 0 within 2 ulp; 1.6e-38 below −87; NaN for NaN.

    exp(x) = 2ⁿ exp(r) with n = x / ln 2, rounded by adding 1.5·2²³, and |r| ≤ ln 2 / 2: range reduction and
    polynomial of Cephes' expf (Moshier, 1992), without branches or calls.
    """

    x = bd.select(bd.fcmp_ordered("<", x, _number(-87)), _number(-87), x)
    shifted = _fma(bd, x, _number(1.44269504), _number(1.5 * 2**23))
    n = bd.fsub(shifted, _number(1.5 * 2**23))
    r = _fma(bd, n, _number(2.12194440e-4), _fma(bd, n, _number(-0.693359375), x))
    p = _number(1.9875691500e-4)
    for a in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1, 1):
        p = _fma(bd, p, r, _number(a))
    n = bd.add(bd.bitcast(shifted, _ivec), ir.Constant(_ivec, [127 - 0x4B400000] * LANES))
    return bd.fmul(p, bd.bitcast(bd.shl(n, ir.Constant(_ivec, [23] * LANES)), _vec))


_exp = _simple(_emit_exp, vector)


@intrinsic
def _load(_: Any, a: Any, i: Any) -> Any:
    """a[i : i + LANES]"""
    return vector(a, types.intp), lambda cx, bd, sig, args: _get(bd, _at(cx, bd, sig.args[0], *args))


@intrinsic
def _store(_: Any, v: Any, a: Any, i: Any) -> Any:
    """a[i : i + LANES] = v"""
    return types.void(v, a, types.intp), lambda cx, bd, sig, args: _put(
        bd, args[0], _at(cx, bd, sig.args[1], *args[1:])
    )


@intrinsic
def _prefetch(_: Any, a: Any, i: Any) -> Any:
    """Prefetch the cache line of a[i] into the second-level cache."""

    def emit(cx: Any, bd: Any, sig: Any, args: Any) -> Any:
        address = bd.bitcast(_at(cx, bd, sig.args[0], *args), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [address.type, _i32, _i32, _i32])
        function = cgutils.get_or_insert_function(bd.module, kind, "llvm.prefetch.p0")
        bd.call(function, [address, _i32(0), _i32(2), _i32(1)])  # to read, second level, data
        return cx.get_dummy_value()

    return types.void(a, types.intp), emit


@intrinsic
def _line(_: Any, a: Any) -> Any:
    """The number of elements of a in a cache line, a compile-time constant."""
    return types.intp(a), lambda cx, bd, sig, args: cx.get_constant(types.intp, LINE * 8 // a.dtype.bitwidth)


# ---- inputs: float32, or grey levels, a quarter of the memory to read, normalised on the way -----------------


def _normalized(bd: Any, levels: Any, kind: Any) -> Any:
    """x / 255 − 0.5 of one level or a vector of them, within 6e-8."""
    return _fma(bd, bd.uitofp(levels, kind), _number(1 / 255, kind), _number(-0.5, kind))


@intrinsic
def _copy_inputs(_: Any, x: Any, xi: Any, images: Any, i: Any) -> Any:
    """x[xi : xi + WIDTH] = inputs images[i : i + WIDTH]"""

    def emit(cx: Any, bd: Any, sig: Any, args: Any) -> Any:
        x, xi, images, i = args
        address = _at(cx, bd, sig.args[2], images, i)
        if sig.args[2].dtype == types.float32:
            numbers = _get(bd, address, _wide)
        else:
            numbers = _normalized(bd, _get(bd, address, ir.VectorType(ir.IntType(8), WIDTH)), _wide)
        return _put(bd, numbers, _at(cx, bd, sig.args[0], x, xi))

    return types.void(x, types.intp, images, types.intp), emit


@intrinsic
def _input(_: Any, x: Any) -> Any:
    """The input from one number of images."""
    if x == types.float32:
        return types.float32(x), lambda cx, bd, sig, args: args[0]
    return types.float32(x), lambda cx, bd, sig, args: _normalized(bd, args[0], _f32)


# ---- tiles: classes × vectors, a tuple to Numba and registers to LLVM --------------------------------------


def _add_products(bd: Any, acc: Any, xs: Any, weights: Any) -> Any:
    """acc[k, v] += xs[v] · weights[k]"""
    for k, wk in enumerate(weights):
        for v, x in enumerate(xs):
            total = _fma(bd, x, wk, bd.extract_value(acc, k * len(xs) + v))
            acc = bd.insert_value(acc, total, k * len(xs) + v)
    return acc


def _zeros(tile: Any) -> Any:
    return intrinsic(lambda _: (tile(), lambda cx, bd, sig, args: ir.Constant(cx.get_value_type(tile), None)))


_forward_tile = types.UniTuple(wide, FORWARD_CLASSES * FORWARD_VECTORS)
_update_tile = types.UniTuple(wide, UPDATE_CLASSES * UPDATE_VECTORS)
_forward_zeros, _update_zeros = _zeros(_forward_tile), _zeros(_update_tile)


@intrinsic
def _forward_products(_: Any, acc: Any, x: Any, xi: Any, xstep: Any, w: Any, wi: Any, wstep: Any) -> Any:
    """acc[k, r] += x[xi + r·xstep:][:LANES] · w[wi + k·wstep:][:LANES]"""

    def emit(cx: Any, bd: Any, sig: Any, args: Any) -> Any:
        acc, x, xi, xstep, w, wi, wstep = args
        rows = [_get(bd, _at(cx, bd, sig.args[1], x, xi, xstep, r)) for r in range(ROWS)]
        xs = [_join(bd, rows[r : r + PAIR]) for r in range(0, ROWS, PAIR)]
        weights = (_get(bd, _at(cx, bd, sig.args[4], w, wi, wstep, k)) for k in range(FORWARD_CLASSES))
        return _add_products(bd, acc, xs, (_join(bd, [wk] * PAIR) for wk in weights))

    return _forward_tile(_forward_tile, x, types.intp, types.intp, w, types.intp, types.intp), emit


@intrinsic
def _store_sums(_: Any, acc: Any, z: Any, zi: Any, zstep: Any) -> Any:
    """z[zi + k·zstep + r] = sum over the lanes of acc[k, r], halves added until one number is left"""

    def emit(cx: Any, bd: Any, sig: Any, args: Any) -> Any:
        acc, z, zi, zstep = args
        for k in range(FORWARD_CLASSES):
            sums = _join(bd, [bd.extract_value(acc, k * FORWARD_VECTORS + v) for v in range(FORWARD_VECTORS)])
            for half in (4, 2, 1):
                left = [2 * half * r + lane for r in range(ROWS) for lane in range(half)]
                right = [lane + half for lane in left]
                sums = bd.fadd(_pick(bd, sums, sums, left), _pick(bd, sums, sums, right))
            _put(bd, sums, _at(cx, bd, sig.args[1], z, zi, zstep, k))
        return cx.get_dummy_value()

    return types.void(acc, z, types.intp, types.intp), emit


@intrinsic
def _update_products(_: Any, acc: Any, x: Any, xi: Any, d: Any, di: Any, dstep: Any) -> Any:
    """acc[k, v] += x[xi + v·WIDTH:][:WIDTH] · d[di + k·dstep]"""

    def emit(cx: Any, bd: Any, sig: Any, args: Any) -> Any:
        acc, x, xi, d, di, dstep = args
        xs = [
            _get(bd, _at(cx, bd, sig.args[1], x, bd.add(xi, xi.type(v * WIDTH))), _wide) for v in range(UPDATE_VECTORS)
        ]
        places = (_at(cx, bd, sig.args[3], d, di, dstep, k) for k in range(UPDATE_CLASSES))
        return _add_products(bd, acc, xs, (_spread(bd, bd.load(place), _wide) for place in places))

    return _update_tile(_update_tile, x, types.intp, d, types.intp, types.intp), emit


@intrinsic
def _step(_: Any, acc: Any, shrink: Any, j: Any, w: Any, wi: Any, wstep: Any) -> Any:
    """w[k, v] += acc[k, v] + shrink[v]·w[k, v], for the vectors w[wi + k·wstep + v·WIDTH :]"""

    def emit(cx: Any, bd: Any, sig: Any, args: Any) -> Any:
        acc, shrink, j, w, wi, wstep = args
        for v in range(UPDATE_VECTORS):
            factor = _get(bd, _at(cx, bd, sig.args[1], shrink, bd.add(j, j.type(v * WIDTH))), _wide)
            for k in range(UPDATE_CLASSES):
                address = _at(cx, bd, sig.args[3], w, bd.add(wi, wi.type(v * WIDTH)), wstep, k)
                old = _get(bd, address, _wide)
                change = _fma(bd, factor, old, bd.extract_value(acc, k * UPDATE_VECTORS + v))
                _put(bd, bd.fadd(old, change), address)
        return cx.get_dummy_value()

    return types.void(acc, shrink, types.intp, w, types.intp, types.intp), emit


@intrinsic
def _moving_step(_: Any, acc: Any, alphas: Any, j: Any, w: Any, motion: Any, step: Any, wi: Any, wstep: Any) -> Any:
    """The step of an optimiser with moments, g = acc + alphas·w, each at its place as in `_step`.

    motion = (velocity, μ, a, b): velocity ← μ·velocity + g and w += a·g + b·velocity.
    motion = (m, v, steps), Adam: m ← β₁·m + (1 − β₁)·g, v ← β₂·v + (1 − β₂)·g² and w += r·m / (s·√v + ε), where row
    `step` of the steps has r, s, β₁, 1 − β₁, β₂, 1 − β₂, ε.
    """

    def emit(cx: Any, bd: Any, sig: Any, args: Any) -> Any:
        acc, alphas, j, w, motion, step, wi, wstep = args
        parts = [bd.extract_value(motion, i) for i in range(len(sig.args[4]))]

        def numbers(i: int) -> Any:  # of the steps
            start = bd.add(bd.mul(step, step.type(STEP)), step.type(i))
            return _spread(bd, bd.load(_at(cx, bd, sig.args[4][2], parts[2], start)), _wide)

        adam = len(parts) == 3
        square_root = cgutils.get_or_insert_function(
            bd.module, ir.FunctionType(_wide, [_wide]), f"llvm.sqrt.v{WIDTH}f32"
        )
        scalars = [numbers(i) for i in range(STEP)] if adam else [_spread(bd, part, _wide) for part in parts[1:]]
        for v in range(UPDATE_VECTORS):
            alpha = _get(bd, _at(cx, bd, sig.args[1], alphas, bd.add(j, j.type(v * WIDTH))), _wide)
            for k in range(UPDATE_CLASSES):
                place = bd.add(wi, wi.type(v * WIDTH))
                address = _at(cx, bd, sig.args[3], w, place, wstep, k)
                moving = _at(cx, bd, sig.args[4][0], parts[0], place, wstep, k)
                old = _get(bd, address, _wide)
                gradient = _fma(bd, alpha, old, bd.extract_value(acc, k * UPDATE_VECTORS + v))
                if adam:
                    rate, correction, beta1, rest1, beta2, rest2, epsilon = scalars
                    squares = _at(cx, bd, sig.args[4][1], parts[1], place, wstep, k)
                    mean = _fma(bd, beta1, _get(bd, moving, _wide), bd.fmul(rest1, gradient))
                    square = _fma(bd, beta2, _get(bd, squares, _wide), bd.fmul(rest2, bd.fmul(gradient, gradient)))
                    _put(bd, mean, moving)
                    _put(bd, square, squares)
                    root = bd.call(square_root, [square])
                    change = bd.fdiv(bd.fmul(rate, mean), _fma(bd, correction, root, epsilon))
                else:
                    mu, a, b = scalars
                    along = _fma(bd, mu, _get(bd, moving, _wide), gradient)
                    _put(bd, along, moving)
                    change = _fma(bd, b, along, bd.fmul(a, gradient))
                _put(bd, bd.fadd(old, change), address)
        return cx.get_dummy_value()

    return types.void(acc, alphas, types.intp, w, motion, types.intp, types.intp, types.intp), emit


# ---- kernels: W (c⁺·m⁺), X (n⁺·m⁺) and Z (c⁺·n⁺) are the flat padded copies, ⁺ meaning padded --------------


@njit
def _forward(
    W: Floats, X: Floats, Z: Floats, c: int, features: int, stride: int, n: int,
    images: Images, at: Ints, whole: int, fetch: bool,
) -> None:  # fmt: skip
    """Z = W Xᵀ for n rows; row i starts at images[at[i]], and its first `whole` features are copied to X.

    `fetch` prefetches the rows of the next tile (in evaluation); `at` then has entries for a tile beyond n.
    """
    line = _line(images)
    for i in range(0, n, ROWS):
        for r in range(i, min(i + ROWS, n)):
            start = at[r]
            for j in range(0, whole, WIDTH):
                _copy_inputs(X, r * features + j, images, start + j)
                if fetch and j % line == 0:
                    _prefetch(images, at[r + ROWS] + j)
        for k in range(0, c, FORWARD_CLASSES):
            acc = _forward_zeros()
            for j in range(0, features, LANES):
                acc = _forward_products(acc, X, i * features + j, features, W, k * features + j, features)
            _store_sums(acc, Z, k * stride + i, stride)


@njit
def _softmax(
    Z: Floats, c: int, stride: int, y: Ints, n: int, step: float, scratch: Floats, each: Floats, classes: Ints
) -> tuple[float, int]:
    """Logits Z → step·(ŷ − y) in place; returns the sum of −log ŷ_label and the number of correct predictions.

    `each` and `classes` receive −log ŷ_label and the predicted class of every row, unless they are empty.

    −log ŷ_label = log Σ exp(z − max) + max − z_label. One logarithm serves LANES rows: that of the product of their
    sums, each between 1 and c.
    """
    loss, correct = 0.0, 0
    for i in range(0, n, LANES):
        here = min(LANES, n - i)
        peak, first = _load(Z, i), _splat(np.float32(0.0))
        for k in range(1, c):
            z = _load(Z, k * stride + i)
            first = _where_greater(z, peak, _splat(np.float32(k)), first)
            peak = _where_greater(z, peak, z, peak)
        _store(peak, scratch, 0)
        _store(first, scratch, LANES)
        for r in range(here):
            own = Z[y[i + r] * stride + i + r]
            loss += np.float64(scratch[r]) - np.float64(own)
            correct += own == scratch[r] and y[i + r] == scratch[LANES + r]
            if each.shape[0]:
                each[i + r] = np.float64(scratch[r]) - np.float64(own)
                classes[i + r] = np.int64(scratch[LANES + r])
        total = _splat(np.float32(0.0))
        for k in range(c):
            e = _exp(_sub(_load(Z, k * stride + i), peak))
            total = _add(total, e)
            _store(e, Z, k * stride + i)
        _store(total, scratch, 0)
        product = 1.0
        for r in range(here):
            product *= np.float64(scratch[r])
            if each.shape[0]:
                each[i + r] += math.log(np.float64(scratch[r]))
        loss += math.log(product)
        scale = _div(_splat(np.float32(step)), total)
        for k in range(c):
            _store(_mul(_load(Z, k * stride + i), scale), Z, k * stride + i)
        for r in range(here):
            Z[y[i + r] * stride + i + r] -= np.float32(step)
    return loss, correct


@njit
def _update(
    W: Floats, X: Floats, D: Floats, shrink: Floats, classes: int, features: int, stride: int, n: int,
    images: Images, ahead: Ints, motion: Any, step: int,
) -> None:  # fmt: skip
    """W += D X + shrink·W, and prefetches the next batch, whose row i starts at images[ahead[i]].

    `motion`: None, or the moments of the optimiser and its numbers, as for `_moving_step`, with g = D X + shrink·W.
    """
    line, chunk = _line(images), UPDATE_VECTORS * WIDTH
    pace = max(line, chunk)  # prefetched per chunk, so that the last line arrives early enough
    for j in range(0, features, chunk):
        fetched = j // chunk * pace
        for k in range(0, classes, UPDATE_CLASSES):
            acc = _update_zeros()
            for i in range(n):
                acc = _update_products(acc, X, i * features + j, D, k * stride + i, stride)
                if k == 0 and fetched < features:
                    for more in range(fetched, fetched + pace, line):
                        _prefetch(images, ahead[i] + more)
            if motion is None:  # decided at compile time
                _step(acc, shrink, j, W, k * features + j, features)
            else:
                _moving_step(acc, shrink, j, W, motion, step, k * features + j, features)


@njit
def _batch(X: Floats, y: Ints, images: Images, labels: Ints, rows: Ints, whole: int, c: int) -> None:
    """y = labels[rows], and the features from `whole` on (less than a vector) into X."""
    for i in range(rows.shape[0]):
        y[i] = labels[rows[i]]
        if y[i] < 0 or y[i] >= c:
            raise ValueError("a label lies outside 0..classes - 1")
        for j in range(whole, images.shape[1]):
            X[i, j] = _input(images[rows[i], j])


@njit
def _starts(at: Ints, images: Images, labels: Ints, rows: Ints) -> None:
    """at[i] = the start of row rows[i] in the flat images, with a check: compiled code does not check indices."""
    for i in range(rows.shape[0]):
        if rows[i] < 0 or rows[i] >= min(images.shape[0], labels.shape[0]):
            raise IndexError("a row index lies outside images or labels")
        at[i] = rows[i] * images.shape[1]


@njit(nogil=True, cache=True)
def _epoch(
    W: Floats, X: Floats, Z: Floats, shrink: Floats, W_sum: npt.NDArray[np.float64], c: int,
    images: Images, labels: Ints, order: Ints, batch_size: int, scale: float, loss: float, motion: Any,
) -> float:  # fmt: skip
    """`scale` is the factor of the mean gradient of a batch: −η, or 1 with `motion` (see `_update`)."""
    features, stride = X.shape[1], X.shape[0]
    classes = W.shape[0] // features
    whole = images.shape[1] // WIDTH * WIDTH
    y, scratch = np.empty(stride, np.int64), np.empty(2 * LANES, np.float32)
    at, ahead = np.zeros(stride, np.int64), np.zeros(stride, np.int64)
    flat, no_losses, no_classes = X.ravel(), np.empty(0, np.float64), np.empty(0, np.int64)
    _starts(ahead, images, labels, order[:batch_size])
    for start in range(0, order.shape[0], batch_size):
        rows = order[start : start + batch_size]
        n = rows.shape[0]
        at, ahead = ahead, at
        _starts(ahead, images, labels, order[start + n : start + 2 * n])
        _batch(X, y, images, labels, rows, whole, c)
        _forward(W, flat, Z, c, features, stride, n, images, at, whole, False)
        loss += _softmax(Z, c, stride, y, n, scale / n, scratch, no_losses, no_classes)[0]
        _update(W, flat, Z, shrink, classes, features, stride, n, images, ahead, motion, start // batch_size)
        for i in range(W_sum.shape[0]):  # float64: sums of thousands of float32 terms are less accurate than 1e-6
            W_sum[i] += W[i]
    return loss


@njit(nogil=True, cache=True)
def _evaluate(
    W: Floats, X: Floats, Z: Floats, c: int, images: Images, labels: Ints, rows: Ints, loss: float,
    each: Floats, classes: Ints,
) -> tuple[float, int]:  # fmt: skip
    features, stride = X.shape[1], X.shape[0]
    whole = images.shape[1] // WIDTH * WIDTH
    y, scratch, at = np.empty(stride, np.int64), np.empty(2 * LANES, np.float32), np.zeros(stride + ROWS, np.int64)
    correct = 0
    for start in range(0, rows.shape[0], stride):
        some = rows[start : start + stride]
        _starts(at, images, labels, rows[start : start + at.shape[0]])
        _batch(X, y, images, labels, some, whole, c)
        _forward(W, X.ravel(), Z, c, features, stride, some.shape[0], images, at, whole, True)
        end = start + stride
        part, hits = _softmax(Z, c, stride, y, some.shape[0], 0.0, scratch, each[start:end], classes[start:end])
        loss += part
        correct += hits
    return loss, correct


# ---- interface ---------------------------------------------------------------------------------------------


def _up(n: int, unit: int) -> int:
    return -(-n // unit) * unit


def _zeroed(*shapes: tuple[int, ...], dtype: Any = np.float32) -> list[Array]:
    """Arrays of zeros, aligned to cache lines.

    They share one allocation: on small data, reading the addresses of several would take as long as an epoch.
    """
    line = LINE // np.dtype(dtype).itemsize
    sizes = [math.prod(shape) for shape in shapes]
    raw = np.zeros(line + sum(_up(size, line) for size in sizes), dtype)
    start, zeros = -raw.ctypes.data % LINE // raw.itemsize, []
    for shape, size in zip(shapes, sizes, strict=True):
        zeros.append(raw[start : start + size].reshape(shape))
        start += _up(size, line)
    return zeros


def _read_only(a: Array, dtype: Any) -> Array:
    """A read-only view, so that memory maps and arrays share one compiled version."""
    view = np.ascontiguousarray(a, dtype).view()
    view.flags.writeable = False
    return view


def _data(images: Array, labels: Array, rows: Array) -> tuple[Images, Ints, Ints]:
    """Images, labels and rows with the dtypes of the kernels."""
    return (
        _read_only(images, np.uint8 if images.dtype == np.uint8 else np.float32),
        _read_only(labels, np.int64),
        _read_only(rows, np.int64),
    )


def _workspaces(W: Floats, b: Floats, images: Images, rows: int) -> list[Floats]:
    """Weights and bias (c⁺, m⁺), rows of a batch with the bias feature (n⁺, m⁺), logits (c⁺·n⁺,), m⁺ zeros."""
    m, c = W.shape
    if images.shape[1] != m or b.shape != (c,):
        raise ValueError(f"shapes of W {W.shape}, b {b.shape} and images {images.shape} do not agree")
    classes, features, stride = _up(c, UPDATE_CLASSES), _up(m + 1, UPDATE_VECTORS * WIDTH), _up(rows, LANES)
    weights, X, Z, shrink = _zeroed((classes, features), (stride, features), (classes * stride,), (features,))
    weights[:c, :m], weights[:c, m], X[:, m] = W.T, b, 1.0
    return [weights, X, Z, shrink]


def sgd_epoch(
    W: Floats,
    b: Floats,
    images: Images,
    labels: Ints,
    order: Ints,
    batch_size: int,
    learning_rate: float,
    alpha: float,
    W_sum: Array | None = None,
    b_sum: Array | None = None,
    loss: float = 0.0,
    *,
    optimiser: SGD | Adam = SGD(),  # noqa: B008 - frozen
    moments: Sequence[tuple[Floats, Floats]] = (),
    first: int = 1,
) -> float:
    """One epoch of minibatch stochastic gradient descent, updating W and b in place.

    Batches are consecutive runs of B = `batch_size` indices of `order`; the last may be smaller. The steps are

        W ← W − η ((1/B) Σ x (ŷ − y)ᵀ + α W),    b ← b − η (1/B) Σ (ŷ − y),    ŷ = softmax(xW + b).

    An optimiser with moments replaces the gradient by its direction (`softmax.optimiser`).

    The same input gives the same bits, in any thread.

    Parameters
    ----------
    W : ndarray of shape (m, c), float32
        Weights; Fortran order is copied fastest.
    b : ndarray of shape (c,), float32
    images : ndarray or memmap of shape (n, m), C order
        float32 inputs; or uint8 grey levels, normalised to x / 255 − 0.5 when read, a quarter of the memory.
    labels : ndarray of shape (n,), int64
    order : ndarray of int64
        Rows of `images`, in the order of use.
    batch_size : int
    learning_rate : float
        η.
    alpha : float
        α, the L2 penalty (α/2) ‖W‖² on the weights, not on the bias.
    W_sum, b_sum : ndarrays of the shapes of W and b, float64, optional
        The W and b after every step are added to these (Polyak and Juditsky, SIAM J. Control Optim. 30, 1992:
        the mean of the iterates; the caller divides).
    loss : float
        The result of an earlier part of the epoch. Parts of whole batches give the same bits as one epoch.
    optimiser : SGD or Adam
    moments : pairs of ndarrays of the shapes of W and b, float32
        The optimiser's state, updated in place; empty: gradient descent.
    first : int
        The number of the first step, counted from 1 since the start of the training.

    Returns
    -------
    float
        `loss` plus the sum of the examples' cross-entropies without the penalty, each before the step of its batch. Not
        finite if the weights diverged.

    Raises
    ------
    IndexError
        An index of `order` lies outside images or labels.
    ValueError
        A label lies outside 0 … c − 1, or shapes do not agree. After this or an IndexError, W and b are unchanged.
    """
    m, c = W.shape
    images, labels, order = _data(images, labels, order)
    batch_size = max(1, min(int(batch_size), len(order)))
    weights, X, Z, shrink = _workspaces(W, b, images, batch_size)
    scale, motion = -float(learning_rate), None
    padded = _zeroed(*[weights.shape] * len(moments)) if moments else []
    for moment, (of_W, of_b) in zip(padded, moments, strict=True):
        moment[:c, :m], moment[:c, m] = of_W.T, of_b
    if moments:
        steps = range(first, first + -(-len(order) // batch_size))
        scale, motion = 1.0, (*(moment.ravel() for moment in padded), *_numbers(optimiser, learning_rate, steps))
    shrink[:m] = scale * alpha
    total = np.zeros((0, 0))
    if W_sum is not None and b_sum is not None:
        (total,) = _zeroed(weights.shape, dtype=np.float64)
        total[:c, :m], total[:c, m] = W_sum.T, b_sum
    loss = _epoch(
        weights.ravel(), X, Z, shrink, total.ravel(), c, images, labels, order, batch_size, scale, float(loss), motion
    )
    W[...], b[...] = weights[:c, :m].T, weights[:c, m]
    for moment, (of_W, of_b) in zip(padded, moments, strict=True):
        of_W[...], of_b[...] = moment[:c, :m].T, moment[:c, m]
    if W_sum is not None and b_sum is not None:
        W_sum[...], b_sum[...] = total[:c, :m].T, total[:c, m]
    return float(loss)


def _numbers(optimiser: SGD | Adam, rate: float, steps: range) -> tuple[Any, ...]:
    """The numbers of these steps for `_moving_step`."""
    if isinstance(optimiser, Adam):
        t, (beta1, beta2) = np.array(steps, dtype=float)[:, None], (optimiser.beta1, optimiser.beta2)
        own = -rate / (1 - beta1**t), 1 / np.sqrt(1 - beta2**t)
        shared = np.tile([beta1, 1 - beta1, beta2, 1 - beta2, optimiser.epsilon], (len(steps), 1))
        return (np.hstack([*own, shared]).astype(np.float32).ravel(),)
    mu = optimiser.momentum
    along_gradient, along_velocity = (-rate, -rate * mu) if optimiser.nesterov else (0.0, -rate)
    return np.float32(mu), np.float32(along_gradient), np.float32(along_velocity)


def evaluate(W: Floats, b: Floats, images: Images, labels: Ints, rows: Ints, loss: float = 0.0) -> tuple[float, int]:
    """`loss` plus the sum of the cross-entropies −log ŷ_label over images[rows], and the number of correct predictions.

    Parameters
    ----------
    W, b, images, labels
        As for `sgd_epoch`.
    rows : ndarray of int64
    loss : float
        The result of earlier rows. Parts of whole BLOCKs give the same bits as all rows at once.

    Returns
    -------
    loss : float
        In float64; NaN if a logit is NaN.
    correct : int
        The prediction is the first of several equal largest logits, as in `numpy.argmax`.

    Raises
    ------
    IndexError, ValueError
        As for `sgd_epoch`.
    """
    return _evaluated(W, b, images, labels, rows, loss, np.empty(0), np.empty(0, np.int64))


def predictions(W: Floats, b: Floats, images: Images, labels: Ints, rows: Ints) -> tuple[Array, Floats]:
    """The predicted class (in the smallest dtype) and −log ŷ of the true class for images[rows]: (k,) each.

    Parameters as for `evaluate`. The bits do not depend on a BLAS, unlike those of NumPy's matrix product.
    """
    each, classes = np.empty(len(rows)), np.empty(len(rows), np.int64)
    _evaluated(W, b, images, labels, rows, 0.0, each, classes)
    return classes.astype(np.min_scalar_type(len(b) - 1)), each.astype(np.float32)


def _evaluated(
    W: Floats, b: Floats, images: Images, labels: Ints, rows: Ints, loss: float, each: Array, classes: Ints
) -> tuple[float, int]:
    images, labels, rows = _data(images, labels, rows)
    weights, X, Z, _ = _workspaces(W, b, images, BLOCK)
    arguments = (weights.ravel(), X, Z, W.shape[1], images, labels, rows, float(loss), each, classes)
    loss, correct = _evaluate(*arguments)
    return float(loss), int(correct)
