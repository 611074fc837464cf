"""`python -m flows compare`: two sweeps side by side."""

from execution.advice import short
from execution.orchestration.signals import show, show_rich
from execution.storage import AnyStorage, layout, storage_at
from execution.storage.arrays import open_array
from experiment.champion import Correct
from experiment.errors import StoreError
from experiment.summary import Summary
from flows.commands.share import finished


def compare(first: str, second: str = "latest", *, artifacts: str = "artifacts") -> int:
    """Compare two sweeps: figures, paired on the same test rows, and which settings, data, code and packages differ.

    The same is written as a page into the second sweep's folder.

    Parameters
    ----------
    first
        Name of a sweep: a folder in artifacts/sweeps.
    second
        Name of another. Default: the newest.
    artifacts
        The artifact root.
    """
    from rich.table import Table

    from report.compared import compared, page

    storage = storage_at(artifacts)
    one, other = (finished(storage, name, "compare") for name in (first, second))
    sentences, rows = compared(one, other, correct(storage, one), correct(storage, other))
    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows[1:]:
        table.add_row(*row)
    show_rich(*sentences, "", table, width=120)
    key = f"{layout.SWEEPS}/{other.name}/compared-with-{one.name}.html"
    storage.put(key, page(sentences, rows))
    show(f"\npage  {short(storage.where(key))}")
    return 0


def correct(storage: AnyStorage, summary: Summary) -> Correct | None:
    """Whether a sweep's model has each test row right; None if that is no longer stored."""
    try:
        return open_array(storage, summary.correct) if summary.correct else None
    except (OSError, StoreError):
        return None
