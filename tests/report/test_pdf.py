"""What the PDF to hand in says, as a reader of PDFs finds it there."""

import hashlib
import io
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from report.leaderboard import leaderboard
from report.pdf import typeset
from report.pdf.__main__ import main
from report.pdf.finished import LEADERBOARD, PICTURES, WEIGHTS
from report.pdf.listings import listings
from tests.conftest import PROJECT
from tests.report.page.made_sweep import made_sweep

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # without tokens, as is meant

EVIL = [
    "<script>alert(1)</script>",
    "\"quoted\" & 'that'",
    "#panic() $x$ *b* _u_ @ref `raw`",
    "[x] // /* \\ = ~ -- ...",
    "👟 emoji",
    "حذاء رياضي",
]


# As a strict grader would keep it: section of the PDF, the points asked for there, what shows each of them.
POINTS = {
    "Problem 1": {
        "model and loss": ["1. Model and objective", "plus a penalty on large weights"],
        "quotient rule": ["2. The derivative of the softmax", "The quotient rule gives"],
        "case l = k": ["Case l = k."],
        "case l ≠ k": ["Case l ≠ k."],
        "both cases by weights and biases": ["By weights and biases.", "the assignment's two intermediate results"],
        "gradient of the loss": [
            "3. The derivative of the loss by a logit",
            "6. All examples: the gradient, and the code",
        ],
    },
    "Problem 2": {
        "loading": ["tasks/download.py", "def download(", "fashion_mnist(run.downloads", "np.int64"],
        "splitting": ["experiment/data/split.py", "def split_rows("],
        "loss": ["def cross_entropy(", "def penalty(", "def loss(W: Floats, b: Floats"],
        "gradient": ["def gradient(W: Floats, b: Floats"],
        "stochastic gradient descent": ["def sgd_epoch(", "def train(", "def initial_parameters("],
        "early stopping": ["def finished(", "patience"],
        "loop over the grid": ["def combinations(", "points({**experiment.space", "for point in every", "search("],
        "selection": ["def rank(", "val_accuracy"],
        "retraining": ["def retrain("],
        "test": ["def evaluate(run: Run", "test_loss=cross_entropy(logits, labels)"],
        "test figures": ["Test figures", "accuracy 85.00%", "cross-entropy 0.4000"],
        "weights": ["The final weights of each class"],
    },
    "Problem 3 A": {
        "run with project and config": ["wandb.init(", '"project": execution.wandb_project', "config=config | ids"],
        "hyperparameters from the config": ["tracker.config[name] for name in settings", "run.settled(combination)"],
        "every epoch": ["class Metrics(", "run.log(values, step=row.epoch"],
        "epoch": ["epoch: int"],
        "train_loss": ["train_loss: float"],
        "val_loss": ["val_loss: float"],
        "val_accuracy": ["val_accuracy: float"],
        "summary": ["run.tracker.summarize( final_val_loss=", "final_val_accuracy=", "epochs_trained="],
    },
    "Problem 3 B": {
        "loop over the combinations": ["itertools.product(combinations,", "submit(execution, {job:", "step.map("],
        "final training and test as runs": ["final_training", "test_loss and test_accuracy"],
    },
    "Problem 3 C": {
        "all runs": ["All runs: each line is a combination"],
        "the best": ["filtered to the runs that rank best"],
        "written analysis": ["Importance, promising values, observations"],
        "advantages": ["Advantages of a systematic search", "All 12 combinations were given the same rows"],
    },
    "Problem 4": {
        "part 1": ["Part 1: f and g as affine maps", ">>> W1, b1 ="],
        "part 2": ["Part 2: One affine map", "AffineTransformation = affine", "def affine(W: ArrayLike"],
        "part 3": ["Part 3: A composition", "Composition = compose", "def compose(L: Layers"],
        "part 4": ["Part 4: The value alone", ">>> Composition(L, x)[-1] array([0.])"],
        "part 5": ["Part 5: The last layer's parameters", "array([[1., 1., 4.]])"],
        "part 6": ["Part 6: The last layer's input", "array([[ 1. , -2. , 0.25]])"],
        "part 7": ["Part 7: The first layer's parameters", "Bias.", "Weights.", "np.kron(x"],
        "part 8": ["Part 8: Any number of layers", "ComputeGradients = gradients", "def gradients(L: Layers"],
    },
}
CONVERTED = cache(typeset.markup)
HEADINGS = [*POINTS, "Problem 3:"]


class Made(NamedTuple):
    """A PDF, and what is in it."""

    path: Path
    run: subprocess.CompletedProcess[str]

    @property
    def text(self) -> str:
        """All text, row by row, with one space between words; the numbers of pages are cut off."""
        page = ["-x", "0", "-y", "0", "-W", "850", "-H", "787"]
        said = poppler("pdftotext", "-layout", "-enc", "UTF-8", *page, self.path, "-")
        return one_line(re.sub("[\u202a-\u202e\u200b]", "", said)).replace("’", "'")


def poppler(program: str, *arguments: object) -> str:
    if not shutil.which(program):
        pytest.skip(f"poppler's {program} is not installed")
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def one_line(text):
    return " ".join(text.split())


def written(folder, without=(), **about):
    """Write a made-up sweep's folder, as a finished sweep leaves it."""
    folder.mkdir()
    made = made_sweep(**about)
    for name in set(PICTURES) - set(without):
        Image.new("RGB", (156, 58), "lightblue").save(folder / name)
    leaderboard(made.ranking).to_csv(folder / LEADERBOARD, index=False)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    summary = made.summary.model_copy(update={"files": files})
    (folder / "summary.json").write_text(summary.model_dump_json(), "utf-8")
    return folder, summary


def run_on(path, *arguments):
    command = [sys.executable, "-m", "report.pdf", *map(str, arguments), "--output", str(path)]
    return Made(path, subprocess.run(command, cwd=PROJECT, capture_output=True, text=True))


def typed(path, *arguments):
    """The same in this process, where a page is converted once for all."""
    said = io.StringIO()
    command = ["report.pdf", *map(str, arguments), "--output", str(path)]
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(said), redirect_stdout(io.StringIO()):
        patch.setattr(sys, "argv", command)
        patch.setattr(typeset, "markup", CONVERTED)
        return Made(path, subprocess.CompletedProcess(command, main(), stderr=said.getvalue()))


@pytest.fixture
def folder(tmp_path):
    return partial(written, tmp_path / "a sweep")


@pytest.fixture
def made(tmp_path):
    """Type the command on a folder."""
    return partial(typed, tmp_path / "made.pdf")


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """The PDF of a sweep over a grid, and the sweep's summary."""
    where = tmp_path_factory.mktemp("usual")
    folder, summary = written(where / "a sweep")
    return run_on(where / "made.pdf", folder), summary


def test_every_point_of_the_assignment_is_found_under_its_heading(usual):
    made, _ = usual
    _, body = made.text.split("Every step from the model", 1)  # behind the table of contents
    body = "Problem 1 " + body
    places = sorted((body.rindex(f" {heading}") if heading != "Problem 1" else 0, heading) for heading in HEADINGS)
    assert [heading for _, heading in places] == sorted(HEADINGS, key=lambda heading: heading.replace(":", ""))
    ends = [place for place, _ in places[1:]] + [len(body)]
    sections = {heading: body[place:end] for (place, heading), end in zip(places, ends, strict=True)}
    lacking = [
        f"{heading}, {point}: {shown}"
        for heading, points in POINTS.items()
        for point, every in points.items()
        for shown in every
        if shown not in sections[heading]
    ]
    assert not lacking


def test_the_lines_are_those_of_the_sources(usual):
    made, _ = usual
    body = made.text
    for shown in listings((PROJECT / "report" / "pdf" / "submission.typ").read_text("utf-8")).values():
        file, numbers = shown["where"].split(", ", 1)
        lines = (PROJECT / file).read_text("utf-8").splitlines()
        first, last = re.findall(r"\d+", numbers)[:2]
        assert one_line(lines[int(first) - 1]) in body
        assert one_line(lines[int(last) - 1]) in body
        assert shown["where"] in body


def test_what_a_source_does_not_define_cannot_be_shown():
    with pytest.raises(LookupError, match=re.escape("softmax/loss.py does not define losses")):
        listings('#code("softmax/loss.py", "losses")[x]')


def test_code_is_printed_in_eight_points_or_more(usual):
    fonts = poppler("pdftohtml", "-xml", "-stdout", "-i", "-zoom", "1", usual[0].path)
    sizes = [int(size) for size in re.findall(r'size="(\d+)" family="\S*DejaVuSansMono', fonts)]
    assert min(sizes) == 8


def test_no_page_but_the_last_is_mostly_empty(usual):
    pages = poppler("pdftotext", "-bbox", usual[0].path, "-").split("<page ")[1:]
    lowest = [max(y for y in map(float, re.findall(r'yMax="([\d.]+)"', page)) if y < 787) for page in pages]
    assert len(lowest) > 15
    assert min(lowest[:-1]) > 842 / 2


def test_the_figures_are_those_of_the_summary(usual):
    made, summary = usual
    text = made.text
    low, high = summary.test_accuracy_95
    assert f"{summary.test_accuracy:.2%}, 95 % interval {low:.2%} to {high:.2%}" in text
    for said in (
        summary.name,
        f"cross-entropy {summary.test_loss:.4f}",
        summary.best.words,
        f"{summary.combinations} combinations",
        f"best epoch {summary.best_epoch}",
        f"{summary.val_accuracy:.2%}",
        f"{summary.val_cross_entropy:.4f}, with its penalty {summary.val_loss:.4f}",
        f"accuracy {summary.baseline['test_accuracy']:.2%}, cross-entropy {summary.baseline['test_loss']:.4f}",
        *summary.analysis,
        *(f"{scores.recall:.1%}" for scores in summary.class_scores.values()),
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
        ({"features": 13, "without": [WEIGHTS]}, "Figure 1: Confusion matrix"),
        ({"rates": (0.1,), "sizes": (8,), "alphas": (0.0,)}, "Only one combination was tried"),
        ({"lost": (0.1,)}, ", 4 diverged, "),
        ({"classes": 100}, "The 40 of 100 classes with the lowest accuracy."),
        ({"class_names": ["n" * 300, "b"]}, "Test accuracy by class"),
    ],
    ids=["no pictures", "one combination", "some diverged", "many classes", "a long name"],
)
def test_sweeps_of_all_kinds_are_shown(folder, made, about, said):
    assert said in made(folder(**about)[0]).text


def test_the_same_sweep_gives_the_same_bytes(usual, made):
    first, _ = usual
    assert made(first.path.with_name("a sweep")).path.read_bytes() == first.path.read_bytes()


def test_all_mathematics_is_typeset_and_nothing_is_amiss(usual):
    made, _ = usual
    assert made.run.stderr == ""  # where Pandoc and Typst would complain
    for remains in ("\\frac", "\\mathrm", "$", "#show", "```"):
        assert remains not in made.text


def altered(folder):
    (folder / "confusion.png").write_bytes(b"another")


def of_another_version(folder):
    path = folder / "summary.json"
    path.write_text(path.read_text("utf-8").replace('"best_epoch"', '"epoch"'), "utf-8")


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (lambda folder: (folder / "summary.json").unlink(), "no finished sweep; make sweep runs one"),
        (shutil.rmtree, "no finished sweep"),
        (of_another_version, "the summary has another version or was altered (best_epoch)"),
        (lambda folder: (folder / "summary.json").write_text("{"), "altered (not JSON)"),
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
    run = typed(tmp_path / "none" / "made.pdf", folder()[0]).run
    assert run.returncode == 2
    assert run.stderr.endswith("(No such file or directory); name another file with --output\n")
