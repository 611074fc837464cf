"""What a cache key depends on, and what it does not."""

import gc
import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import create_model

from execution.cache import closure as closures
from execution.cache.key import key, plain, sources
from execution.config import Execution
from experiment.axes import Combination
from experiment.config import Experiment, Recipe
from experiment.results.scaled import Scaled, ScalingRef
from experiment.values import ArrayRef, TrainingSet
from tests.conftest import PROJECT

STEPS = sorted(path.stem for path in (PROJECT / "tasks").glob("[a-z]*.py"))
MODULES = sorted(
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
    for room in closures.FOLLOWED
    for path in (PROJECT / room).rglob("*.py")
)
REACH = Path(__file__).with_name("reach.json")
REF = ArrayRef(digest=f"sha256:{0:064}", shape=(1,), dtype="f")


CONTENTS = (closures.closure, closures.source_of, sources)


def forget(functions=(*CONTENTS, closures.imported_by)):
    for function in functions:
        function.cache_clear()


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of the sources, which the keys are made from."""
    for room in (*closures.FOLLOWED, "execution", "flows", "tests", "docs"):
        shutil.copytree(PROJECT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(closures, "PROJECT", tmp_path)
    forget()
    yield tmp_path
    forget()


def keys():
    forget(CONTENTS)
    return {step: key(f"tasks.{step}", {"seed": 1}) for step in STEPS}


def changed_by_touching(*paths, before=None):
    """Which steps have another key when some files have another content."""
    before, contents = before or keys(), [path.read_bytes() for path in paths]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content + b"\ntouched = True\n")
    after = keys()
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return {step for step in STEPS if before[step] != after[step]}


def test_touching_a_module_changes_the_keys_of_exactly_the_steps_that_reach_it(tree):
    reach = {step: set(closures.closure(f"tasks.{step}")) for step in STEPS}
    assert set.union(*reach.values()) <= set(MODULES)
    before = keys()
    for module in MODULES:
        path = tree.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        assert changed_by_touching(path, before=before) == {step for step in STEPS if module in reach[step]}, module


def test_a_steps_key_has_these_modules_and_no_others():
    """A row that grows makes a step run again when the new module is edited: look whether it has to."""
    kept = json.loads(REACH.read_text())
    assert {step: sorted(closures.closure(f"tasks.{step}")) for step in STEPS} == kept, (
        f"write the new rows to {REACH.name} if they are meant"
    )
    assert len(set.intersection(*map(set, kept.values()))) <= 4


def test_comments_docstrings_and_layout_change_no_key(tree):
    before = keys()
    for module in MODULES:
        path = tree.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        lines = re.sub(r'"""(?=[A-Z])', '"""Indeed: ', path.read_text()).replace("\n\n\n", "\n\n\n\n# a word\n\n")
        path.write_text(lines + "\n# touched\n")
    assert keys() == before


def test_a_new_setting_or_axis_with_a_default_trains_nothing_again(tree):
    training = {"combination": Combination(learning_rate=0.1, batch_size=8, alpha=0), "recipe": Experiment().recipe}
    before = key("tasks.train", training)
    for file, model, field in (("config", "Experiment(Grid)", "more"), ("axes", "Combination(Settings)", "wobble")):
        path = tree / "experiment" / f"{file}.py"
        path.write_text(
            re.sub(
                rf"(class {re.escape(model)}:\n(?s:.*?)\n\n)", rf"\1    {field}: int = 0\n", path.read_text(), count=1
            )
        )
        assert f"    {field}: int = 0" in path.read_text()
    forget()
    grown = create_model("Combination", __base__=Combination, wobble=(int, 0))
    same = training | {"combination": grown(**training["combination"].model_dump())}
    other = training | {"combination": grown(**training["combination"].model_dump(), wobble=1)}
    assert key("tasks.train", training) == before == key("tasks.train", same) != key("tasks.train", other)


def test_defaults_that_keys_leave_out_are_as_they_were_released():
    """Another default under the same name would take results of the old one for its own: rename the field instead."""
    kept = {"momentum": 0.0, "decay": "none", "optimizer": "sgd"}
    assert {name: field.default for name, field in Combination.model_fields.items() if not field.is_required()} == kept
    assert not [name for name, field in Recipe.model_fields.items() if not field.is_required()]


def test_a_changed_mean_over_seeds_makes_ranking_analysis_and_report_anew(tree):
    assert changed_by_touching(tree / "experiment" / "search" / "ranking.py") == {"select", "analyse", "report"}


def test_what_computes_and_what_tells_of_it_changes_no_key(tree):
    rooms = "execution/**/*.py", "flows/*.py", "docs/*.md", "tests/**/*.py"
    assert not changed_by_touching(*(path for room in rooms for path in tree.glob(room)))


def test_imports_count_wherever_they_run(tree):
    step = tree / "tasks" / "scale.py"
    content = step.read_text()

    def reaches(addition):
        step.write_text(content + addition)
        forget()
        return "experiment.data.own" in closures.closure("tasks.scale")

    assert not reaches("")
    assert reaches("\nimport experiment.data.own\n")
    assert reaches("\nfrom experiment.data import own\n")
    assert reaches("\ndef late():\n    from experiment.data.own import own_data\n")
    assert reaches("\ntry:\n    from experiment.data.own import own_data as x\nexcept ImportError:\n    pass\n")
    assert not reaches("\nif TYPE_CHECKING:\n    from experiment.data.own import own_data\n")
    assert reaches("\nif not TYPE_CHECKING:\n    from experiment.data.own import own_data\n")
    assert not reaches("\nif typing.TYPE_CHECKING:\n    import experiment.data.own\n")
    assert not reaches("\nfrom execution.prepare import check\n")


def test_two_flow_runs_in_one_process_may_look_at_once():
    def others_turn(*_):
        time.sleep(0)

    threshold = gc.get_threshold()
    gc.callbacks.append(others_turn)
    gc.set_threshold(20)  # garbage is collected while they parse
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(closures.imported_by.__wrapped__, 4 * MODULES))
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(others_turn)
    assert found == 4 * [closures.imported_by(module) for module in MODULES]


# ---- inputs


def of(**inputs):
    return key("tasks.scale", inputs)


def test_an_execution_is_left_out_by_its_type_whatever_it_is_called():
    one, other = Execution(workers=1), Execution(workers=2, wandb_mode="disabled")
    assert of(anything=one, seed=1) == of(anything=other, seed=1) == of(seed=1)
    assert of(execution=1) != of(execution=2)


@pytest.mark.parametrize("name", ["cached", "seconds", "execution", "identity", "run"])
def test_no_other_input_is_left_out_whatever_it_is_called(name):
    assert of(**{name: 1}) != of(**{name: 2})


def test_what_a_result_is_called_does_not_count_and_all_else_of_it_does():
    examples = TrainingSet(images=REF, labels=REF, classes=2)
    grey = ScalingRef(kind="grey-levels", statistics=None, extremes=REF)
    about = {"folds": (), "fold_scaling": grey, "final_scaling": grey, "description": ""}
    one, other = (Scaled(final=examples, identity=name, **about) for name in ("one", "other"))
    assert plain([one]) == plain([other])
    assert plain(one) != plain(
        Scaled(final=examples.model_copy(update={"labels": REF.model_copy(update={"dtype": "i"})}), **about)
    )
    assert plain(Combination(learning_rate=0.1, batch_size=8, alpha=0)) != plain(
        Combination(learning_rate=0.1, batch_size=8, alpha=0.1)
    )


def test_every_setting_of_an_experiment_counts():
    base = Experiment()
    for change in ({"patience": 3}, {"alphas": (0.0,)}, {"engine": "numpy"}, {"seeds": (1,)}, {"data_dir": "/x"}):
        assert plain(base) != plain(base.model_copy(update=change))


def test_the_code_digest_is_that_of_everything_the_steps_reach(tree):
    def digest():
        forget(CONTENTS)
        return closures.code_digest()

    before = digest()
    for path, counts in (("softmax/loss.py", True), ("report/pictures.py", True), ("experiment/data/split.py", True),
                         ("experiment/search/halving.py", True), ("report/text/verdict.py", False),
                         ("execution/steps/step.py", False)):  # fmt: skip
        content = (tree / path).read_bytes()
        (tree / path).write_bytes(content + b"\ntouched = True\n")
        assert (digest() != before) == counts, path
        (tree / path).write_bytes(content)
    assert digest() == before
