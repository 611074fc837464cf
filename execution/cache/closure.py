"""The sources that a step's result depends on, found by following imports without running anything."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from threading import Lock

PROJECT = Path(__file__).parents[2]
# The packages that can change a number. `execution` and `flows` compute numbers and may change none.
FOLLOWED = ("tasks", "report", "experiment", "softmax")
# Results refer to the types of settings. The settings' values are inputs; their declarations (bounds, labels)
# determine no result.
CONTRACTS, DECLARATIONS = "experiment.results.", {"experiment.axes", "experiment.config"}
DECISIONS = "experiment/search"  # sampling, halving, ranking
# Before 3.11.8 Python cannot parse in two threads at once, as NumPy does to read an array's header:
# https://github.com/python/cpython/issues/106905
PARSING = Lock()


@cache
def closure(module: str) -> dict[str, str]:
    """The SHA-256 of each source that `module` reaches by imports, its own included, by module name.

    Imports inside functions count; those under `if TYPE_CHECKING:` do not, as they never run. Comments, docstrings
    and layout do not count.
    """
    found: dict[str, str] = {}
    waiting = list(prefixes(module))  # importing a module runs the packages around it
    while waiting:
        if (name := waiting.pop()) not in found and (source := source_of(name)) is not None:
            found[name] = statements(source)
            waiting += imported_by(name)
    return dict(sorted(found.items()))


@cache
def source_of(module: str) -> bytes | None:
    """The source of a module of the project; None if the name is no module, but a function in one, say."""
    path = PROJECT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_bytes()
    return None


@cache
def imported_by(module: str) -> tuple[str, ...]:
    """The names that a module imports from the followed packages, and the packages around them."""
    followed = {name for name in imports(parsed(source_of(module) or b"").body) if name.split(".")[0] in FOLLOWED}
    reached = {prefix for name in followed for prefix in prefixes(name)}
    return tuple(sorted(reached - DECLARATIONS if module.startswith(CONTRACTS) else reached))


@cache
def parsed(source: bytes) -> ast.Module:
    """The syntax tree of a module, without docstrings."""
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
    """The SHA-256 of a module's statements as normalised text."""
    return hashlib.sha256(ast.unparse(parsed(source)).encode()).hexdigest()


def imports(statements: Iterable[ast.AST]) -> Iterator[str]:
    """Every name that may be a module: `from a import b` may mean the module a.b or a name in a."""
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
    """a, a.b and a.b.c for a.b.c: importing the last runs them all."""
    parts = name.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def code_digest() -> str:
    """The digest of all sources that the steps and the decisions between them reach."""
    roots = [
        f"{folder.replace('/', '.')}.{path.stem}"
        for folder in ("tasks", DECISIONS)
        for path in sorted(PROJECT.glob(f"{folder}/[a-z]*.py"))
    ]
    sources = {name: digest for root in roots for name, digest in closure(root).items()}
    return hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()
