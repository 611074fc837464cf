"""The model of a sweep on new data: the same figures, and no answer to what it cannot know."""

import re
import textwrap

import numpy as np
import pandas as pd
import pytest

from execution.config import Execution
from experiment.config import Experiment
from experiment.data.new import examples
from experiment.data.own import own_data
from experiment.model import load_model, logits
from flows.sweep import sweep
from softmax.loss import accuracy, cross_entropy
from tests.conftest import PROJECT

GRID = {"learning_rates": (0.1,), "batch_sizes": (16,), "alphas": (0.0,), "max_epochs": 5}

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")


@pytest.fixture
def execution(tmp_path, prefect_server):
    return Execution(artifacts=tmp_path / "artifacts", wandb_mode="disabled")


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    kind = np.repeat(["cat", "dog", "class"], 40)
    frame = pd.DataFrame(
        {"size": rng.normal(np.repeat([0, 3, 6], 40), 1), "kind": kind, "fur": rng.choice(["long", "short"], 120)}
    )
    frame.to_csv(tmp_path / "animals.csv", index=False)
    return tmp_path / "animals.csv"


@pytest.fixture
def of_table(table, execution):
    sweep(Experiment(data=str(table), label="kind", **GRID), execution)
    return execution.artifacts / "sweeps" / "latest" / "model.npz"


def test_a_prediction_of_the_test_set_has_the_summarys_figures_exactly(digits, execution, typed, tmp_path):
    summary = sweep(Experiment(data_dir=digits, **GRID), execution)
    path = execution.artifacts / "sweeps" / "latest" / "model.npz"
    labels = np.load(digits / "fashion_mnist_test_labels.npy")
    model = load_model(path)
    found = logits(model.W, model.b, model.scaling, examples(digits, model.table))
    assert accuracy(found, labels) == summary.test_accuracy
    assert cross_entropy(found, labels) == summary.test_loss
    assert typed("predict", path, digits, "--output", tmp_path / "said.csv")[0] == 0
    said = pd.read_csv(tmp_path / "said.csv")
    assert np.mean(said["class"] == labels) == summary.test_accuracy
    probabilities = said.drop(columns="class").to_numpy()
    assert -np.log(probabilities[np.arange(len(labels)), labels]).mean() == pytest.approx(summary.test_loss, rel=1e-6)
    np.testing.assert_array_equal(probabilities.astype(np.float32), model.probabilities(
        np.load(digits / "fashion_mnist_test_images.npy")
    ))  # fmt: skip


def test_a_table_is_matched_by_name_with_its_label_or_without(of_table, table, typed, tmp_path):
    frame = pd.read_csv(table)
    frame[["fur", "size"]].to_csv(tmp_path / "new.csv", index=False)
    written = []
    for data in (table, tmp_path / "new.csv"):
        assert typed("predict", of_table, data, "--output", tmp_path / "said.csv")[0] == 0
        written.append((tmp_path / "said.csv").read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(b"class,cat,class,dog\n")
    assert np.mean(pd.read_csv(tmp_path / "said.csv")["class"] == frame["kind"]) > 0.7


def test_the_scaling_goes_with_the_model(of_table, table):
    data, model = own_data(table, "kind"), load_model(of_table)
    mean, deviation = data.arrays.train_images.mean(axis=0), data.arrays.train_images.std(axis=0)
    np.testing.assert_allclose(model.scaling.statistics, [mean, deviation], rtol=1e-12)
    z = (data.arrays.test_images - mean) / deviation @ model.W + model.b
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.probabilities(data.arrays.test_images), expected, rtol=1e-4)
    with np.load(of_table) as file:
        assert file["feature_names"].tolist() == ["size", "fur=long", "fur=short"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda frame: frame.drop(columns="fur"), "no column fur; give the columns that the model was trained on"),
        (lambda frame: frame.assign(size="big"), "column size holds 'big' in row 1, 2, 3, … .120 of 120., not numbers"),
        (lambda frame: frame.assign(size=[None] * 119 + [1]), "column size has no value in row 1"),
        (lambda frame: frame.assign(size=[1.0] * 119 + [1e300]), "row 120, feature 0: 1e.300 is beyond float32"),
    ],
)
def test_data_that_the_model_cannot_know_are_refused(of_table, table, typed, tmp_path, change, says):
    change(pd.read_csv(table)).to_csv(tmp_path / "new.csv", index=False)
    before = set(tmp_path.iterdir())
    code, said = typed("predict", of_table, tmp_path / "new.csv", "--output", tmp_path / "said.csv")
    assert code == 2
    assert re.search(says, said)
    assert set(tmp_path.iterdir()) == before


def test_other_features_are_refused(of_table, typed, tmp_path):
    np.save(tmp_path / "new.npy", np.zeros((5, 7)))
    code, said = typed("predict", of_table, tmp_path / "new.npy")
    assert (code, "7 features, the model was trained on 3; give those" in said) == (2, True)
    code, said = typed("predict", of_table, "wine")
    assert (code, "other features than the model was trained on" in said) == (2, True)


def test_a_model_that_is_truncated_altered_or_none_is_refused(of_table, table, typed, tmp_path):
    content, path = of_table.read_bytes(), tmp_path / "model.npz"
    with np.load(of_table) as file:
        arrays = dict(file)

    def refused():
        code, said = typed("predict", path, table)
        return code == 2 and str(path) in said and "give a sweep's model.npz" in said

    assert refused()
    for broken in (content[:-100], content[:200] + b"!" + content[201:], b"", b"\x80\x04K\x01."):
        path.write_bytes(broken)
        assert refused()
    for change in (
        {"b": arrays["b"][:-1]}, {"W": arrays["W"] * np.nan}, {"scaling": "magic"}, {"table": "[]{"},
        {"scaling_statistics": np.ones((2, 9))}, {"class_names": np.array(["one"])},
    ):  # fmt: skip
        np.savez(path, **arrays | change)
        assert refused(), change
    np.savez(path, weights=np.ones(3))
    assert refused()


def test_the_readmes_function_does_the_same(of_table, table, digits, execution):
    (code,) = re.findall(r"```python\n(.*?)```", (PROJECT / "README.md").read_text(), re.S)
    readme = {}
    exec(textwrap.dedent(code), readme)
    of_table = of_table.resolve()  # "latest" moves on
    of_digits = execution.model_copy(update={"name": "digits"})
    sweep(Experiment(data_dir=digits, **GRID), of_digits)
    paths = of_table, execution.artifacts / "sweeps" / "digits" / "model.npz"
    for path, given in zip(paths, (table, digits), strict=True):
        model = load_model(path)
        values = examples(given, model.table)
        np.testing.assert_allclose(readme["probabilities"](values, path), model.probabilities(values), rtol=1e-4)
