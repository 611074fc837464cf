"""The submission as a PDF. Pandoc makes the pages of mathematics into Typst's markup, Typst sets all of it."""

import json
import tempfile
from importlib.resources import files
from pathlib import Path

import pypandoc
import typst

from report.fonts import trouble
from report.pdf.advantages import advantages
from report.pdf.figures import class_rows, selection_rows, test_rows
from report.pdf.finished import Finished
from report.pdf.listings import ROOT, listings, with_functions, worked

# Pandoc 3.9 writes ⊗ by the name that Typst had for it before 0.15.
NAMES = '#let times = symbol("×", ("circle", "⊗"), ("o", "⊗"))\n'


def submission(sweep: Finished, author: str = "") -> bytes:
    """The PDF: the same bytes for the same sweep, sources, versions and fonts.

    Parameters
    ----------
    author : stands below the title
    """
    document = files("report.pdf").joinpath("submission.typ").read_text("utf-8")
    derivation = (ROOT / "docs" / "derivation.md").read_text("utf-8")
    chain_rule = (ROOT / "docs" / "chain_rule.md").read_text("utf-8")
    summary = sweep.summary
    # Whatever a user may have named comes as data: in markup it could mean something.
    data = {
        "sweep": summary.name,
        "author": author,
        "derivation": title(derivation),
        "chain_rule": title(chain_rule),
        "code": listings(document),
        "test": test_rows(summary),
        "selection": selection_rows(summary),
        "classes": class_rows(summary),
        "every_class": len(summary.class_accuracy),
        "letters": trouble(names(sweep, author), bitmaps=True),
        "analysis": summary.analysis,
        "advantages": advantages(summary, sweep.leaderboard),
        "pictures": sorted(sweep.pictures),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "submission.typ").write_text(document, "utf-8")
        (folder / "data.json").write_text(json.dumps(data), "utf-8")
        (folder / "derivation.typ").write_text(markup(derivation), "utf-8")
        (folder / "chain_rule.typ").write_text(markup(with_functions(worked(chain_rule))), "utf-8")
        for picture, content in sweep.pictures.items():
            (folder / picture).write_bytes(content)
        pdf: bytes = typst.compile(folder / "submission.typ", root=folder)
    return pdf


def names(sweep: Finished, author: str) -> list[str]:
    """Return what a user has named, in letters of any script."""
    return [sweep.summary.name, author, sweep.summary.data, *sweep.summary.class_accuracy]


def title(page: str) -> str:
    """The heading of a Markdown page."""
    return page.split("\n", 1)[0].removeprefix("# ")


def markup(page: str) -> str:
    """A Markdown page without its heading as Typst's markup."""
    converted: str = pypandoc.convert_text(page.split("\n", 1)[1], "typst", format="gfm", extra_args=["--wrap=none"])
    return NAMES + converted
