import pytest
from pydantic import ValidationError

from execution.config import Execution, Underway


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("workers", 0),
        ("wandb_mode", "sometimes"),
        ("wandb_project", " "),
        ("name", "../x"),
        ("name", "latest"),
        ("name", "n" * 101),
        ("batch_per_task", 0),
        ("checkpoint_seconds", -1),
        ("checkpoint_seconds", float("inf")),
        ("wandb_project", "a/b"),
    ],
)
def test_an_impossible_execution_is_refused_by_field(field, value):
    with pytest.raises(ValidationError) as refused:
        Execution.model_validate({field: value})
    assert refused.value.errors()[0]["loc"][0] == field


def test_what_is_under_way_reaches_another_process_as_json(underway):
    again = Underway.model_validate_json(underway.model_dump_json())
    assert again == underway
    assert again.storage == underway.storage
    assert again.state == underway.state


def test_the_storage_is_the_same_whatever_the_root_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    one, *others = (Execution(artifacts=path).storage for path in ("here", tmp_path / "here", "~/here", "x/../here"))
    assert all(other == one for other in others)
