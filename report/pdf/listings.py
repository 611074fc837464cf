"""The code in the submission: statements from the sources, and the examples of a page with their output."""

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
# In the document: a file and names that it defines (functions, classes, Class.method, variables).
# Sources are read as text, because `report` may not import steps.
SHOWN = re.compile(r'#code\("(\S+)", "(.+?)"\)')
# The code of problem 4, by part.
PARTS: dict[int, tuple[str, str]] = {
    2: ("affine AffineTransformation _layer _vector", "The function, its name in the assignment, and its checks."),
    3: ("compose Composition", "The function, and its name in the assignment."),
    8: ("gradients ComputeGradients", "The function, and its name in the assignment."),
}
AFFINE = "softmax/affine.py"
EXAMPLES = re.compile(r"(?<=^```python\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
PART = re.compile(r"^## (\d)\. (.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def listings(document: str) -> dict[str, dict[str, str]]:
    """The location and the code of each `#code(file, names)` in a document, by "file names"."""
    return {
        f"{file} {names}": {"where": where(file, names), "code": code(file, names)}
        for file, names in SHOWN.findall(document)
    }


def code(file: str, names: str) -> str:
    """The statements that define the names, separated by blank lines."""
    lines = source(file).splitlines()
    spans = [span(file, name) for name in names.split()]
    return "\n\n".join(dedent("\n".join(lines[first - 1 : last])) for first, last in spans)


def where(file: str, names: str) -> str:
    """The file and the line numbers of the names."""
    spans = [span(file, name) for name in names.split()]
    return f"{file}, " + ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in spans)


@cache
def source(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


def span(file: str, name: str) -> tuple[int, int]:
    """The first and the last line of the definition of a name.

    Raises
    ------
    LookupError : the file does not define it
    """
    node: ast.AST = ast.parse(source(file))
    for part in name.split("."):
        inside: Iterable[ast.stmt] = getattr(node, "body", [])
        try:
            node = next(statement for statement in inside if part in defined(statement))
        except StopIteration:
            raise LookupError(f"{file} does not define {name}") from None
    nodes = [node, *getattr(node, "decorator_list", [])]
    return min(each.lineno for each in nodes), max(each.end_lineno for each in nodes)


def defined(statement: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def with_functions(page: str) -> str:
    """The page of problem 4 with "Part" in its headings, and the functions of each part at its end."""

    def part(match: re.Match[str]) -> str:
        number, text = int(match[1]), f"## Part {match[1]}: {match[2]}"
        if number not in PARTS:
            return text
        names, description = PARTS[number]
        return f"{text}{description}\n\n*{where(AFFINE, names)}*\n\n```python\n{code(AFFINE, names)}\n```\n\n"

    return PART.sub(part, page)


def with_output(page: str) -> str:
    """A Markdown page with the actual output of its Python examples.

    Parameters
    ----------
    page : doctests in fenced blocks with a blank line after the last output of a block; names are shared by all blocks
    """
    names: dict[str, Any] = {}
    return EXAMPLES.sub(lambda block: "".join(executed(part, names) for part in DocTestParser().parse(block[0])), page)


def executed(part: str | Example, names: dict[str, Any]) -> str:
    """An example with its output; text between examples is unchanged."""
    if isinstance(part, str):
        return part
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(part.source, "<example>", "single"), names)  # noqa: S102  # a page of this repository
    first, *others = part.source.splitlines()
    return "\n".join([f">>> {first}", *(f"... {line}".rstrip() for line in others), printed.getvalue()])
