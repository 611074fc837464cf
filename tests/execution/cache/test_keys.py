"""What a cache key depends on, and what it does not."""

import gc
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from execution.cache import closure as closures
from execution.cache.key import key, plain, sources
from execution.config import Execution
from experiment.axes import Combination
from experiment.config import Experiment
from experiment.results.examples import TrainingSet
from experiment.results.scaled import Scaled, ScalingRef
from experiment.values import ArrayRef
from tests.conftest import PROJECT

STEPS = sorted(path.stem for path in (PROJECT / "tasks").glob("[a-z]*.py"))
MODULES = sorted(
    ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
    for room in closures.FOLLOWED
    for path in (PROJECT / room).rglob("*.py")
)
REF = ArrayRef(digest="sha256:0", shape=(1,), dtype="f")


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
        path.write_bytes(content + b"\n# touched\n")
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


def test_the_reach_of_the_steps_is_what_one_would_think(tree):
    reach = {step: set(closures.closure(f"tasks.{step}")) for step in STEPS}
    assert all("tasks" in modules for modules in reach.values())  # the package around a step
    for step in ("train", "retrain", "check_gradients"):
        assert {"softmax.kernels", "softmax.reference", "softmax.loss"} <= reach[step]
    for step in set(STEPS) - {"report"}:
        assert not {module for module in reach[step] if module.startswith("report")}
    assert {"report.leaderboard", "report.pictures", "experiment.search.ranking"} <= reach["report"]
    assert "experiment.search.ranking" in reach["select"]
    assert "experiment.search.ranking" not in reach["train"]
    assert "softmax.kernels" not in reach["evaluate"]


def test_a_changed_mean_over_seeds_makes_ranking_and_report_anew(tree):
    assert changed_by_touching(tree / "experiment" / "search" / "ranking.py") == {"select", "report"}


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
    examples = TrainingSet(images=REF, labels=REF)
    grey = ScalingRef(kind="grey-levels", statistics=None)
    about = {"train_scaling": grey, "final_scaling": grey, "final": examples, "said": ""}
    one, other = (Scaled(train=examples, identity=name, **about) for name in ("one", "other"))
    assert plain([one]) == plain([other])
    assert plain(one) != plain(
        Scaled(train=examples.model_copy(update={"labels": REF.model_copy(update={"dtype": "i"})}), **about)
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
                         ("report/text/terminal.py", False), ("execution/steps/step.py", False)):  # fmt: skip
        content = (tree / path).read_bytes()
        (tree / path).write_bytes(content + b"\n# touched\n")
        assert (digest() != before) == counts, path
        (tree / path).write_bytes(content)
    assert digest() == before
