"""What a section is given, what it gives back, and how figures are written."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Bench:
    quick: bool
    data: Path  # Fashion-MNIST's files, fetched into here when they are missing
    scratch: Path  # an empty folder, deleted at the end


@dataclass
class Section:
    title: str
    notes: list[str] = field(default_factory=list)
    table: list[list[str]] = field(default_factory=list)  # the first row is the header
    data: dict[str, Any] = field(default_factory=dict)  # for JSON


def markdown(section: Section) -> str:
    header, *rows = section.table
    lines = ["", f"## {section.title}", "", "\n\n".join(section.notes), ""]
    lines += [f"| {' | '.join(row)} |" for row in (header, ["---"] + ["---:"] * (len(header) - 1), *rows)]
    return "\n".join(lines)


def figure(value: float) -> str:
    """Three significant digits."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values: Sequence[float], scale: float = 1.0) -> str:
    """Median, and the least and the greatest behind it."""
    if len(values) == 1:
        return figure(values[0] * scale)
    return f"{figure(median(values) * scale)} ({figure(min(values) * scale)}–{figure(max(values) * scale)})"


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> str:
    """Of the rounds, one by one: what slows a whole round down cancels."""
    return spread([a / b for a, b in zip(numerators, denominators, strict=True)]) + "×"
