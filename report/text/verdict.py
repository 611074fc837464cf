"""The outcome of a sweep as a line, a page of Markdown, and a table for the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from experiment.summary import Summary
from report.text.remarks import facts
from report.text.wording import count

HEADINGS = 13  # letters
WIDTH = 60  # columns of the terminal


def verdict(summary: Summary) -> str:
    """The outcome in one line."""
    low, high = summary.test_accuracy_95
    return (
        f"test accuracy {summary.test_accuracy:.2%} ({low:.2%} to {high:.2%}), cross-entropy {summary.test_loss:.4f}, "
        f"by {summary.best} after {count(summary.best_epoch, 'epoch')}; {count(summary.combinations, 'combination')}, "
        f"{count(summary.cached, 'training')} cached" + (f"; {summary.left} left, time was up" if summary.left else "")
    )


def page(summary: Summary, notes: Mapping[str, str], picture: str) -> str:
    """The outcome as Markdown.

    Parameters
    ----------
    notes : further rows by heading; empty texts are left out
    picture : the address of the parallel coordinates, such as a data URL; "": none
    """
    rows = [*facts(summary), *(note for note in notes.items() if note[1])]
    table = "\n".join(f"| {heading} | {cell(text)} |" for heading, text in rows)
    words = "\n\n".join(summary.analysis)
    shown = f"\n![Parallel coordinates]({picture})\n" if picture else ""
    return f"# {summary.name}\n\n| | |\n|---|---|\n{table}\n\n{words}\n{shown}"


def cell(text: str) -> str:
    """The text of a Markdown table cell, with special characters escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")


def closing(summary: Summary, next_steps: Sequence[tuple[str, str]]) -> Group:
    """The outcome and the next steps for the terminal.

    Parameters
    ----------
    next_steps : headings and commands, which are never broken into lines, so that they can be pasted
    """
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", min_width=HEADINGS)
    table.add_column(overflow="fold")
    for heading, text in facts(summary):
        table.add_row(heading, Text(text))
    steps = [
        Text.assemble((heading.ljust(HEADINGS + 2), "bold"), text, no_wrap=True, overflow="ignore")
        for heading, text in next_steps
    ]
    return Group("", table, *steps)
