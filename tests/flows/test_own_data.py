"""Data of all kinds by the default command: as accurate as scikit-learn's logistic regression, or within its error."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from execution.config import Execution
from experiment.config import Experiment
from experiment.data.own import own_data
from flows.sweep import sweep

DEBIANS = Path("/usr/share/datasets/fashion-mnist")
NAMED = ["digits", "iris", "wine", "breast_cancer"]


def blobs(change):
    """Three classes that overlap in two features, changed."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 400)
    centres = np.array([[0, 0], [2.5, 1], [1, 3]])
    return change(centres[labels] + rng.standard_normal((400, 2))), labels


def one_near_a_million(X):
    return np.c_[X[:, 0] * 3e5 + 1e6, X[:, 1]]


def fashion_mnist_in_0_to_1():
    """800 rows of Debian's package, if it is installed."""
    if not DEBIANS.exists():
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    pixels = np.frombuffer(gzip.decompress((DEBIANS / "train-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((DEBIANS / "train-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return pixels.reshape(-1, 784)[:800] / 255, labels[:800]


MADE = {
    "fashion_mnist_in_0_to_1": fashion_mnist_in_0_to_1,
    "digits_in_0_to_1": lambda: (datasets.load_digits().data / 16, datasets.load_digits().target),
    "features_near_1e-4": lambda: blobs(lambda X: 1e-4 * (X - 1)),
    "one_feature_near_1e6": lambda: blobs(one_near_a_million),
    "values_near_1.7e9": lambda: blobs(lambda X: X + 1.7e9),
    "values_beyond_float32": lambda: blobs(lambda X: X * 1e40),
}


@pytest.fixture
def execution(tmp_path, prefect_server):
    return Execution(artifacts=tmp_path / "artifacts", wandb_mode="disabled")


def saved(path, X, y):
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
    np.savez(path, x_train=X, y_train=y, x_test=X_test, y_test=y_test)
    return path


def better_of_scikit_learns(X, y, X_test, y_test):
    """Test accuracy of logistic regression, raw and standardized, whichever is better."""
    models = LogisticRegression(max_iter=2000), make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    with np.errstate(all="ignore"):
        return max(model.fit(X, y).score(X_test, y_test) for model in models)


def is_as_good(given, summary):
    arrays = own_data(given).arrays
    theirs = better_of_scikit_learns(*(np.asarray(array, float) if array.ndim == 2 else array for array in arrays))
    error = np.sqrt(theirs * (1 - theirs) / len(arrays.test_labels))
    print(f"{given}: ours {summary.test_accuracy:.1%}, scikit-learn {theirs:.1%}, error {error:.1%}")
    return summary.test_accuracy >= theirs - max(0.01, error)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.soak(2)
@pytest.mark.parametrize("name", [*NAMED, *MADE])
def test_by_the_default_command_data_of_all_kinds_are_learnt(execution, tmp_path, name):
    if name in NAMED:
        given, experiment = name, Experiment(data=name)
    else:
        given = saved(tmp_path / f"{name}.npz", *MADE[name]())
        experiment = Experiment(data=str(given))
    summary = sweep(experiment, execution)
    assert is_as_good(given, summary)
    assert summary.beats_baseline
