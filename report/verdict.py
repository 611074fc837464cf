"""What a sweep came to, in words: a line, and a page of Markdown."""

from collections.abc import Mapping

from experiment.summary import Summary


def verdict(summary: Summary) -> str:
    """Return the outcome in one line."""
    low, high = summary.test_accuracy_95
    return (
        f"test accuracy {summary.test_accuracy:.2%} ({low:.2%} to {high:.2%}), cross-entropy {summary.test_loss:.4f}, "
        f"by {summary.best} after {summary.best_epoch} epochs; {summary.combinations} combinations, "
        f"{summary.cached} of their trainings cached"
    )


def page(summary: Summary, notes: Mapping[str, str], picture: str) -> str:
    """Return the outcome as Markdown.

    Parameters
    ----------
    notes : what is to be said beside the figures, by heading; empty texts are left out
    picture : address of the parallel coordinates, `data:` say
    """
    low, high = summary.test_accuracy_95
    shares = ", ".join(
        f"{name.replace('_', ' ')} {share:.0%}"
        for name, share in sorted(summary.importance.items(), key=lambda item: -item[1])
    )
    rows = [
        ("winner", summary.best.words),
        ("best epoch", str(summary.best_epoch)),
        ("validation", f"accuracy {summary.val_accuracy:.2%}, loss {summary.val_loss:.4f}"),
        ("test", f"accuracy {summary.test_accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%}"),
        ("", f"cross-entropy {summary.test_loss:.4f}"),
        ("what mattered", shares),
        ("combinations", f"{summary.combinations}, {summary.cached} trainings cached, {summary.diverged} diverged"),
        ("time", f"{summary.seconds} s"),
        *(note for note in notes.items() if note[1]),
    ]
    table = "\n".join(f"| {heading} | {text} |" for heading, text in rows)
    return f"# {summary.name}\n\n| | |\n|---|---|\n{table}\n\n![Parallel coordinates]({picture})\n"
