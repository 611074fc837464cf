"""What the terminal shows at the end."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from experiment.summary import Summary
from report.text.remarks import facts

HEADINGS = 13  # letters
WIDTH = 60  # columns, but for commands and addresses


def closing(summary: Summary, next_steps: Sequence[tuple[str, str]]) -> Group:
    """The short table, for a console of `WIDTH` columns: what won, how good it is, what to see and do next.

    Parameters
    ----------
    next_steps : headings and commands, which are never broken into lines: they are there to be pasted
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
