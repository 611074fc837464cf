"""What a picture says, read off the figure."""

import numpy as np
import pandas as pd
import pytest

from experiment.config import Experiment
from report import pictures
from report.parallel import parallel_coordinates

EXPERIMENT = Experiment()


def test_each_class_has_its_weights_under_its_name_in_the_shape_of_the_examples():
    W = np.random.default_rng(0).standard_normal((16, 3))
    figure = pictures.weights(W, ["one", "two", "three"], (2, 8))
    shown = {axis.get_title(): axis.images[0].get_array() for axis in figure.axes if axis.get_title()}
    assert list(shown) == ["one", "two", "three"]
    np.testing.assert_array_equal(shown["two"], W[:, 1].reshape(2, 8))


def test_the_curves_are_those_of_every_combination_and_the_best_is_thick():
    rng = np.random.default_rng(0)
    histories = {c: np.c_[np.arange(1, 6), rng.uniform(size=(5, 3))] for c in EXPERIMENT.combinations}
    best = EXPERIMENT.combinations[7]
    other = np.c_[np.arange(1, 9), rng.uniform(size=(8, 3))]
    figure = pictures.learning_curves(histories, best, others=[other])
    assert figure.get_suptitle().startswith("the first of 2 trainings")
    axes = np.array(figure.axes).reshape(2, 4)
    assert [axis.get_title() for axis in axes[0]] == ["α = 0", "α = 0.001", "α = 0.01", "the winner alone"]
    for row, column in zip(axes, (2, 3), strict=True):
        panels = [axis.collections[0] for axis in row[:3]]
        assert [len(curves.get_paths()) for curves in panels] == [12, 12, 12]
        thick = [
            path
            for curves in panels
            for path, width in zip(curves.get_paths(), curves.get_linewidths(), strict=True)
            if width > 2
        ]
        np.testing.assert_array_equal([path.vertices for path in thick], [histories[best][:, [0, column]]])
        np.testing.assert_array_equal(row[3].lines[0].get_xydata(), other[:, [0, column]])
        np.testing.assert_array_equal(row[3].lines[1].get_xydata(), histories[best][:, [0, column]])


def test_the_best_epoch_is_the_trainings_own_not_the_lowest_of_the_curve():
    history = np.array([[1, 0.5, 0.5, 0.5], [2, 0.4, 0.3, 0.5], [3, 0.3, 0.4, 0.5]])
    combination = EXPERIMENT.combinations[0]
    figure = pictures.learning_curves({combination: history}, combination, best_epoch=3)
    for axis in figure.axes[1::2]:
        assert [line.get_xdata()[0] for line in axis.lines if line.get_label() == "best epoch 3"] == [3]


def test_equal_curves_are_not_drawn_on_a_scale_of_rounding_errors():
    low, high = pictures.limits_of(np.array([0.826, 0.826 + 1e-12]), upwards=True)
    assert high - low == pytest.approx(0.002)


@pytest.mark.parametrize("rates", [1, 8, 9, 300])
def test_any_number_of_learning_rates_can_be_drawn(rates, tmp_path):
    combinations = Experiment(learning_rates=tuple(np.linspace(0.01, 1, rates))).combinations[:400]
    histories = {c: np.array([[1, 0.5, 0.5, 0.5], [2, np.nan, np.nan, 0.1]]) for c in combinations}
    figure = pictures.learning_curves(histories, combinations[0])
    figure.savefig(tmp_path / "curves.png")
    assert len(figure.legends[0].get_texts()) <= 14


def test_parallel_coordinates_show_all_that_ended_and_the_best_ten():
    rows = [
        c.model_dump() | {"val_accuracy": 0.8 - i / 100, "diverged": i > 30}
        for i, c in enumerate(EXPERIMENT.combinations)
    ]
    every, top = parallel_coordinates(pd.DataFrame(rows)).axes
    lines, best = (axis.collections[0].get_paths() for axis in (every, top))
    assert (len(lines), len(best)) == (31, 10)
    heights = [line.vertices[-1, 1] for line in lines]
    assert heights == pytest.approx(np.linspace(0, 1, 31))  # worst first, so that the best lie on top


def test_an_axis_not_in_the_table_is_not_drawn_and_categories_have_names():
    rows = [
        {"learning_rate": 0.1, "decay": decay, "val_accuracy": 0.8, "diverged": False} for decay in ("none", "cosine")
    ]
    every, _ = parallel_coordinates(pd.DataFrame(rows)).axes
    assert [label.get_text() for label in every.get_xticklabels()] == ["learning rate", "decay", "validation\naccuracy"]
    assert [text.get_text() for text in every.texts][:3] == ["0.1", "cosine", "none"]


def test_curves_are_told_apart_by_the_axes_that_vary():
    experiment = Experiment(batch_sizes=(8,), alphas=(0.0,), momentum=(0.0, 0.9), decay=("none", "cosine"))
    histories = {c: np.array([[1, 0.5, 0.5, 0.5], [2, 0.4, 0.4, 0.6]]) for c in experiment.combinations}
    figure = pictures.learning_curves(histories, experiment.combinations[0])
    assert [axis.get_title() for axis in figure.axes[:2]] == ["decay = cosine", "decay = none"]
    assert "momentum 0.9" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_an_axis_of_many_values_names_some_of_them():
    combinations = Experiment(learning_rates=tuple(np.linspace(0.01, 1, 300))).combinations
    rows = [c.model_dump() | {"val_accuracy": 0.8, "diverged": False} for c in combinations]
    every, _ = parallel_coordinates(pd.DataFrame(rows)).axes
    assert 10 < len(every.texts) < 40


def test_confusions_are_shares_of_the_true_class():
    axis = pictures.confusion(np.array([[3, 1], [0, 0]]), ["a", "b"]).axes[0]
    assert [text.get_text() for text in axis.texts] == ["75", "25"]


@pytest.mark.parametrize("classes", [62, 900])
def test_pictures_of_many_classes_stay_small_and_say_which_they_show(classes):
    counts = np.eye(classes, dtype=int) * 9
    counts[7, 8] = 5
    names = [f"class {k}" for k in range(classes)]
    confused, weighed = pictures.confusion(counts, names), pictures.weights(np.ones((4, classes)), names, (2, 2))
    for figure in (confused, weighed):
        assert max(figure.get_size_inches()) < 30
    (axis,) = confused.axes
    assert f"the 40 of {classes} classes" in confused.get_suptitle()
    assert "class 7" in [label.get_text() for label in axis.get_yticklabels()]
    assert "56" not in [text.get_text() for text in axis.texts]
    assert "36" in [text.get_text() for text in axis.texts]
    assert f"the first 40 of {classes} classes" in weighed.get_suptitle()


def test_numbers_stand_where_a_column_ends_and_a_row_begins(tmp_path):
    histories = {c: np.array([[1, 0.5, 0.5, 0.5], [900, 0.4, 0.4, 0.6]]) for c in EXPERIMENT.combinations}
    figure = pictures.learning_curves(histories, EXPERIMENT.combinations[0])
    figure.savefig(tmp_path / "curves.png")
    top, bottom = np.array(figure.axes).reshape(2, 4)

    def shown(labels):
        return [label.get_text() for label in labels if label.get_visible()]

    for axis in bottom:
        assert {"1", "3", "10", "30", "100", "300"} <= set(shown(axis.get_xticklabels()))
    assert [bool(shown(axis.get_xticklabels())) for axis in top] == [False] * 4
    for row in (top, bottom):
        assert [bool(shown(axis.get_yticklabels())) for axis in row] == [True, False, False, True]
        assert row[0].get_ylim() == row[1].get_ylim() == row[2].get_ylim()


@pytest.mark.parametrize("name", ["$\\frac{$", "$5 or $10", "a_b^c"])
def test_a_class_may_have_any_name(name, tmp_path):
    figure = pictures.confusion(np.eye(2, dtype=int), [name, "other"])
    figure.savefig(tmp_path / "confusion.png")
    assert figure.axes[0].get_xticklabels()[0].get_text() == name
    pictures.weights(np.eye(4)[:, :2], [name, "other"], (2, 2)).savefig(tmp_path / "weights.png")
