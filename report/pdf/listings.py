"""The code that the submission shows: statements as they stand in the sources, and a page's examples, run."""

import ast
import contextlib
import io
import re
from collections.abc import Iterable
from doctest import DocTestParser, Example
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).parents[2]
# In the document: a file, and what it defines (functions, classes, Class.method, variables). Sources are read as text:
# a report may import no step.
SHOWN = re.compile(r'#code\("(\S+)", "(.+?)"\)')
# Problem 4, by its parts.
PARTS: dict[int, tuple[str, str]] = {
    2: ("affine AffineTransformation _layer _vector", "The function, its name in the assignment, and its checks."),
    3: ("compose Composition", "The function, and its name in the assignment."),
    8: ("gradients ComputeGradients", "The function, and its name in the assignment."),
}
AFFINE = "softmax/affine.py"
EXAMPLES = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
PART = re.compile(r"^## (\d)\. (.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def listings(document: str) -> dict[str, dict[str, str]]:
    """Return what a document shows by `#code(file, names)`: where it stands, and its lines, by "file names"."""
    return {
        f"{file} {names}": {"where": where(file, names), "code": code(file, names)}
        for file, names in SHOWN.findall(document)
    }


def code(file: str, names: str) -> str:
    """The statements of these names, parted by blank lines, as the file has them."""
    lines = source(file).splitlines()
    spans = [span(file, name) for name in names.split()]
    return "\n\n".join(dedent("\n".join(lines[first - 1 : last])) for first, last in spans)


def where(file: str, names: str) -> str:
    """The file and the lines of these names."""
    spans = [span(file, name) for name in names.split()]
    return f"{file}, " + ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in spans)


@cache
def source(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


def span(file: str, name: str) -> tuple[int, int]:
    """The first and the last line of what a file defines under a name.

    Raises
    ------
    LookupError : it does not
    """
    found: ast.AST = ast.parse(source(file))
    for part in name.split("."):
        inside: Iterable[ast.stmt] = getattr(found, "body", [])
        try:
            found = next(statement for statement in inside if part in defined(statement))
        except StopIteration:
            raise LookupError(f"{file} does not define {name}") from None
    nodes = [found, *getattr(found, "decorator_list", [])]
    return min(node.lineno for node in nodes), max(node.end_lineno for node in nodes)


def defined(statement: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def with_functions(page: str) -> str:
    """The page of problem 4 with its headings called parts, and each part's functions at its end."""

    def part(found: re.Match[str]) -> str:
        number, text = int(found[1]), f"## Part {found[1]}: {found[2]}"
        if number not in PARTS:
            return text
        names, what = PARTS[number]
        return f"{text}{what}\n\n*{where(AFFINE, names)}*\n\n```python\n{code(AFFINE, names)}\n```\n\n"

    return PART.sub(part, page)


def worked(page: str) -> str:
    """A Markdown page with what its Python examples print now, whatever stood there.

    Parameters
    ----------
    page : with doctests in fenced blocks, a blank line after a block's last output; names live to the end of the page
    """
    names: dict[str, Any] = {}
    return EXAMPLES.sub(lambda block: "".join(run(part, names) for part in DocTestParser().parse(block[0])), page)


def run(part: str | Example, names: dict[str, Any]) -> str:
    """An example as typed, and what it prints; text between examples as it is."""
    if isinstance(part, str):
        return part
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(part.source, "<example>", "single"), names)  # noqa: S102  # a page of this repository
    first, *others = part.source.splitlines()
    return "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in others), printed.getvalue()])
