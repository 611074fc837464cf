"""The steps after the trainings: select, evaluate, report."""

import io
from statistics import fmean, stdev

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss

from experiment.axes import Combination
from experiment.errors import EveryCombinationDiverged
from experiment.resampling import RESAMPLES, resamples
from experiment.results.dataset import DatasetInfo
from experiment.results.evaluation import Analysis, Evaluation, Importance
from experiment.results.report import Shown
from experiment.results.scaled import Scaled, ScalingRef
from experiment.results.selection import Gap
from experiment.results.split import Baseline, Fold, Split
from experiment.results.trained import Judged, Retrained, Trained, class_counts
from experiment.scores import calibration, class_scores
from experiment.search.ranking import candidates, with_pruned
from experiment.values import Artifact, TrainingSet
from tasks.evaluate import evaluate
from tasks.report import report
from tasks.select import select

NAMES = tuple("0123456789")
BASELINE = Baseline(accuracy=0.1, cross_entropy=2.3)


@pytest.fixture
def grey(run):
    return ScalingRef(kind="grey-levels", statistics=None, extremes=run.put(np.array([[0.0] * 64, [255.0] * 64])))


@pytest.fixture
def trained(run):
    """Make the result of a training: one learning rate, one seed, and the figures."""

    def make(rate, seed, accuracy=0.8, loss=0.5, epoch=5, diverged=False):
        rng = np.random.default_rng([int(1000 * rate), seed])
        return Trained(
            combination=Combination(learning_rate=rate, batch_size=8, alpha=0.1),
            seed=seed,
            identity=f"{rate:g}-{seed}",
            diverged=diverged,
            epochs_trained=epoch + 2,
            best_epoch=epoch,
            val_loss=None if diverged else loss + 9 - seed,
            val_cross_entropy=None if diverged else loss,
            ended=True,
            judged=None if diverged else judged(run, accuracy, loss),
            val_accuracy=None if diverged else accuracy,
            W=run.put(rng.standard_normal((64, 10)).astype(np.float32)),
            b=run.put(rng.standard_normal(10).astype(np.float32)),
            history=run.put(np.c_[np.arange(1, 4), rng.uniform(size=(3, 3))]),
        )

    return make


TRUE = np.arange(60) % 2


def judged(run, accuracy, loss):
    """Of 60 rows of two classes the first are right."""
    predicted = np.where(np.arange(60) < round(60 * accuracy), TRUE, 1 - TRUE).astype(np.uint8)
    losses = np.full(60, loss, np.float32)
    return Judged(counts=class_counts(TRUE, predicted, 2), predicted=run.put(predicted), losses=run.put(losses))


# ---- select


@pytest.fixture
def chosen(call, parts, run):
    def chosen(runs, select_by="val_accuracy", rungs=(), true=TRUE):
        labels = None if true is None else run.put(np.r_[np.zeros(240, int), true])
        every = candidates(runs)
        if rungs:
            every = [one.model_copy(update={"rung": rung}) for one, rung in zip(every, rungs, strict=True)]
        return call(select, candidates=with_pruned(every), split=parts, labels=labels, select_by=select_by)[0]

    return chosen


def order(chosen, runs, select_by="val_accuracy"):
    return rates(chosen(runs, select_by))


def rates(result):
    return [place.combination.learning_rate for place in result.places]


def gaps(result):
    return [place.gap for place in result.places]


def test_the_most_accurate_is_first_and_ties_go_to_the_lower_loss(chosen, trained):
    runs = [trained(0.1, 1, 0.8, 0.5), trained(0.2, 1, 0.9, 0.7), trained(0.3, 1, 0.9, 0.6), trained(0.4, 1, 0.8, 0.5)]
    assert order(chosen, runs) == [0.3, 0.2, 0.1, 0.4]
    assert order(chosen, runs, "val_loss") == [0.1, 0.4, 0.3, 0.2]


def test_several_seeds_count_by_their_mean(chosen, trained):
    runs = [trained(0.1, 1, 0.95), trained(0.1, 2, 0.65), trained(0.2, 1, 0.82), trained(0.2, 2, 0.82)]
    assert order(chosen, runs) == [0.2, 0.1]


def test_a_combination_that_diverged_under_any_seed_is_last(chosen, trained):
    runs = [trained(0.1, 1, 0.99), trained(0.1, 2, diverged=True), trained(0.2, 1, 0.1), trained(0.2, 2, 0.1)]
    assert order(chosen, runs) == [0.2, 0.1]


def test_if_all_diverged_there_is_nothing_to_select(chosen, trained):
    with pytest.raises(EveryCombinationDiverged, match="each of the 2 combinations diverged"):
        order(chosen, [trained(0.1, 1, diverged=True), trained(0.2, 1, diverged=True)])


def test_a_selection_holds_combinations_and_nothing_of_who_trained(chosen, trained):
    runs = [trained(0.1, 1), trained(0.2, 1)]
    result = chosen(runs)
    equal = Gap(difference=0, standard_error=0, within_noise=True)
    assert (rates(result), gaps(result)) == ([0.1, 0.2], [equal, equal])


def test_by_macro_f1_a_rare_class_counts_as_much(chosen, trained, run):
    true = (np.arange(60) >= 55).astype(int)  # five of the second class, which the second model has right among others
    runs, losses = [], run.put(np.ones(60, np.float32))
    for rate, said in ((0.1, np.zeros(60, np.uint8)), (0.2, (np.arange(60) >= 48).astype(np.uint8))):
        found = Judged(counts=class_counts(true, said, 2), predicted=run.put(said), losses=losses)
        runs.append(trained(rate, 1).model_copy(update={"judged": found}))
    for select_by, best in (("val_accuracy", 0.1), ("val_macro_f1", 0.2), ("val_balanced_accuracy", 0.2)):
        assert rates(chosen(runs, select_by, true=true))[0] == best


def test_while_halving_nothing_is_compared_and_at_last_not_those_pruned(chosen, trained):
    runs = [trained(0.1, 1, 0.8), trained(0.2, 1, 0.7).model_copy(update={"ended": False}), trained(0.3, 1, 0.6)]
    assert gaps(chosen(runs, rungs=[0, 0, 0], true=None)) == [None, None, None]
    result = chosen(runs, rungs=[1, 0, 0])
    compared = {place.combination.learning_rate: place.gap is not None for place in result.places}
    assert compared == {0.1: True, 0.2: False, 0.3: True}  # the third had ended


def test_differences_are_on_the_same_rows_and_none_where_diverged(chosen, trained, run):
    runs = [trained(0.1, 1, 0.8), trained(0.2, 1, diverged=True), trained(0.3, 1, 0.5)]
    result = chosen(runs)
    same, other, none = gaps(result)
    assert (same.difference, none) == (0, None)
    assert other.difference == pytest.approx(0.3)
    assert other.standard_error == pytest.approx(np.sqrt(18 - 18**2 / 60) / 60, rel=0.1)
    accuracies = run.open(result.resampled)
    assert accuracies.shape == (3, RESAMPLES)
    assert np.isnan(accuracies[2]).all()  # ranked: the one that diverged is last
    assert accuracies[1].mean() == pytest.approx(0.5, abs=0.01)


def test_with_folds_the_mean_over_them_counts(call, run, trained):
    rng, true = np.random.default_rng(0), np.arange(9) % 2
    rows = [np.arange(0, 2), np.arange(2, 9), np.arange(5, 9), np.arange(0, 5)]  # two folds, twice
    folds = [Fold(train=run.put(np.setdiff1d(np.arange(9), part)), validation=run.put(part)) for part in rows]
    parts = Split(folds=tuple(folds), repeats=2, baseline=BASELINE)
    right = rng.random((2, 4, 9)) < [[[0.9]], [[0.5]]]
    runs = []
    for rate, models in zip((0.1, 0.2), right, strict=True):
        for number, (part, model) in enumerate(zip(rows, models, strict=True), start=1):
            said = np.where(model[part], true[part], 1 - true[part]).astype(np.uint8)
            one = Judged(
                counts=class_counts(true[part], said, 2), predicted=run.put(said),
                losses=run.put(np.ones(len(part), np.float32)),
            )  # fmt: skip
            runs.append(trained(rate, 1).model_copy(update={"judged": one, "fold": number}))
    result, _ = call(select, candidates=candidates(runs), split=parts, labels=run.put(true), select_by="val_accuracy")
    on_folds = np.array([[model[part].mean() for part, model in zip(rows, each, strict=True)] for each in right])
    differences = on_folds[0] - on_folds[1]
    ratio = np.mean([len(part) / (9 - len(part)) for part in rows])
    assert rates(result) == [0.1, 0.2]
    assert gaps(result)[1].difference == pytest.approx(differences.mean())
    assert gaps(result)[1].standard_error == pytest.approx(np.sqrt((1 / 4 + ratio) * differences.var(ddof=1)))
    drawn = np.concatenate(list(resamples(9)), axis=1)
    size = {(k, row): len(part) for k, part in enumerate(rows) for row in part}
    for figures, model in zip(run.open(result.resampled), right, strict=True):
        expected = []  # of each repeat: the share of right rows, where each fold has the same weight
        for repeat in ((0, 1), (2, 3)):
            weights = [next(1 / size[k, row] for k in repeat if (k, row) in size) for row in range(9)]
            hits = [next(model[k, row] for k in repeat if (k, row) in size) for row in range(9)]
            expected.append((np.array(weights) * hits) @ drawn / (np.array(weights) @ drawn))
        np.testing.assert_allclose(figures, np.mean(expected, axis=0), rtol=1e-5)


def test_the_best_epoch_is_the_mean_over_the_seeds(trained):
    (candidate,) = candidates([trained(0.1, seed, epoch=epoch) for seed, epoch in enumerate((2, 9, 10))])
    assert candidate.best_epoch == round(fmean((2, 9, 10)))


# ---- evaluate


def retrained(run, W, b):
    """A final model with these parameters."""
    return Retrained(
        combination=Combination(learning_rate=0.1, batch_size=8, alpha=0.5), epochs=3, train_loss=1.0,
        W=run.put(W), b=run.put(b), history=run.put(np.zeros((3, 4))),
    )  # fmt: skip


def test_the_test_figures_are_scikit_learns_without_any_penalty(call, run, grey, training, test_set, inputs):
    rng = np.random.default_rng(0)
    W, b = rng.standard_normal((64, 10)).astype(np.float32), rng.standard_normal(10).astype(np.float32)
    model = retrained(run, W, b)
    result, handle = call(evaluate, model=model, scaling=grey, training=training, test=test_set)
    images, labels = inputs[0][300:500].astype(np.float64), inputs[1][300:500]
    e = np.exp(images @ W + b)
    predicted = e.argmax(axis=1)
    assert result.test_loss == pytest.approx(log_loss(labels, e / e.sum(axis=1, keepdims=True)), rel=1e-5)
    assert result.test_accuracy == accuracy_score(labels, predicted)
    np.testing.assert_array_equal(run.open(result.confusion), confusion_matrix(labels, predicted))
    assert handle.summary["test_loss"] == result.test_loss
    recalls = np.diag(confusion_matrix(labels, predicted, normalize="true"))
    assert [scores.recall for scores in result.class_scores] == pytest.approx(recalls)


def test_the_mistakes_kept_are_the_five_of_each_class_that_gave_it_least(call, run, grey, training, test_set, inputs):
    rng = np.random.default_rng(1)
    W, b = rng.standard_normal((64, 10)).astype(np.float32), np.zeros(10, np.float32)
    model = retrained(run, W, b)
    result, _ = call(evaluate, model=model, scaling=grey, training=training, test=test_set)
    images, labels = inputs[0][300:500].astype(np.float64), inputs[1][300:500]
    e = np.exp(images @ W)
    p = e / e.sum(axis=1, keepdims=True)
    expected = []
    for k in range(10):
        wrong = [row for row in range(200) if labels[row] == k != p[row].argmax()]
        expected += [(row, k, p[row].argmax(), p[row, k]) for row in sorted(wrong, key=lambda row: p[row, k])[:5]]
    np.testing.assert_allclose(run.open(result.mistakes), expected, rtol=1e-4)
    rows = run.open(result.mistakes)[:, 0].astype(int)
    np.testing.assert_array_equal(run.open(result.mistaken), run.open(test_set.images)[rows])


# ---- report

DATA = Artifact(name="digits", kind="dataset", contents={}, about={})


@pytest.fixture
def reported(call, run, grey, trained, parts):
    """Report on two combinations under two seeds. Gives the files, by name, and what went in."""
    runs = [
        trained(0.1, 1, 0.81, epoch=4), trained(0.1, 2, 0.79, epoch=8),
        trained(0.2, 1, 0.60), trained(0.2, 2, 0.62),
    ]  # fmt: skip
    ranking = candidates(runs)
    model = Retrained(
        combination=ranking[0].combination, epochs=6, train_loss=1.0, W=run.put(np.full((64, 10), 2, np.float32)),
        b=run.put(np.full(10, 3, np.float32)), history=run.put(np.zeros((6, 4))),
    )  # fmt: skip
    test = Evaluation(
        test_loss=0.4, test_accuracy=0.8, interval=(0.7, 0.9), baseline=BASELINE,
        class_scores=class_scores(np.eye(10, dtype=int)), calibration=calibration(np.ones(9), np.ones(9, bool)),
        correct=run.put(np.ones(9, bool)), confusion=run.put(9 * np.eye(10, dtype=int)),
        mistakes=run.put(np.zeros((0, 4))), mistaken=run.put(np.zeros((0, 64))),
    )  # fmt: skip
    examples = TrainingSet(images=model.W, labels=model.b, classes=10)
    scaled = Scaled(folds=(), fold_scaling=grey, final=examples, final_scaling=grey, description="")
    info = DatasetInfo(class_names=NAMES, picture=(4, 16))
    shown = Shown(
        info=info, data=DATA, split=parts, labels=run.put(np.r_[np.zeros(240, int), TRUE]), new=None, ranges=(),
        lbfgs=None, runs=(),
    )  # fmt: skip
    alpha = Importance(
        method="", shares={"alpha": 1.0}, intervals={"alpha": (1, 1)}, beyond_noise=(), lead=1, certain=True
    )
    analysed = Analysis(importance=alpha, paragraphs=("Alpha mattered.",))
    result, told = call(
        report, ranking=ranking, model=model, scaled=scaled, test=test, analysis=analysed, shown=shown
    )  # fmt: skip
    return {name: run.read(file) for name, file in result.files.items()}, runs, run.read(result.preview), told


def test_the_leaderboard_has_means_deviations_and_the_runs_it_was_told(reported):
    table = pd.read_csv(io.BytesIO(reported[0]["leaderboard.csv"]))
    assert table["val_accuracy"].tolist() == pytest.approx([0.80, 0.61])
    assert table["best_epoch"].tolist() == [6, 5]
    assert table["wandb_runs"].tolist() == ["0.1-1 0.1-2", "0.2-1 0.2-2"]


def test_the_model_has_the_final_and_the_validated_weights_each_under_its_name(reported, run):
    files, runs, *_ = reported
    with np.load(io.BytesIO(files["model.npz"]), allow_pickle=False) as model:
        assert (model["W"] == 2).all()
        assert (model["b"] == 3).all()
        np.testing.assert_array_equal(model["W_best_validation"], run.open(runs[0].W))
        np.testing.assert_array_equal(model["b_best_validation"], run.open(runs[0].b))
        assert float(model["best_epoch"]) == 6
        assert float(model["test_loss"]) == 0.4
        assert float(model["learning_rate"]) == 0.1
        assert model["class_names"].tolist() == list(NAMES)


def test_the_pictures_are_pictures_and_the_preview_a_small_one(reported):
    files, _, preview, _ = reported
    pictures = {name: content for name, content in files.items() if name.endswith(".png")}
    assert pictures.keys() == {"learning_curves.png", "parallel_coordinates.png", "confusion.png", "weights.png"}
    for content in (*pictures.values(), preview):
        assert content.startswith(b"\x89PNG")
    assert len(preview) < len(pictures["parallel_coordinates.png"]) / 2


def test_what_can_be_looked_at_is_what_was_written(reported):
    files, _, _, told = reported
    for name in ("learning_curves", "parallel_coordinates", "confusion", "weights"):
        assert told.shown[name] == files[f"{name}.png"]
    assert told.shown["leaderboard"].to_csv(index=False).encode() == files["leaderboard.csv"]
    assert told.shown["importance"] == {"alpha": 1.0}
    np.testing.assert_array_equal(told.shown["confusion_matrix"], 9 * np.eye(10, dtype=int))
    assert told.notes == ["Alpha mattered."]


def test_the_model_is_made_of_the_data(reported, run):
    files, _, _, told = reported
    assert told.artifacts_used == [DATA]
    (model,) = told.artifacts_made
    assert (model.name, model.kind, list(model.contents)) == ("digits-softmax", "model", ["model.npz"])
    assert run.read(model.contents["model.npz"]) == files["model.npz"]
    assert model.about["test_accuracy"] == 0.8


def test_the_summary_has_the_winners_mean_and_deviation_over_the_seeds(reported):
    summary = reported[3].summary
    assert summary["val_accuracy"] == pytest.approx(0.80)
    assert summary["val_accuracy_std"] == pytest.approx(stdev([0.81, 0.79]))
    assert summary["seeds"] == 2
    assert {"val_loss_std", "val_cross_entropy_std"} <= summary.keys()
