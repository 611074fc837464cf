"""The model of a sweep on new data: the same figures, and no answer to what it cannot know."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from execution import prepare
from execution.config import Execution
from experiment.config import Experiment
from experiment.data import tables
from experiment.data.own import examples, own_data
from experiment.data.scaling import fit, logits
from experiment.errors import DataError
from experiment.model import Model, load
from flows.sweep import sweep
from softmax.loss import accuracy, cross_entropy
from tests.conftest import PROJECT

GRID = {
    "decay": ("none",),
    "folds": 1,
    "learning_rates": (0.1,),
    "batch_sizes": (16,),
    "alphas": (0.0,),
    "max_epochs": 5,
}

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
    model = load(path)
    found = logits(model.W, model.b, model.scaling, examples(digits, model.table)[0])
    assert accuracy(found, labels) == summary.test_accuracy
    assert cross_entropy(found, labels) == summary.test_loss
    assert typed("predict", path, digits, "--output", tmp_path / "said.csv")[0] == 0
    said = pd.read_csv(tmp_path / "said.csv")
    assert np.mean(said["class"] == labels) == summary.test_accuracy
    probabilities = said.drop(columns="class").to_numpy()
    assert -np.log(probabilities[np.arange(len(labels)), labels]).mean() == pytest.approx(summary.test_loss, rel=1e-6)
    images = np.load(digits / "fashion_mnist_test_images.npy")
    for same in (images, images.reshape(-1, 64)):
        np.testing.assert_array_equal(probabilities.astype(np.float32), model.probabilities(same))


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


def test_further_columns_are_ignored_or_kept_and_no_text_is_a_formula(of_table, table, typed, tmp_path):
    frame = pd.read_csv(table).assign(
        owner=[f"=HYPERLINK({i})" for i in range(120)], number=[f"{i:04d}" for i in range(120)]
    )
    frame.loc[3:5, "fur"] = "curly"
    frame.to_csv(tmp_path / "new.csv", index=False)
    written = []
    for column in ("owner", "number"):
        code, said = typed("predict", of_table, tmp_path / "new.csv", "--output", tmp_path / "said.csv", "--id", column)
        assert code == 0
        assert "column fur has 'curly' in row 4, 5, 6, a category that the model was not trained on and ignores" in said
        written.append((tmp_path / "said.csv").read_text().splitlines())
    assert written[0][0] == "owner,class,cat,class,dog"
    assert [line.split(",")[0] for line in written[0][1:]] == [f"'=HYPERLINK({i})" for i in range(120)]
    assert [line.split(",")[0] for line in written[1][1:]] == frame["number"].tolist()
    code, said = typed("predict", of_table, tmp_path / "new.csv", "--id", "owners")
    assert (code, "no column owners" in said, "did you mean owner?" in said) == (2, True, True)


def test_of_a_test_table_without_labels_the_sweep_has_predictions(table, execution, typed, tmp_path, monkeypatch):
    frame = pd.read_csv(table).sample(frac=1, random_state=0)
    frame.loc[frame.sample(30, random_state=1).index, "size"] = np.nan
    (tmp_path / "set").mkdir()
    frame[:90].to_csv(tmp_path / "set/train.csv", index=False)
    frame[90:].drop(columns="kind").to_csv(tmp_path / "set/test.csv", index=False)
    read, parsed = tables.read_table, []
    monkeypatch.setattr(tables, "read_table", lambda path: parsed.append(path.name) or read(path))
    experiment = Experiment(data=str(tmp_path / "set"), label="kind", missing="mean", **GRID)
    prepare.check(experiment, execution)
    summary = sweep(experiment, execution)
    assert sorted(parsed) == ["test.csv", "train.csv"]  # once each
    assert (
        "test.csv has no labels: predictions.csv will contain the predictions for its 30 rows; 23 of 90" in summary.data
    )
    latest = execution.artifacts / "sweeps" / "latest"
    assert typed("predict", latest / "model.npz", tmp_path / "set", "--output", tmp_path / "said.csv")[0] == 0
    assert (latest / "predictions.csv").read_bytes() == (tmp_path / "said.csv").read_bytes()


def test_the_scaling_goes_with_the_model(of_table, table):
    data, model = own_data(table, "kind"), load(of_table)
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
    assert (code, "7 features, but the model was trained on 3; give the same" in said) == (2, True)
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


def test_what_the_readme_says_in_python_runs(of_table, table, tmp_path, monkeypatch):
    (block,) = re.findall(
        r"^```python\n(.*?)^```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    monkeypatch.chdir(tmp_path)  # where the artifact root is
    exec(block, {"frame_or_array": pd.read_csv(table).drop(columns="kind")})


LOADED = """
import sys
from experiment.data.scaling import fit
from experiment.errors import DataError
from experiment.model import Model, load
load(sys.argv[1]).probabilities(__import__("numpy").zeros((2, 3)))
print(*{"prefect", "wandb", "execution", "flows"} & sys.modules.keys())
"""


def test_a_model_is_used_without_prefect_or_wandb(of_table):
    ended = subprocess.run([sys.executable, "-c", LOADED, of_table], capture_output=True, text=True, cwd=PROJECT)
    assert (ended.stdout, ended.returncode) == ("\n", 0), ended.stderr


@pytest.mark.parametrize("kind", ["standardize", "two classes", "grey-levels", "unit", "none"])
def test_as_a_model_of_scikit_learns_it_says_the_same(kind):
    rng = np.random.default_rng(0)
    c, scaling = (2, "standardize") if kind == "two classes" else (3, kind)
    values = rng.uniform(0, 255 if kind == "grey-levels" else 1, (50, 6))
    values[:, 4] = 0.7  # constant: has no part in it, whatever its weight
    names = tuple(f"class {k}" for k in range(c))
    W, b = rng.normal(size=(6, c)).astype(np.float32), rng.normal(size=c).astype(np.float32)
    model = Model(W, b, fit(scaling, values), names, None, (2, 3) if kind == "grey-levels" else None)
    theirs = model.to_sklearn()
    assert theirs.predict(values).tolist() == model.predict(values).tolist()
    np.testing.assert_allclose(theirs.predict_proba(values), model.probabilities(values), rtol=1e-4, atol=1e-6)


def test_probabilities_are_finite_however_large_a_feature_is():
    values = np.random.default_rng(0).normal(size=(50, 3))
    W = np.array([[3, -2], [-1, 4], [2, 2]], np.float32)
    model = Model(W, np.zeros(2, np.float32), fit("none", values), ("a", "b"), None, None)
    with pytest.warns(UserWarning, match="3 of 3 rows have values far outside the training range"):
        found = model.probabilities(np.array([[3e38, -3e38, 0], [-3e38, 3e38, 1], [2e38, 1e38, 2e38]]))
    np.testing.assert_array_equal(found, [[1, 0], [0, 1], [1, 0]])
    with pytest.raises(DataError, match=r"row 2, feature 1: 1e\+39 is beyond float32"):
        model.of_features(np.array([[1, 1, 1], [1, 1e39, 1]]))


def test_a_frame_is_read_by_its_columns_names(of_table, table):
    frame, model = pd.read_csv(table), load(of_table)
    shuffled = frame[["fur", "kind", "size"]].set_index(np.arange(7, 127))
    expected = model.of_features(examples(table, model.table)[0])
    np.testing.assert_array_equal(model.probabilities(shuffled), expected)
    assert np.mean(model.predict(frame) == frame["kind"]) > 0.7


def test_pictures_and_a_single_one_of_them_are_known_by_their_shape():
    values = np.random.default_rng(0).uniform(0, 255, (50, 6))
    W = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    model = Model(W, np.zeros(3, np.float32), fit("grey-levels", values), ("a", "b", "c"), None, (2, 3))
    expected = model.probabilities(values)
    np.testing.assert_array_equal(model.probabilities(values.reshape(50, 2, 3)), expected)
    for one in (values[0], values[0].reshape(2, 3)):
        np.testing.assert_array_equal(model.probabilities(one), expected[:1])
    with pytest.raises(DataError, match=r"pictures of 3 × 2, but the model was trained on pictures of 2 × 3"):
        model.probabilities(values.reshape(50, 3, 2))
    with pytest.raises(DataError, match="multiply them by 255"):
        model.probabilities(values / 255)


def test_a_model_of_another_version_is_refused(of_table, tmp_path):
    with np.load(of_table) as file:
        earlier = {name: array for name, array in file.items() if name not in ("format", "scaling_extremes", "picture")}
    np.savez(tmp_path / "model.npz", **earlier)
    with pytest.raises(DataError, match="another version of this program; run its sweep again"):
        load(tmp_path / "model.npz")
