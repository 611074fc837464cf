"""The steps before any training: data, scale, split, the check of the gradient."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from experiment.config import Experiment
from experiment.errors import DataError, Unreachable, WrongGradient
from experiment.results.split import Baseline, Fold, Split
from experiment.values import TrainingSet
from softmax import reference
from softmax.loss import inputs
from tasks.check_gradients import check_gradients
from tasks.download import download, may_succeed, source
from tasks.scale import scale
from tasks.split import split
from tests.tasks.conftest import fold_of


def test_a_users_files_are_named_by_their_content(call, run, digits):
    result, handle = call(download, source=source(Experiment(data_dir=digits)))
    images = np.load(digits / "fashion_mnist_train_images.npy")
    np.testing.assert_array_equal(run.open(result.train.images), images.reshape(-1, 64))
    assert result.info.picture == (8, 8)
    np.testing.assert_array_equal(run.open(result.test.labels), np.load(digits / "fashion_mnist_test_labels.npy"))
    assert result.info.class_names == tuple("0123456789")
    assert result.digests["test_images"] == result.test.images.digest
    assert handle.summary == {"train_examples": 1400, "test_examples": 397}


@pytest.mark.parametrize(
    ("error", "again"),
    [(Unreachable(), True), (RuntimeError(), True), (DataError(), False), (NotADirectoryError(), False)],
)
def test_only_what_may_pass_is_tried_again(error, again):
    assert may_succeed(None, None, SimpleNamespace(result=lambda raise_on_failure: error)) is again


def test_the_data_is_an_artifact_of_its_arrays_digests(call, digits):
    result, handle = call(download, source=source(Experiment(data_dir=digits)))
    (made,) = handle.artifacts_made
    assert {name: array.digest for name, array in made.contents.items()} == {
        f"{name}.npy": digest for name, digest in result.digests.items()
    }
    assert (made.name, made.kind) == ("own-data", "dataset")
    assert made.about["train_images"] == {"shape": [1400, 64], "dtype": "uint8"}
    assert made.about["class_names"] == list(result.info.class_names)
    named, _ = call(download, source=source(Experiment(data="wine")))
    assert named.artifact.name == "wine"


def test_nothing_in_the_result_tells_where_the_files_lay(call, digits):
    result, _ = call(download, source=source(Experiment(data_dir=digits)))
    assert str(digits.parent) not in result.model_dump_json()
    assert digits.name not in result.model_dump_json()


@pytest.mark.parametrize(
    ("images", "dtype"),
    [
        (np.arange(256, dtype=np.uint8).reshape(4, 64), np.uint8),
        (np.arange(256).reshape(4, 64), np.uint8),
        (np.arange(256.0).reshape(4, 64), np.uint8),
        (np.arange(0, 128, 0.5).reshape(4, 64), np.float32),
        (np.arange(300).reshape(4, 75), np.float32),
    ],
)
def test_grey_levels_become_inputs_about_zero_and_whole_ones_are_kept_in_a_byte(images, dtype, call, run, half):
    raw = TrainingSet(images=run.put(images), labels=run.put(np.arange(4)), classes=4)
    result, run = call(scale, raw=raw, split=half, picture=(8, 8), scaling="grey-levels")
    (fold,) = result.folds
    kept = run.open(fold.images)
    assert result.final.images == fold.images
    assert kept.dtype == dtype
    np.testing.assert_allclose(inputs(kept, np.float32), images / 255 - 0.5, atol=1e-6)
    assert (run.summary["min"], run.summary["max"]) == pytest.approx((-0.5, images.max() / 255 - 0.5), abs=1e-6)
    assert fold.labels == raw.labels


@pytest.fixture
def half(run):
    """Of four rows two to train on."""
    fold = Fold(train=run.put(np.array([2, 0])), validation=run.put(np.array([1, 3])))
    return Split(folds=(fold,), baseline=Baseline(accuracy=0.5, cross_entropy=1))


def test_selection_knows_nothing_of_the_validation_rows_and_the_final_model_all(call, run, half):
    def scaled(values):
        raw = TrainingSet(images=run.put(values), labels=run.put(np.arange(4)), classes=4)
        result, _ = call(scale, raw=raw, split=half, picture=None, scaling="auto")
        return run.open(result.folds[0].images), run.open(result.final.images)

    values = np.random.default_rng(0).normal(5, 3, (4, 3))
    changed = values.copy()
    changed[[1, 3]] *= 1e6
    selecting, final = scaled(values)
    rows = [2, 0]
    np.testing.assert_allclose(selecting, StandardScaler().fit(values[rows]).transform(values), rtol=1e-5)
    np.testing.assert_allclose(final, StandardScaler().fit_transform(values), rtol=1e-5)
    np.testing.assert_array_equal(scaled(changed)[0][rows], selecting[rows])
    assert not np.array_equal(scaled(changed)[1][rows], final[rows])


def test_each_fold_is_scaled_by_its_own_training_rows(call, run):
    values, folds = np.random.default_rng(0).normal(5, 3, (6, 3)), [[0, 1, 2, 3], [2, 3, 4, 5]]
    raw = TrainingSet(images=run.put(values), labels=run.put(np.arange(6)), classes=6)
    parts = Split(
        folds=tuple(Fold(train=run.put(np.array(rows)), validation=run.put(np.array([5]))) for rows in folds),
        baseline=Baseline(accuracy=0.5, cross_entropy=1),
    )
    result, _ = call(scale, raw=raw, split=parts, picture=None, scaling="auto")
    for fold, rows in zip(result.folds, folds, strict=True):
        expected = StandardScaler().fit(values[rows]).transform(values)
        np.testing.assert_allclose(run.open(fold.images), expected, rtol=1e-5)
        np.testing.assert_array_equal(run.open(fold.train), rows)
    np.testing.assert_allclose(run.open(result.final.images), StandardScaler().fit_transform(values), rtol=1e-5)


@pytest.mark.parametrize("stratify", [False, True])
def test_the_split_is_scikit_learns(call, run, training, stratify):
    result, handle = call(
        split, training=training, validation_fraction=0.2, seed=541, stratify=stratify, folds=1, repeats=1
    )
    strata = run.open(training.labels) if stratify else None
    train, validation = train_test_split(np.arange(300), test_size=0.2, random_state=541, stratify=strata)
    np.testing.assert_array_equal(run.open(result.folds[0].train), train)
    np.testing.assert_array_equal(run.open(result.folds[0].validation), validation)
    assert handle.summary == {"train_rows": 240, "validation_rows": 60}


def check(call, data):
    return call(check_gradients, data=data, seed=541)


def test_a_right_gradient_passes_with_its_errors(call, fold_data):
    result, handle = check(call, fold_data)
    assert result.relative_errors.keys() == {"formula", "numba", "numpy"}
    assert max(result.relative_errors.values()) < 1e-4
    assert handle.summary["relative_error_formula"] == result.relative_errors["formula"]


def test_a_gradient_that_penalises_the_bias_is_found(call, fold_data, monkeypatch):
    right = reference.gradient

    def wrong(W, b, images, labels, alpha):
        grad_W, grad_b = right(W, b, images, labels, alpha)
        return grad_W, grad_b + alpha * b

    monkeypatch.setattr(reference, "gradient", wrong)
    with pytest.raises(WrongGradient, match="numpy has a relative error"):
        check(call, fold_data)


def test_an_engine_that_drops_the_last_short_batch_is_found(call, fold_data, monkeypatch):
    whole = reference.sgd_epoch

    def wrong(W, b, images, labels, order, batch_size, *rest):
        return whole(W, b, images, labels, order[: len(order) // batch_size * batch_size], batch_size, *rest)

    monkeypatch.setattr(reference, "sgd_epoch", wrong)
    with pytest.raises(WrongGradient, match="numpy has a relative error"):
        check(call, fold_data)


@pytest.mark.parametrize("factor", [1e-6, 1, 30, 1e6, 1e9])
def test_inputs_of_any_size_give_no_false_alarm(call, run, parts, factor):
    rng = np.random.default_rng(0)
    images = (factor * rng.standard_normal((300, 64))).astype(np.float32)
    raw = TrainingSet(images=run.put(images), labels=run.put(np.arange(300) % 10), classes=10)
    result, _ = check(call, fold_of(raw, parts.folds[0]))
    assert max(result.relative_errors.values()) < 1e-5
