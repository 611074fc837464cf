"""Every processor's tiles: the same bits, and each compiled once."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.machine import emulated, emulations
from softmax import kernels
from tests.conftest import dice_of

pytestmark = pytest.mark.slow  # it compiles

ROOT = Path(kernels.__file__).parents[1]
CHOICE = "KIND = next(kind for kind, tiles in TILES.items() if tiles.needs <= processor_features())"

PROGRAM = """
import sys
import numpy as np
from softmax import kernels
from tests.softmax.test_tiles import results
np.savez(sys.argv[1], *results(kernels))
print(kernels.KIND, *(sum(f.stats.cache_misses.values()) for f in (kernels._epoch, kernels._evaluate)))
"""


def results(module):
    """Weights, sums of weights and losses of epochs at sizes that leave rests in every kind of tile."""
    found = []
    for m, c, grey in [(784, 10, True), (784, 10, False), (61, 3, True), (9, 26, False), (33, 11, True)]:
        rng = np.random.default_rng(m)
        images = rng.integers(0, 256, (150, m)).astype(np.uint8)
        images = images if grey else (images / 255 - 0.5).astype(np.float32)
        W, b = np.asfortranarray(rng.normal(0, 0.1, (m, c)), np.float32), np.zeros(c, np.float32)
        data = images, rng.integers(0, c, 150), rng.permutation(150)
        for batch_size in (1, 8, 13, 64):
            sums = np.zeros((m, c), order="F"), np.zeros(c)
            loss = module.sgd_epoch(W, b, *data, batch_size, 0.1, 1e-3, *sums)
            found += [W.copy(), b.copy(), *sums, np.array([loss, *module.evaluate(W, b, *data)])]
    return found


def run(kind, cache, output):
    """PROGRAM, compiled for a processor of this kind: its results, and what it printed."""
    environment = os.environ | emulated(kind) | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", PROGRAM, str(output)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    with np.load(output) as arrays:
        return list(arrays.values()), done.stdout.split()


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def first(cache, tmp_path_factory, whole):
    """What each kind of processor gives, having compiled; in a sample one with fused multiply-adds and one without."""
    fused = [kind for kind in emulations() if kind != "other"]
    if not whole and fused:
        fused = [dice_of(__name__).choice(fused)]
    kinds = [*fused, "other"] if emulations() else []
    return {kind: run(kind, cache, tmp_path_factory.mktemp("first") / "results.npz") for kind in kinds}


def test_processors_with_fused_multiply_adds_give_the_same_bits(first):
    for kind in set(first) - {"other"}:
        assert same(first[kind][0], results(kernels))


@pytest.mark.skipif(not emulations(), reason="no x86 processor")
def test_without_fused_multiply_adds_only_rounding_differs(first):
    ours, expected = first["other"][0], results(kernels)
    assert kernels.KIND == "other" or not same(ours, expected)
    for one, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.soak(1)
@pytest.mark.parametrize("kind", sorted(kernels.TILES.keys() - {kernels.KIND}))
def test_no_bit_depends_on_the_tiles(kind, tmp_path):
    """Also of kinds that this processor cannot be: its own instructions, the other's tiles."""
    source = Path(kernels.__file__).read_text(encoding="utf-8")
    assert CHOICE in source
    copy = tmp_path / "other_tiles.py"
    copy.write_text(source.replace(CHOICE, f"KIND = {kind!r}"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("other_tiles", copy)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert kind == module.KIND
    assert same(results(module), results(kernels))


def test_a_checkout_used_from_several_kinds_of_machine_compiles_once_for_each(first, cache, tmp_path):
    for kind, (expected, printed) in first.items():
        assert printed == [kind, "2", "2"]  # float32 and grey
        found, printed = run(kind, cache, tmp_path / "results.npz")
        assert printed == [kind, "0", "0"]
        assert same(found, expected)


def test_a_second_process_compiles_nothing(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "results.npz")]
    for _ in range(2):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [kernels.KIND, "0", "0"]
