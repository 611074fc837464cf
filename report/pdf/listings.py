"""The code that the submission shows: functions as they stand in the sources, and a page's examples, run."""

import contextlib
import inspect
import io
import re
from collections.abc import Callable
from doctest import DocTestParser, Example
from pathlib import Path
from typing import Any

from softmax import affine, decay, loss, reference, sgd

ROOT = Path(__file__).parents[2]
REGRESSION: tuple[Callable[..., Any], ...] = (
    loss.normalized,
    loss.one_hot,
    loss.log_softmax,
    loss.softmax,
    loss.cross_entropy,
    loss.penalty,
    loss.loss,
    loss.gradient,
    loss.accuracy,
    reference.sgd_epoch,
    reference.along,
    reference.evaluate,
    sgd.initial_parameters,
    decay.decayed,
    sgd.train,
    sgd.finished,
)
EXAMPLES = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)


def regression() -> list[dict[str, str]]:
    """Return softmax regression: loss, gradient, an epoch of SGD, training."""
    return [function(shown) for shown in REGRESSION]


def function(shown: Callable[..., Any]) -> dict[str, str]:
    """Return a function's source, and where it stands."""
    source, first = inspect.getsourcelines(shown)
    file = Path(inspect.getfile(shown)).relative_to(ROOT).as_posix()
    return {"where": f"{file}, line {first}", "code": "".join(source).rstrip()}


def affine_maps() -> list[dict[str, str]]:
    """Return the module of affine maps whole, but for its heading: the assignment's names stand at its end."""
    code = inspect.getsource(affine).removeprefix(f'"""{affine.__doc__}"""').strip()
    return [{"where": Path(affine.__file__).relative_to(ROOT).as_posix(), "code": code}]


def worked(page: str) -> str:
    """Return a Markdown page with what its Python examples print now, whatever stood there.

    Parameters
    ----------
    page : with doctests in fenced blocks, a blank line after a block's last output; names live to the end of the page
    """
    names: dict[str, Any] = {}
    return EXAMPLES.sub(lambda block: "".join(run(part, names) for part in DocTestParser().parse(block[0])), page)


def run(part: str | Example, names: dict[str, Any]) -> str:
    """Return an example as typed, and what it prints; text between examples as it is."""
    if isinstance(part, str):
        return part
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(part.source, "<example>", "single"), names)  # noqa: S102  # a page of this repository
    first, *others = part.source.splitlines()
    return "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in others), printed.getvalue()])
