"""What a sweep came to, in words: a line, and a page of Markdown."""

from collections.abc import Mapping

from experiment.summary import Summary
from report.text.remarks import facts
from report.text.wording import count


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
    notes : what is to be said beside the figures, by heading; empty texts are left out
    picture : address of the parallel coordinates, `data:` say; empty: there is none
    """
    rows = [*facts(summary), *(note for note in notes.items() if note[1])]
    table = "\n".join(f"| {heading} | {cell(text)} |" for heading, text in rows)
    words = "\n\n".join(summary.analysis)
    shown = f"\n![Parallel coordinates]({picture})\n" if picture else ""
    return f"# {summary.name}\n\n| | |\n|---|---|\n{table}\n\n{words}\n{shown}"


def cell(text: str) -> str:
    """A text as it stands in a table: names in it may hold what Markdown and HTML take for their own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
