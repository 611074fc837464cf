"""The submission as a PDF. Pandoc converts the pages of mathematics to Typst's markup; Typst typesets the document."""

import json
import tempfile
from importlib.resources import files
from pathlib import Path

import pypandoc
import typst

from experiment.summary import Summary
from report.fonts import displayable, fallbacks, missing_letters
from report.pdf.advantages import advantages
from report.pdf.finished import Finished
from report.pdf.listings import ROOT, listings, with_functions
from report.pictures import MOST_CLASSES
from report.text.verdict import facts

# Pandoc 3.9 writes ⊗ by Typst's name before 0.15.
NAMES = '#let times = symbol("×", ("circle", "⊗"), ("o", "⊗"))\n'

TEST = ("test", "calibration", "baseline")  # headings of facts about the test set


def submission(sweep: Finished, author: str = "") -> bytes:
    """The PDF: the same bytes for the same sweep, sources, versions and fonts. The author is below the title."""
    document = files("report.pdf").joinpath("submission.typ").read_text("utf-8")
    derivation, chain_rule = ((ROOT / "docs" / name).read_text("utf-8") for name in ("derivation.md", "chain_rule.md"))
    summary, said = sweep.summary, facts(sweep.summary)
    baseline = summary.baseline["val_accuracy"], summary.baseline["val_cross_entropy"]
    # Names given by users are data, because in markup they could have a meaning.
    data = {
        "sweep": summary.name,
        "author": author,
        "derivation": derivation.partition("\n")[0].removeprefix("# "),
        "chain_rule": chain_rule.partition("\n")[0].removeprefix("# "),
        "code": listings(document),
        "test": [fact for fact in said if fact[0] in TEST],
        "selection": [
            *(fact for fact in said if fact[0] not in (*TEST, "what mattered")),
            ("validation baseline", "class frequencies: accuracy {:.2%}, cross-entropy {:.4f}".format(*baseline)),
            ("gradient check", f"largest relative error {summary.gradient_error:.1e}"),
        ],
        "classes": class_rows(summary),
        "every_class": len(summary.class_accuracy),
        "letters": missing_letters(names(sweep, author), bitmaps=True),
        "analysis": summary.analysis,
        "advantages": advantages(summary, sweep.leaderboard),
        "pictures": sorted(sweep.pictures),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "submission.typ").write_text(document, "utf-8")
        (folder / "data.json").write_text(json.dumps(data), "utf-8")
        (folder / "derivation.typ").write_text(markup(derivation), "utf-8")
        (folder / "chain_rule.typ").write_text(markup(with_functions(chain_rule)), "utf-8")
        for picture, content in sweep.pictures.items():
            (folder / picture).write_bytes(content)
        pdf: bytes = typst.compile(folder / "submission.typ", root=folder)
    return pdf


def names(sweep: Finished, author: str) -> list[str]:
    """The names given by users, in any script."""
    return [sweep.summary.name, author, sweep.summary.data, *sweep.summary.class_accuracy]


def class_rows(summary: Summary) -> list[tuple[str, str]]:
    """The test accuracy of each class, of at most the `MOST_CLASSES` with the lowest."""
    names = displayable(list(summary.class_scores), fallbacks(summary.class_scores, bitmaps=True)[1])
    classes = list(zip(names, summary.class_accuracy.values(), strict=True))
    if len(classes) > MOST_CLASSES:
        classes = sorted(classes, key=lambda item: 1 if item[1] is None else item[1])[:MOST_CLASSES]
    return [(name, "no test rows" if accuracy is None else f"{accuracy:.1%}") for name, accuracy in classes]


def markup(page: str) -> str:
    """A Markdown page without its heading, as Typst markup."""
    converted: str = pypandoc.convert_text(page.split("\n", 1)[1], "typst", format="gfm", extra_args=["--wrap=none"])
    return NAMES + converted
