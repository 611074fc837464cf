"""The written analysis, each kind of sentence against the table of made-up sweeps of all kinds."""

import re

import numpy as np
import pandas as pd
from hypothesis import assume, event, given
from hypothesis import strategies as st

from experiment.axes import AXES, axes_of
from experiment.results.split import Baseline
from tests.made_up import combination
from tests.report.rankings import made, sweeps

LABELS = {axis.label: name for name, axis in AXES.items()}
WHICH = "|".join(LABELS)
VALUE = r"[\de.+-]*\d"


def table_of(ranking):
    rows = [
        {
            **candidate.combination.model_dump(),
            "accuracy": candidate.val_accuracy,
            "diverged": candidate.diverged,
            "near": place == 0 or bool(candidate.gap and candidate.gap.within_noise),
        }
        for place, candidate in enumerate(ranking)
    ]
    return pd.DataFrame(rows)


@given(sweeps())
def test_what_mattered_most_is_what_the_variance_says_and_leads_on_other_rows(sweep):
    found, text = sweep.importance(), sweep.said()
    claim = re.search(rf"({WHICH}) mattered most: alone it explains (\d+)%", text, re.I)
    event(f"claim: {bool(claim)}")
    assert ("mattered most is uncertain" in text) == bool(found and any(found.shares.values()) and not found.certain)
    if claim:
        name = LABELS[claim[1][0].lower() + claim[1][1:]]
        alone = {axis: found.shares[axis] for axis in AXES if axis in found.shares}
        assert alone[name] == max(alone.values())
        assert int(claim[2]) == round(100 * alone[name])
        table = table_of(sweep.ranking)
        if not table["diverged"].any():
            accuracy = np.column_stack([table["accuracy"], sweep.samples])
            spreads = {
                axis: pd.DataFrame(accuracy).groupby(table[axis]).transform("mean").var(ddof=0) for axis in alone
            }
            assert np.mean([spreads[name][1:] >= spreads[axis][1:] for axis in alone]) >= 0.95


def test_a_category_is_spoken_of_by_its_name_and_has_no_edge():
    runs = {
        combination(rate, decay=decay): 0.5 + 0.3 * (decay == "cosine") + rate
        for rate in (0.1, 0.2)
        for decay in ("none", "cosine")
    }
    text = made(list(runs), [np.arange(1000) < round(1000 * accuracy) for accuracy in runs.values()]).said()
    assert "Decay mattered most" in text
    assert "The bundle of lines through decay cosine ends above all others" in text
    assert "Of batch size and α only one value was tried" in text
    assert "momentum" not in text
    assert re.search(r"Not tried, and next to the promising values: learning rate above 0\.2\.", text)


@given(sweeps())
def test_medians_by_value_are_the_tables(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    found = re.search(rf"the lines through ({WHICH}) ({VALUE}) end in the median at ({VALUE})%(.*?%)\.", text)
    if not found:
        return
    medians = table[~table["diverged"]].groupby(LABELS[found[1]])["accuracy"].median()
    said = [(found[2], found[3]), *re.findall(rf"those through ({VALUE}) at ({VALUE})%", found[4])]
    assert {float(value): float(median) for value, median in said} == {
        float(f"{value:g}"): float(f"{100 * median:.2f}") for value, median in medians.items()
    }


@given(sweeps())
def test_how_many_are_within_noise_is_counted(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    assume(len(table) > 1 and not table["diverged"].all())
    near, others = int(table["near"].sum()) - 1, int((~table["diverged"]).sum()) - 1
    assume(others)
    found = re.search(r"([^.]*) within noise of the best in accuracy \(95 %, all compared at once on the same", text)
    event(f"others: {min(others, 3)}, near: {near}")
    ended = " that trained to the end" if others < len(table) - 1 else ""
    assert found[1].strip().lower() == {
        (1, others): f"1 of the {others} others{ended} is",
        (0, others): f"none of the {others} others{ended} is",
        (others, others): f"all {others} others{ended} are",
        (0, 1): f"the other combination{ended} is not",
        (1, 1): f"the other combination{ended} is",
        (0, 2): f"neither of the 2 others{ended} is",
        (2, 2): f"both others{ended} are",
    }.get((near, others), f"{near} of the {others} others{ended} are")


@given(sweeps())
def test_a_value_called_promising_is_that_of_those_near_the_top(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    near = table[table["near"] & ~table["diverged"]]
    kept = table[~table["diverged"]]
    for label in re.findall(rf"every value of ({WHICH}) that was tried gets there", text):
        assert set(near[LABELS[label]]) == set(kept[LABELS[label]])
    for label, value in re.findall(rf"(?:it has|all of them have) ({WHICH}) ({VALUE})", text):
        assert {f"{found:g}" for found in near[LABELS[label]]} == {value}
    for label, values in re.findall(rf"they have ({WHICH}) ({VALUE}(?:, {VALUE})* or {VALUE})", text):
        assert {f"{found:g}" for found in near[LABELS[label]]} == set(re.findall(VALUE, values))


@given(sweeps())
def test_what_was_not_tried_lies_beyond_what_was(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    kept = table[~table["diverged"]]
    for label, side, value in re.findall(rf"({WHICH}) (above|below) ({VALUE})(?=[,.]| and)", text):
        tried = kept[LABELS[label]]
        assert f"{tried.max() if side == 'above' else tried.min():g}" == value
        assert set(kept[kept["near"]][LABELS[label]]) == {tried.max() if side == "above" else tried.min()}
    for label, value in re.findall(rf"({WHICH}) between 0 and ({VALUE})", text):
        assert f"{sorted(set(kept[LABELS[label]]))[1]:g}" == value
        assert set(kept[kept["near"]][LABELS[label]]) == {0}


@given(sweeps())
def test_those_that_diverged_are_counted_and_what_only_they_have_is_named(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    lost, kept = table[table["diverged"]], table[~table["diverged"]]
    if lost.empty or kept.empty or len(table) == 1:
        assert ("All" in text and "diverged" in text) == (kept.empty and len(table) > 1)
        return
    assert f"{len(lost)} of {len(table)} combinations diverged" in text
    clause = re.search(r"combinations diverged; (.*?) never converged", text)
    for label, values in re.findall(rf"({WHICH}) ({VALUE}(?:(?:, | or ){VALUE})*)", clause[1] if clause else ""):
        for value in re.findall(VALUE, values):
            assert value in {f"{found:g}" for found in lost[LABELS[label]]}
            assert value not in {f"{found:g}" for found in kept[LABELS[label]]}


@given(sweeps())
def test_bundles_that_end_above_all_others_do_on_other_rows_too(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    if found := re.search(rf"bundle (of lines )?through ({WHICH}) ({VALUE}) (ends above|reaches highest)", text):
        event(found[4])
        kept = (~table["diverged"]).to_numpy()
        mine = (table[LABELS[found[2]]].map("{:g}".format) == found[3]).to_numpy()
        for accuracy in (table["accuracy"].to_numpy()[:, None], sweep.samples):
            lowest, others = accuracy[kept & mine].min(axis=0), accuracy[kept & ~mine].max(axis=0)
            assert np.mean(lowest > others if found[4] == "ends above" else lowest < others) >= 0.95
            assert np.mean(accuracy[kept & mine].max(axis=0) >= others) >= 0.95
        assert set(mine[table["near"]]) == {True}


@given(sweeps())
def test_lines_that_are_said_to_cross_cross_on_other_rows_too(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    pattern = rf"on average ({WHICH}) ({VALUE}) is best with ({WHICH}) ({VALUE}), and ({VALUE}) with ({VALUE})"
    found = re.search(pattern, text)
    event(f"crossing: {bool(found)}")
    if not found:  # most
        return
    first, second = (table[LABELS[found[place]]].map("{:g}".format) for place in (1, 3))
    assert found[2] != found[5]
    for best, other in ((found[2], found[4]), (found[5], found[6])):
        for accuracy in (table[["accuracy"]], pd.DataFrame(sweep.samples)):
            means = accuracy[second == other].groupby(first[second == other]).mean()
            assert (means.loc[best] >= means.max()).mean() >= 0.95


@given(sweeps())
def test_what_the_best_ten_share_they_share(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    top = table[~table["diverged"]].head(10)
    for label, value in re.findall(rf"best 10 all go through ({WHICH}) ({VALUE})", text):
        assert {f"{found:g}" for found in top[LABELS[label]]} == {value}
    if found := re.search(r"spread over every value of (.*?)\.", text):
        for label in re.findall(WHICH, found[1]):
            assert set(top[LABELS[label]]) == set(table[~table["diverged"]][LABELS[label]])


@given(sweeps())
def test_of_what_was_not_varied_nothing_is_said(sweep):
    table, text = table_of(sweep.ranking), sweep.said()
    assume(len(table) > 1 and not table["diverged"].all())
    tried = axes_of(candidate.combination for candidate in sweep.ranking)
    fixed = [axis.label for name, axis in tried.items() if table[name].nunique() == 1]
    assert ("only one value was tried" in text) == bool(fixed)
    for label in fixed:
        assert text.count(label) == 1


@given(sweeps())
def test_it_is_two_or_three_paragraphs_of_whole_sentences(sweep):
    paragraphs = sweep.paragraphs()
    assert 1 <= len(paragraphs) <= 3
    for paragraph in paragraphs:
        assert paragraph.endswith(".")
        assert "  " not in paragraph
        assert ".." not in paragraph
        assert "nan" not in paragraph


@given(sweeps(), st.integers(1, 5))
def test_of_a_halved_sweep_it_claims_nothing_that_needs_all_at_their_end(sweep, kept):
    combinations = [one.combination for one in sweep.ranking]
    assume(len(combinations) > kept and not sweep.ranking[0].diverged)
    lost = {at for at, one in enumerate(sweep.ranking) if one.diverged}
    pruned = set(range(kept, len(combinations))) - lost
    assume(pruned)
    right = [np.arange(99) < 99 * one.val_accuracy for one in sweep.ranking]
    halved = made(combinations, right, lost=lost, pruned=pruned)
    assert halved.importance() is None
    text = halved.said()
    assert f"Halving pruned {len(pruned)} of {len(combinations)} combinations" in text
    for claim in ("mattered most:", "end in the median", "bundle", "best on average", "Not tried", "The best 10"):
        assert claim not in text


def test_of_one_combination_it_says_that_there_is_nothing_to_compare():
    (text,) = made([combination()], [np.arange(9) < 5]).paragraphs(notes=["max_epochs stopped the winner"])
    assert "Only one combination was tried" in text
    assert "A caution: max_epochs stopped the winner." in text


def test_of_many_values_it_names_the_ends_and_how_many_they_are():
    rates = [step / 100 for step in range(1, 101)]
    text = made(
        [combination(rate) for rate in rates], [np.arange(50) < (45 if rate < 1 else 5) for rate in rates]
    ).said()
    assert "they have learning rate 0.01 … 0.99 (99 values)" in text
    assert len(text) < 1500


def test_under_several_seeds_it_says_that_figures_are_means():
    right = np.arange(100) < np.array([[[90], [90]], [[80], [80]]])
    assert "means over 2 seeds" in made([combination(0.1), combination(0.2)], right).said()


def test_what_does_not_beat_the_class_frequencies_is_not_promising():
    some = made([combination(0.1), combination(0.2)], np.arange(40) < [[30], [2]])
    assert "Promising" not in some.said(floor=Baseline(accuracy=0.8, cross_entropy=2.3))
    assert "Promising" in some.said()


def test_which_figure_was_compared_is_said():
    some = made([combination(0.1), combination(0.2)], np.ones((2, 40)))
    assert "within noise of the best in cross-entropy" in some.said(select_by="val_loss")
