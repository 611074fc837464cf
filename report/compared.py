"""Two sweeps side by side: figures, how sure their difference is, and what else differs."""

from experiment.champion import Correct, paired
from experiment.summary import Summary
from report.page.render import template

FIGURES = {
    "validation accuracy": ("val_accuracy", ".2%"), "validation cross-entropy": ("val_cross_entropy", ".4f"),
    "test accuracy": ("test_accuracy", ".2%"), "test cross-entropy": ("test_loss", ".4f"),
    "best epoch": ("best_epoch", "d"), "combinations": ("combinations", "d"), "seconds": ("seconds", ".1f"),
}  # fmt: skip
Row = tuple[str, str, str, str]


def compared(
    first: Summary, second: Summary, ours: Correct | None, theirs: Correct | None
) -> tuple[list[str], list[Row]]:
    """Two sweeps in sentences and in a table, whose first row has the headings.

    `ours`, `theirs` : whether the model of each classifies each test row correctly; None: unknown
    """
    rows: list[Row] = [
        ("sweep", first.name, second.name, "difference"), ("best", str(first.best), str(second.best), "")
    ]  # fmt: skip
    digests = [summary.provenance["data"]["digests"] for summary in (first, second)]
    for heading, (name, form) in FIGURES.items():
        one, other = getattr(first, name), getattr(second, name)
        difference = f"{100 * (other - one):+.2f} points" if form.endswith("%") else format(other - one, f"+{form}")
        if heading.startswith(("validation", "test")) and digests[0] != digests[1]:
            difference = ""  # on other rows
        elif other == one:
            difference = "the same"
        rows.append((heading, format(one, form), format(other, form), difference))
    here, there = origin(first), origin(second)
    differing = [name for name in here | there if here.get(name) != there.get(name)]
    rows += [(name, here.get(name, "–"), there.get(name, "–"), "differs") for name in differing]
    kinds = list(dict.fromkeys(name.partition(" ")[0] for name in differing))
    changed = f"What changed: {', '.join(kinds)}." if kinds else "Data, settings, code and packages are the same."
    return [on_test_rows(first, second, ours, theirs), changed], rows


def on_test_rows(first: Summary, second: Summary, ours: Correct | None, theirs: Correct | None) -> str:
    """The paired comparison in a sentence."""
    digests = [summary.provenance["data"]["digests"].items() for summary in (first, second)]
    tests = [[digest for digest in each if digest[0].startswith("test")] for each in digests]
    if tests[0] != tests[1]:
        return "Their test rows are not the same, so that their test figures cannot be compared."
    if ours is None or theirs is None:
        return "Which test rows each has right is not known: run the older one again."
    return f"Accuracy of {second.name} minus that of {first.name} on the same test rows: {paired(ours, theirs)}."


def origin(summary: Summary) -> dict[str, str]:
    """What determined a sweep's figures, by name."""
    known = summary.provenance
    data = {f"data {name}": digest.rpartition(":")[2][:12] for name, digest in known["data"]["digests"].items()}
    settings = {f"settings {name}": str(value) for name, value in known["experiment"].items()}
    packages = {f"packages {name}": str(version) for name, version in known["packages"].items()}
    code = {"code": known["code"][:12], "commit": str(known["commit"])[:12]}
    return data | settings | code | packages | {"packages python": known["python"]}


def page(sentences: list[str], rows: list[Row]) -> bytes:
    """The comparison as one HTML file."""
    return template("compared.html").render(sentences=sentences, rows=rows).encode()
