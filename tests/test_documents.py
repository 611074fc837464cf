"""The documents lead somewhere, and say of the code what it is."""

import re
import subprocess
import tomllib

import pytest
import yaml

from docs.architecture import PAGE, PICTURE, picture
from tests.conftest import PROJECT

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


def test_the_picture_of_the_house_is_that_of_the_code():
    found = PICTURE.search(PAGE.read_text("utf-8"))
    assert found
    assert found[0] == picture(), "run: .venv/bin/python -m docs.architecture"


def test_the_way_of_a_combination_takes_twelve_sentences():
    numbers = re.findall(r"^(\d+)\. .*?\.$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert numbers == [str(number) for number in range(1, 13)]


def test_the_version_is_one():
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert yaml.safe_load((PROJECT / "CITATION.cff").read_text("utf-8"))["version"] == version
    assert f"## {version}" in (PROJECT / "CHANGELOG.md").read_text("utf-8")


def test_workflows_run_what_is_there():
    said = "".join(path.read_text("utf-8") for path in (PROJECT / ".github" / "workflows").glob("*.yml"))
    targets = re.findall(r"^([\w.-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"make (\w+)", said)) <= set(targets)
    tests = re.findall(r"tests/\S+\.py", said)
    assert tests
    assert [test for test in tests if not (PROJECT / test).exists()] == []
