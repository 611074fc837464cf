"""The written analysis, each kind of sentence against the table of made-up sweeps of all kinds."""

import re

import pandas as pd
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from experiment.axes import AXES, axes_of
from experiment.search.comparison import AccuracyGap
from experiment.search.ranking import Candidate
from report.importance import importance
from report.text.analysis import analysis
from tests.made_up import combination, trained
from tests.report.rankings import sweeps

LABELS = {axis.label: name for name, axis in AXES.items()}
WHICH = "|".join(LABELS)
VALUE = r"[\de.+-]*\d"


def table_of(ranking):
    rows = [
        {
            **candidate.combination.model_dump(),
            "accuracy": candidate.val_accuracy,
            "diverged": candidate.diverged,
            "near": place == 0 or bool(candidate.behind and candidate.behind.within_noise),
        }
        for place, candidate in enumerate(ranking)
    ]
    return pd.DataFrame(rows)


def said_of(ranking):
    return " ".join(analysis(ranking, importance(ranking)))


@given(sweeps())
def test_what_mattered_most_is_what_the_variance_says(ranking):
    shares, text = importance(ranking), said_of(ranking)
    found = re.search(rf"({WHICH}) mattered most: alone it explains (\d+)%", text, re.I)
    event(f"shares: {bool(found)}")
    assert bool(found) == bool(shares and any(shares.values()) and len(ranking) > 1)
    if found:
        name = LABELS[found[1][0].lower() + found[1][1:]]
        alone = {axis: shares[axis] for axis in AXES if axis in shares}
        assert alone[name] == max(alone.values())
        assert int(found[2]) == round(100 * alone[name])
        assert ("more than that is due to combinations" in text) == (1 - sum(alone.values()) > max(alone.values()))


def test_a_category_is_spoken_of_by_its_name_and_has_no_edge():
    runs = {(rate, decay): trained(combination(rate, decay=decay), 0.7 + 0.1 * (decay == "cosine") + rate / 10)
            for rate in (0.1, 0.2) for decay in ("none", "cosine")}  # fmt: skip
    every = [Candidate(combination=run.combination, trained=(run,)) for run in runs.values()]
    text = said_of(sorted(every, key=lambda candidate: -candidate.val_accuracy))
    assert "Decay mattered most" in text
    assert "The bundle of lines through decay cosine ends above all others" in text
    assert "Of batch size and α only one value was tried" in text
    assert "momentum" not in text
    assert re.search(r"Not tried, and next to the promising values: learning rate above 0\.2\.", text)


@given(sweeps())
def test_medians_by_value_are_the_tables(ranking):
    table, text = table_of(ranking), said_of(ranking)
    found = re.search(rf"the lines through ({WHICH}) ({VALUE}) end in the median at ({VALUE})%(.*?%)\.", text)
    if not found:
        return
    medians = table[~table["diverged"]].groupby(LABELS[found[1]])["accuracy"].median()
    said = [(found[2], found[3]), *re.findall(rf"those through ({VALUE}) at ({VALUE})%", found[4])]
    assert {float(value): float(median) for value, median in said} == {
        float(f"{value:g}"): float(f"{100 * median:.2f}") for value, median in medians.items()
    }


@given(sweeps())
def test_how_many_are_within_noise_is_counted(ranking):
    table, text = table_of(ranking), said_of(ranking)
    assume(len(table) > 1 and not table["diverged"].all())
    near = int(table["near"].sum()) - 1
    if near:
        assert re.search(rf"\b{near} of the {len(table) - 1} others (is|are) within noise", text)
    else:
        assert "ahead of all" in text
        assert "within noise" not in text


@given(sweeps())
def test_a_value_called_promising_is_that_of_those_near_the_top(ranking):
    table, text = table_of(ranking), said_of(ranking)
    near = table[table["near"] & ~table["diverged"]]
    kept = table[~table["diverged"]]
    for label in re.findall(rf"every value of ({WHICH}) gets there", text):
        assert set(near[LABELS[label]]) == set(kept[LABELS[label]])
    for label, value in re.findall(rf"(?:it has|all of them have) ({WHICH}) ({VALUE})", text):
        assert {f"{found:g}" for found in near[LABELS[label]]} == {value}
    for label, values in re.findall(rf"they have ({WHICH}) ({VALUE}(?:, {VALUE})* or {VALUE})", text):
        assert {f"{found:g}" for found in near[LABELS[label]]} == set(re.findall(VALUE, values))


@given(sweeps())
def test_what_was_not_tried_lies_beyond_what_was(ranking):
    table, text = table_of(ranking), said_of(ranking)
    kept = table[~table["diverged"]]
    for label, side, value in re.findall(rf"({WHICH}) (above|below) ({VALUE})(?=[,.]| and)", text):
        tried = kept[LABELS[label]]
        assert f"{tried.max() if side == 'above' else tried.min():g}" == value
        assert set(kept[kept["near"]][LABELS[label]]) == {tried.max() if side == "above" else tried.min()}
    for label, value in re.findall(rf"({WHICH}) between 0 and ({VALUE})", text):
        assert f"{sorted(set(kept[LABELS[label]]))[1]:g}" == value
        assert set(kept[kept["near"]][LABELS[label]]) == {0}


@given(sweeps())
def test_those_that_diverged_are_counted_and_what_only_they_have_is_named(ranking):
    table, text = table_of(ranking), said_of(ranking)
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
def test_bundles_that_end_above_all_others_do(ranking):
    table, text = table_of(ranking), said_of(ranking)
    kept = table[~table["diverged"]]
    if found := re.search(rf"bundle of lines through ({WHICH}) ({VALUE}) ends above all others", text):
        mine = kept[LABELS[found[1]]].map("{:g}".format) == found[2]
        assert kept[mine]["accuracy"].min() > kept[~mine]["accuracy"].max()
    if found := re.search(rf"bundle through ({WHICH}) ({VALUE}) reaches highest but overlaps", text):
        mine = kept[LABELS[found[1]]].map("{:g}".format) == found[2]
        assert kept[mine]["accuracy"].max() == kept["accuracy"].max()
        assert kept[mine]["accuracy"].min() <= kept[~mine]["accuracy"].max()


@given(sweeps())
def test_lines_that_are_said_to_cross_cross(ranking):
    table, text = table_of(ranking), said_of(ranking)
    kept = table[~table["diverged"]]
    pattern = rf"on average ({WHICH}) ({VALUE}) is best with ({WHICH}) ({VALUE}), and ({VALUE}) with ({VALUE})"
    found = re.search(pattern, text)
    event(f"crossing: {bool(found)}")
    if not found:  # most
        return
    first, second = LABELS[found[1]], LABELS[found[3]]
    assert found[2] != found[5]
    for best, other in ((found[2], found[4]), (found[5], found[6])):
        means = kept[kept[second].map("{:g}".format) == other].groupby(first)["accuracy"].mean()
        assert means[[f"{value:g}" == best for value in means.index]].iloc[0] == pytest.approx(means.max())


@given(sweeps())
def test_what_the_best_ten_share_they_share(ranking):
    table, text = table_of(ranking), said_of(ranking)
    top = table[~table["diverged"]].head(10)
    for label, value in re.findall(rf"best 10 all go through ({WHICH}) ({VALUE})", text):
        assert {f"{found:g}" for found in top[LABELS[label]]} == {value}
    if found := re.search(r"spread over every value of (.*?)\.", text):
        for label in re.findall(WHICH, found[1]):
            assert set(top[LABELS[label]]) == set(table[~table["diverged"]][LABELS[label]])


@given(sweeps())
def test_of_what_was_not_varied_nothing_is_said(ranking):
    table, text = table_of(ranking), said_of(ranking)
    assume(len(table) > 1 and not table["diverged"].all())
    tried = axes_of(candidate.combination for candidate in ranking)
    fixed = [axis.label for name, axis in tried.items() if table[name].nunique() == 1]
    assert ("only one value was tried" in text) == bool(fixed)
    for label in fixed:
        assert text.count(label) == 1


@given(sweeps())
def test_it_is_two_or_three_paragraphs_of_whole_sentences(ranking):
    paragraphs = analysis(ranking, importance(ranking))
    assert 1 <= len(paragraphs) <= 3
    for paragraph in paragraphs:
        assert paragraph.endswith(".")
        assert "  " not in paragraph
        assert ".." not in paragraph
        assert "nan" not in paragraph


@given(sweeps(), st.data())
def test_of_a_halved_sweep_it_claims_nothing_that_needs_all_at_their_end(ranking, data):
    assume(len(ranking) > 1 and not ranking[0].diverged)
    kept = data.draw(st.integers(1, len(ranking) - 1))
    halved = [c.model_copy(update={"pruned": place >= kept}) for place, c in enumerate(ranking)]
    assert importance(halved) == {}
    text = said_of(halved)
    assert f"Halving pruned {len(ranking) - kept} of {len(ranking)} combinations" in text
    for claim in ("mattered most:", "end in the median", "bundle", "best on average", "Not tried"):
        assert claim not in text


def test_of_one_combination_it_says_that_there_is_nothing_to_compare():
    ranking = [Candidate(combination=combination(), trained=(trained(combination()),))]
    (text,) = analysis(ranking, importance(ranking), ["the winner was still improving"])
    assert "Only one combination was tried" in text
    assert "A caution: the winner was still improving." in text


def test_of_many_values_it_names_the_ends_and_how_many_they_are():
    ranking = [
        Candidate(
            combination=combination(rate),
            trained=(trained(combination(rate), accuracy),),
            behind=AccuracyGap(difference=0.9 - accuracy, standard_error=0.01),
        )
        for rate in (step / 100 for step in range(1, 101))
        for accuracy in (0.9 if rate < 1 else 0.1,)
    ]
    text = said_of(ranking)
    assert "they have learning rate 0.01 … 0.99 (99 values)" in text
    assert len(text) < 1500


def test_under_several_seeds_it_says_that_figures_are_means():
    ranking = [
        Candidate(combination=of, trained=(trained(of, accuracy), trained(of, accuracy)))
        for of, accuracy in ((combination(0.1), 0.9), (combination(0.2), 0.8))
    ]
    assert "means over 2 seeds" in said_of(ranking)
