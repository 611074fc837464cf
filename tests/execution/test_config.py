import pytest
from pydantic import ValidationError

from execution.config import Execution, RunContext


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


def test_what_is_under_way_reaches_another_process_as_json(run_context):
    again = RunContext.model_validate_json(run_context.model_dump_json())
    assert again == run_context
    assert again.storage == run_context.storage
    assert again.state == run_context.state


def test_the_storage_is_the_same_whatever_the_root_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    one, *others = (Execution(artifacts=path).storage for path in ("here", tmp_path / "here", "~/here", "x/../here"))
    assert all(other == one for other in others)
