"""Mutation score: the share of small changes to modules that their tests notice.

    python -m tests.mutants softmax/loss.py experiment/search [--most 40]

A changed module is seen by a forked process alone, which runs the quick tests beside it in the tree of tests. Modules
with compiled functions are out of reach, as Numba's cache knows files, not this.
"""

import argparse
import ast
import copy
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

OTHER = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


def changes(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Attributes of a node, each with another value."""
    if isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign) and type(node.op) in OTHER:
        yield "op", OTHER[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
        yield "ops", [OTHER[type(node.ops[0])](), *node.ops[1:]]
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "test", ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield "value", not node.value if isinstance(node.value, bool) else node.value + 1
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "value", ast.Constant(None)


def mutants(path: Path) -> Iterator[tuple[str, ast.Module]]:
    """Each with its line, and what stands there now."""
    original = ast.parse(path.read_text())
    for place, node in enumerate(ast.walk(original)):
        for name, value in changes(node):
            tree = copy.deepcopy(original)
            changed = list(ast.walk(tree))[place]
            setattr(changed, name, value)
            yield f"{path}:{changed.lineno}: {ast.unparse(changed).splitlines()[0]}", ast.fix_missing_locations(tree)  # type: ignore[attr-defined]


def passes(tests: list[str], path: Path, tree: ast.Module, seconds: float) -> bool:
    """The tests pass, in this time, where the module is this one."""
    if not (child := os.fork()):
        signal.alarm(int(seconds))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        plain, code = SourceFileLoader.get_code, compile(tree, str(path), "exec")
        get_code = lambda self, name: code if Path(self.path) == path.resolve() else plain(self, name)  # noqa: E731
        SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
        os._exit(pytest.main(["-x", "-q", "-m", "quick", "-p", "no:cacheprovider", *tests]))
    return os.waitpid(child, 0)[1] == 0


def tests_of(path: Path) -> list[str]:
    """The module's own tests, or those of its folder, or of that folder's name."""
    folder = Path("tests", path.parent)
    places = folder / f"test_{path.stem}.py", folder, folder.with_name(f"test_{folder.name}.py")
    return [str(next(place for place in places if place.exists()))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("paths", nargs="+", type=Path, help="modules, or folders of them")
    parser.add_argument("--most", type=int, default=10**6, help="mutants of each module, drawn with SEED")
    given = parser.parse_args()
    dice = random.Random(os.environ.get("SEED", "0"))
    noticed = tried = 0
    for path in sorted(file for one in given.paths for file in (one.rglob("*.py") if one.is_dir() else [one])):
        tests, every, began = tests_of(path), list(mutants(path)), time.monotonic()
        if not every or "numba" in path.read_text():
            continue
        if not passes(tests, path, ast.parse(path.read_text()), 600):
            sys.exit(f"{path}: its tests {tests} do not pass as it is")
        limit = 10 + 10 * (time.monotonic() - began)
        for about, tree in dice.sample(every, min(given.most, len(every))):
            tried += 1
            if passes(tests, path, tree, limit):
                print(f"survives: {about}", flush=True)
            else:
                noticed += 1
    print(f"{noticed} of {tried} mutants are noticed")


if __name__ == "__main__":
    import hypothesis  # noqa: F401
    import pandas  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    main()
