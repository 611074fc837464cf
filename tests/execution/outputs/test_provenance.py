"""The commit in a sweep's summary is the project's own."""

import subprocess

import pytest

from execution.outputs import provenance


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "one")
    return tmp_path


def test_it_is_that_of_the_checkout_with_a_word_on_changes(repository, monkeypatch):
    monkeypatch.setattr(provenance, "PROJECT", repository)
    head = git(repository, "rev-parse", "HEAD")
    assert provenance.commit() == head
    (repository / "file").write_text("two")
    assert provenance.commit() == f"{head}+changes"
    work_tree = repository / "elsewhere"
    git(repository, "worktree", "add", work_tree)
    monkeypatch.setattr(provenance, "PROJECT", work_tree)
    assert provenance.commit() == head


def test_it_is_not_that_of_another_repository(repository, monkeypatch):
    unpacked = repository / "unpacked"
    unpacked.mkdir()
    monkeypatch.setattr(provenance, "PROJECT", unpacked)
    assert provenance.commit() is None
    for name, value in (("DIR", ".git"), ("WORK_TREE", ""), ("INDEX_FILE", ".git/index"), ("COMMON_DIR", ".git")):
        monkeypatch.setenv(f"GIT_{name}", str(repository / value))
    assert provenance.commit() is None
