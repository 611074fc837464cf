"""The code in the submission: statements from the sources, read as text, because `report` may not import steps."""

import ast
import re
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
# In the document: a file and names that it defines (functions, classes, Class.method, variables).
SHOWN = re.compile(r'#code\("(\S+)", "(.+?)"\)')
AFFINE = "softmax/affine.py"
FUNCTIONS = {  # of problem 4, by part
    "2": "affine AffineTransformation _layer _vector", "3": "compose Composition", "8": "gradients ComputeGradients"
}  # fmt: skip
PART = re.compile(r"^## (\d)\. (.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def listings(document: str) -> dict[str, dict[str, str]]:
    """The location and the code of each `#code(file, names)` in a document, by "file names"."""
    return {f"{file} {names}": listing(file, names) for file, names in SHOWN.findall(document)}


def listing(file: str, names: str) -> dict[str, str]:
    """`where` the names are defined, a file and line numbers, and the `code`: the statements that define them."""
    lines, spans = source(file).splitlines(), [span(file, name) for name in names.split()]
    numbers = ", ".join(f"{first}–{last}" if first < last else str(first) for first, last in spans)
    code = "\n\n".join(dedent("\n".join(lines[first - 1 : last])) for first, last in spans)
    return {"where": f"{file}, {numbers}", "code": code}


@cache
def source(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


def span(file: str, name: str) -> tuple[int, int]:
    """The first and the last line of the definition of a name; LookupError if the file does not define it."""
    node: ast.AST = ast.parse(source(file))
    for part in name.split("."):
        inside: list[ast.stmt] = getattr(node, "body", [])
        found = [statement for statement in inside if part in defined(statement)]
        if not found:
            raise LookupError(f"{file} does not define {name}")
        node = found[0]
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
        text = f"## Part {match[1]}: {match[2]}"
        if names := FUNCTIONS.get(match[1]):
            shown = listing(AFFINE, names)
            text += "The function, and its name in the assignment.\n\n"
            text += f"*{shown['where']}*\n\n```python\n{shown['code']}\n```\n\n"
        return text

    return PART.sub(part, page)
