"""The picture in docs/architecture.md, from the code: python -m docs.architecture

Packages with their rooms, and an arrow wherever one imports another.
"""

import re
from pathlib import Path

import grimp

PAGE = Path(__file__).with_suffix(".md")
PACKAGES = ("flows", "tasks", "execution", "report", "experiment", "softmax")  # as the layers are in pyproject.toml
PICTURE = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)


def picture() -> str:
    """The packages as a Mermaid flowchart."""
    graph = grimp.build_graph(*PACKAGES)
    arrows = {
        (package, other)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if (package := module.split(".")[0]) != (other := imported.split(".")[0])
    }
    boxes = [f'    {package}["<b>{package}</b><br>{rooms(graph, package)}"]' for package in PACKAGES]
    lines = [f"    {package} --> {other}" for package in PACKAGES for other in PACKAGES if (package, other) in arrows]
    return "\n".join(["flowchart TD", *boxes, *lines, ""])


def rooms(graph: grimp.ImportGraph, package: str) -> str:
    """The packages in a package, or its modules if there are none."""
    children = [child for child in sorted(graph.find_children(package)) if not child.endswith("__main__")]
    inside = [child for child in children if graph.find_children(child)] or children
    return " · ".join(child.split(".")[1] for child in inside)


if __name__ == "__main__":
    PAGE.write_text(PICTURE.sub(lambda _: picture(), PAGE.read_text("utf-8")), "utf-8")
