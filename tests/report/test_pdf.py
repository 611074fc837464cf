"""What the PDF to hand in says, as a reader of PDFs finds it there."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from report.pdf.finished import PICTURES, WEIGHTS
from report.pdf.listings import worked
from tests.conftest import PROJECT
from tests.report.page.made_sweep import made_sweep

EVIL = [
    "<script>alert(1)</script>",
    "\"quoted\" & 'that'",
    "#panic() $x$ *b* _u_ @ref `raw`",
    "[x] // /* \\ = ~ -- ...",
    "👟 emoji",
    "حذاء رياضي",
]


class Made(NamedTuple):
    """A PDF, and what is in it."""

    path: Path
    run: subprocess.CompletedProcess[str]

    @property
    def text(self) -> str:
        """All text, row by row, with one space between words; the numbers of pages are cut off."""
        if not shutil.which("pdftotext"):
            pytest.skip("poppler's pdftotext is not installed")
        page = ["-x", "0", "-y", "0", "-W", "850", "-H", "787"]
        command = ["pdftotext", "-layout", "-enc", "UTF-8", *page, str(self.path), "-"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return one_line(re.sub("[\u202a-\u202e\u200b]", "", said))


def one_line(text):
    return " ".join(text.split())


@pytest.fixture
def folder(tmp_path):
    """Write a made-up sweep's folder, as a finished sweep leaves it."""

    def write(without=(), **about):
        folder = tmp_path / "a sweep"
        folder.mkdir()
        files = {}
        for name in set(PICTURES) - set(without):
            Image.new("RGB", (156, 58), "lightblue").save(folder / name)
            files[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        summary = made_sweep(**about).summary.model_copy(update={"files": files})
        (folder / "summary.json").write_text(summary.model_dump_json(), "utf-8")
        return folder, summary

    return write


@pytest.fixture
def made(tmp_path):
    """Run the program on a folder."""

    def make(*arguments):
        path = tmp_path / "made.pdf"
        command = [sys.executable, "-m", "report.pdf", *map(str, arguments), "--output", str(path)]
        return Made(path, subprocess.run(command, cwd=PROJECT, capture_output=True, text=True))

    return make


def test_it_has_every_section_in_the_order_asked_for(folder, made):
    text = made(folder()[0]).text
    places = [
        text.rindex(said)
        for said in (
            "Problem 1: The gradient of softmax regression",
            "2. The derivative of the softmax",
            "Code: softmax regression",
            "def gradient(W: Floats, b: Floats",
            "def sgd_epoch(",
            "def train(",
            "Test figures",
            "Figure 1: The final weights of each class",
            "Hyperparameters",
            "All runs: each line is a combination",
            "filtered to the runs of highest",
            "Analysis",
            "Problem 4: The chain rule through affine maps",
            ">>> Composition(L, x)[-1] array([0.])",
            "8. Any number of layers",
            "def gradients(L: Layers",
            "ComputeGradients = gradients",
        )
    ]
    assert places == sorted(places)


def test_the_figures_are_those_of_the_summary(folder, made):
    where, summary = folder()
    text = made(where).text
    low, high = summary.test_accuracy_95
    assert f"{summary.test_accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%}" in text
    for said in (
        summary.name,
        f"cross-entropy {summary.test_loss:.4f}",
        f"{summary.best.words}, of {summary.combinations} tried",
        f"best epoch {summary.best_epoch}",
        f"{summary.val_accuracy:.2%}",
        f"{summary.val_cross_entropy:.4f}, with its penalty {summary.val_loss:.4f}",
        f"accuracy {summary.baseline['test_accuracy']:.2%}, cross-entropy {summary.baseline['test_loss']:.4f}",
        *summary.analysis,
        *(f"{accuracy:.1%}" for accuracy in summary.class_accuracy.values()),
    ):
        assert one_line(said) in text


def test_names_of_all_kinds_are_text(folder, made):
    where, _ = folder(class_names=EVIL, name="<b> #sweep $1$")
    text = made(where, "--author", '*Ada* #1 "Lovelace"').text
    fonts = subprocess.run(["fc-list", ":charset=1f45f"], capture_output=True).stdout
    shown = EVIL if fonts else [name for name in EVIL if "👟" not in name]  # emoji are the system's
    for name in (*shown, "Sweep <b> #sweep $1$", '*Ada* #1 "Lovelace"'):
        assert one_line(name) in text


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"features": 13, "without": [WEIGHTS]}, "There is no picture of the weights"),
        ({"rates": (0.1,), "sizes": (8,), "alphas": (0.0,)}, "Only one combination was tried"),
        ({"lost": (0.1,)}, "12 tried, 4 diverged"),
        ({"classes": 100}, "The 40 of 100 classes that fare worst."),
        ({"class_names": ["n" * 300, "b"]}, "Test accuracy by class"),
    ],
    ids=["not square", "one combination", "some diverged", "many classes", "a long name"],
)
def test_sweeps_of_all_kinds_are_shown(folder, made, about, said):
    assert said in made(folder(**about)[0]).text


def test_the_same_sweep_gives_the_same_bytes(folder, made):
    where, _ = folder()
    first = made(where).path.read_bytes()
    assert made(where).path.read_bytes() == first


def test_all_mathematics_is_typeset_and_nothing_is_amiss(folder, made):
    made = made(folder()[0])
    assert made.run.stderr == ""  # where Pandoc and Typst would complain
    for remains in ("\\frac", "\\mathrm", "$", "#show", "```"):
        assert remains not in made.text


def test_examples_show_what_they_print_now():
    page = "# A page\n\n```python\n>>> for k in range(2):\n...     print(k)\n9\n>>> k + 1\n\n```\n\n`>>> 1`\n"
    assert ">>> for k in range(2):\n...     print(k)\n0\n1\n>>> k + 1\n2\n\n```\n\n`>>> 1`\n" in worked(page)


def test_the_page_of_examples_comes_out_as_it_stands():
    page = (PROJECT / "docs" / "chain_rule.md").read_text("utf-8")
    assert worked(page) == page


def altered(folder):
    (folder / "confusion.png").write_bytes(b"another")


def of_another_version(folder):
    path = folder / "summary.json"
    path.write_text(path.read_text("utf-8").replace('"best_epoch"', '"epoch"'), "utf-8")


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (lambda folder: (folder / "summary.json").unlink(), "no finished sweep is there; make sweep runs one"),
        (shutil.rmtree, "no finished sweep is there"),
        (of_another_version, "the summary is another version's, or altered (best_epoch)"),
        (lambda folder: (folder / "summary.json").write_text("{"), "altered (its text)"),
        (altered, "confusion.png: not the file that the sweep wrote"),
        (lambda folder: (folder / "learning_curves.png").unlink(), "learning_curves.png: cannot be read"),
    ],
    ids=["unfinished", "no folder", "another version", "no summary", "altered", "incomplete"],
)
def test_what_cannot_be_used_is_refused_in_one_line(folder, made, done, said):
    where, _ = folder()
    done(where)
    run = made(where).run
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stderr.startswith(str(where))
    assert run.stderr.count("\n") == 1


def test_where_it_cannot_be_written_another_place_is_asked_for(folder, tmp_path):
    where, _ = folder()
    command = [sys.executable, "-m", "report.pdf", where, "--output", tmp_path / "none" / "made.pdf"]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert run.returncode == 2
    assert run.stderr.endswith("(No such file or directory); name another file with --output\n")
