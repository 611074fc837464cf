"""Which sources a step's result depends on, found by following imports without running anything."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from threading import Lock

PROJECT = Path(__file__).parents[2]
# What can change a number. Not `execution`: it computes numbers and may change none. Not `flows`: it has them computed.
FOLLOWED = ("tasks", "report", "experiment", "softmax")
# A result names the types of the settings that it carries. The values are inputs; how they are declared, with which
# bounds and labels, determines no result.
CONTRACTS, DECLARATIONS = "experiment.results.", {"experiment.axes", "experiment.config"}
DECISIONS = "experiment/search"  # what is drawn, who goes on, how candidates rank
# Python 3.11 before 3.11.8 confuses what two threads parse at once: https://github.com/python/cpython/issues/106905
PARSING = Lock()


@cache
def closure(module: str) -> dict[str, str]:
    """Return the SHA-256 of the sources that `module` reaches by imports, its own included, by module name.

    Imports count wherever they stand, inside functions too, but not under `if TYPE_CHECKING:`, which never run. Of a
    source its statements count, not its comments, docstrings and layout.
    """
    found: dict[str, str] = {}
    waiting = list(prefixes(module))  # the packages around it run, too
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        source = source_of(name)
        if source is not None:
            found[name] = statements(source)
            waiting += imported_by(name)
    return dict(sorted(found.items()))


@cache
def source_of(module: str) -> bytes | None:
    """Return the source of a module of the project; None if there is none of that name, as for a function in one."""
    path = PROJECT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_bytes()
    return None


@cache
def imported_by(module: str) -> tuple[str, ...]:
    """Return the names that a module imports from what is followed, and the packages around them."""
    followed = {name for name in imports(parsed(source_of(module) or b"").body) if name.split(".")[0] in FOLLOWED}
    reached = {prefix for name in followed for prefix in prefixes(name)}
    return tuple(sorted(reached - DECLARATIONS if module.startswith(CONTRACTS) else reached))


@cache
def parsed(source: bytes) -> ast.Module:
    """Return the syntax tree of a module, without docstrings."""
    with PARSING:
        tree = ast.parse(source)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


@cache
def statements(source: bytes) -> str:
    """Return the SHA-256 of a module's statements as normalised text."""
    return hashlib.sha256(ast.unparse(parsed(source)).encode()).hexdigest()


def imports(statements: Iterable[ast.AST]) -> Iterator[str]:
    """Yield everything that may be a module: `from a import b` may mean the module a.b or a name in a."""
    for node in statements:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            yield from imports(node.orelse)
        else:
            yield from imports(ast.iter_child_nodes(node))


def prefixes(name: str) -> Iterator[str]:
    """Yield a, a.b, a.b.c of a.b.c: importing the last runs them all."""
    parts = name.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def code_digest() -> str:
    """Return the digest of all that takes part in a result: what the steps, and the decisions between them, reach."""
    roots = [
        f"{folder.replace('/', '.')}.{path.stem}"
        for folder in ("tasks", DECISIONS)
        for path in sorted(PROJECT.glob(f"{folder}/[a-z]*.py"))
    ]
    sources = {name: digest for root in roots for name, digest in closure(root).items()}
    return hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()
