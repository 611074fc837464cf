"""What a sweep came to, in words: a line, and a page of Markdown."""

from collections.abc import Mapping

from experiment.summary import Summary
from report.importance import in_words
from report.text import remarks


def verdict(summary: Summary) -> str:
    """Return the outcome in one line."""
    low, high = summary.test_accuracy_95
    return (
        f"test accuracy {summary.test_accuracy:.2%} ({low:.2%} to {high:.2%}), cross-entropy {summary.test_loss:.4f}, "
        f"by {summary.best} after {summary.best_epoch} epochs; {summary.combinations} combinations, "
        f"{summary.cached} of their trainings cached" + (f"; {summary.left} left, time was up" if summary.left else "")
    )


def page(summary: Summary, notes: Mapping[str, str], picture: str) -> str:
    """Return the outcome as Markdown.

    Parameters
    ----------
    notes : what is to be said beside the figures, by heading; empty texts are left out
    picture : address of the parallel coordinates, `data:` say; empty: there is none
    """
    low, high = summary.test_accuracy_95
    floor = summary.baseline
    rows = [
        *([("data", summary.data_understood)] if summary.data_understood else []),
        *([("data", summary.data_note)] if summary.data_note else []),
        ("scaling", summary.scaling),
        ("winner", summary.best.words),
        ("best epoch", str(summary.best_epoch)),
        ("validation", f"accuracy {summary.val_accuracy:.2%}, cross-entropy {summary.val_cross_entropy:.4f}"),
        ("test", f"accuracy {summary.test_accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%}"),
        ("", f"cross-entropy {summary.test_loss:.4f}"),
        ("baseline", f"class frequencies: accuracy {floor['test_accuracy']:.2%}, {floor['test_loss']:.4f}"),
        ("ranking", remarks.ranking(summary)),
        ("what mattered", in_words(summary.importance)),
        *(("warning", warning) for warning in remarks.warnings(summary)),
        ("combinations", f"{summary.combinations}, {summary.cached} trainings cached, {summary.diverged} diverged"),
        *([("search", remarks.search(summary))] if summary.sampler else []),
        ("time", f"{summary.seconds} s"),
        *(note for note in notes.items() if note[1]),
    ]
    table = "\n".join(f"| {heading} | {cell(text)} |" for heading, text in rows)
    words = "\n\n".join(summary.analysis)
    shown = f"\n![Parallel coordinates]({picture})\n" if picture else ""
    return f"# {summary.name}\n\n| | |\n|---|---|\n{table}\n\n{words}\n{shown}"


def cell(text: str) -> str:
    """Return a text as it stands in a table: names in it may hold what Markdown and HTML take for their own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|").replace("\n", " ")
