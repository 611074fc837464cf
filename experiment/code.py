"""Digests of the project's own source, for cache keys and provenance."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

SOFTMAX = ("softmax.sgd", "softmax.loss", "softmax.kernels", "softmax.reference")  # what training runs


@cache
def source_digest(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None, module
    assert spec.origin is not None, module
    return hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()


def code_digest() -> str:
    """Of everything that takes part in a result: the steps and what they run."""
    modules = [
        *SOFTMAX,
        *(f"tasks.{path.stem}" for path in sorted(Path(__file__).parents[1].glob("tasks/*.py"))),
    ]
    return hashlib.sha256("".join(map(source_digest, modules)).encode()).hexdigest()
