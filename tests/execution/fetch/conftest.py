"""The small Fashion-MNIST, served."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from execution.fetch.sources import Source, fashion_mnist
from experiment.data.formats import Arrays
from tests.execution.fetch.small import RAW, SMALL, Server, flat


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        yield server


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., tuple[Arrays, list[str]]]:
    """Fetch into tmp_path/data; the arrays, checked to be the right ones, and the lines reported."""

    def fetch(*sources: Source) -> tuple[Arrays, list[str]]:
        lines: list[str] = []
        arrays = fashion_mnist(tmp_path / "data", lines.append, sources=sources, expected=SMALL)
        for array, raw in zip(arrays, RAW.values(), strict=True):
            np.testing.assert_array_equal(array, flat(raw))
            assert array.dtype == (np.uint8 if raw.ndim > 1 else np.int64)
            assert array.flags.c_contiguous
        return arrays, lines

    return fetch
