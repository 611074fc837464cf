"""The documents lead somewhere, and say of the code what it is."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from docs.architecture import PAGE, PICTURE, picture
from execution.config import Execution
from experiment.config import Experiment
from flows import __version__
from flows.__main__ import app
from flows.ui.settings import read
from tests.conftest import PROJECT

BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
ELSEWHERE = {  # languages of blocks that this file runs nothing of, and why
    "python": "run by the tests of the PDF, of predictions and of the command line",
    "math": "typeset by the tests of the PDF",
    "mermaid": "made from the code, below",
    "text": "what was printed",
    "ini": "read by systemd",
}
OTHERS = {  # programs that are not run here, and why
    "dask": "needs machines", "prefect": "needs a server's address and password", "openssl": "makes certificates",
    "python3": "makes an environment",
    "export": "sets variables", "for": "", "done": "",
}  # fmt: skip
LINK = re.compile(r"\]\(([^)#\s]+)[^)\s]*\)")


def documents():
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=PROJECT, capture_output=True, text=True).stdout.split()
    return listed or [str(path.relative_to(PROJECT)) for path in (*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"))]


@pytest.mark.parametrize("document", documents())
def test_every_link_leads_to_a_file(document):
    path = PROJECT / document
    links = LINK.findall(re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL))
    lost = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not lost


@pytest.mark.parametrize("document", documents())
def test_every_block_is_of_a_known_language_and_every_command_can_be_typed(document, tmp_path):
    targets = re.findall(r"^([\w.-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for language, text in BLOCK.findall((PROJECT / document).read_text("utf-8")):
        if language == "toml":
            (tmp_path / "sweep.toml").write_text(text, "utf-8")
            read(tmp_path / "sweep.toml", Experiment(), Execution())
            continue
        if language not in ("", "sh"):
            assert language in ELSEWHERE, f"{document}: say of what language this block is:\n{text}"
            continue
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        for line in text.splitlines():
            words = shlex.split(line, comments=True)
            command = [word for word in words if not re.match(r"(?!ARGS)[A-Z_]+=", word)]
            match command:
                case ["make", target, *rest]:
                    assert target in targets
                    typed = shlex.split(rest[0].removeprefix("ARGS=")) if target == "sweep" and rest else None
                case [".venv/bin/python", "-m", "flows", *typed] | ["sweeps/bin/softmax-sweep", *typed]:
                    pass
                case _:
                    typed = None
                    assert not command or Path(command[0]).name in OTHERS, line
            if typed is not None:
                app.parse_args([word for word in typed if word != "…"], exit_on_error=False, print_error=False)


def test_the_picture_of_the_house_is_that_of_the_code():
    found = PICTURE.search(PAGE.read_text("utf-8"))
    assert found
    assert found[0] == picture(), "run: .venv/bin/python -m docs.architecture"


def test_the_way_of_a_combination_takes_twelve_sentences():
    numbers = re.findall(r"^(\d+)\. .*?\.$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert numbers == [str(number) for number in range(1, 13)]


def test_the_version_is_one():
    assert yaml.safe_load((PROJECT / "CITATION.cff").read_text("utf-8"))["version"] == __version__
    assert f"## {__version__}" in (PROJECT / "CHANGELOG.md").read_text("utf-8")


def test_workflows_run_what_is_there():
    said = "".join(path.read_text("utf-8") for path in (PROJECT / ".github" / "workflows").glob("*.yml"))
    targets = re.findall(r"^([\w.-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"make (\w+)", said)) <= set(targets)
    tests = re.findall(r"tests/\S+\.py", said)
    assert tests
    assert [test for test in tests if not (PROJECT / test).exists()] == []
