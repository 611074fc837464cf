"""What a page shows in a browser, against the sweep that it is of."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe

from report.page.data import paired_errors
from report.page.render import page as page_of
from tests.patience import until
from tests.report.page.made_sweep import made_sweep

EVIL = ["<script>alert(1)</script>", "\"quoted\" & 'that'", "👟 emoji", "حذاء رياضي", "</script><b>", "{{ 7 * 7 }}"]


def rows(page):
    return page.locator("#table tbody tr")


def picked(page):
    return page.locator("#detail thead th").all_inner_texts()


def rectangles(page):
    """Of each axis of the parallel coordinates, the stretch that its rectangle covers; None where there is none."""
    return page.evaluate(
        """AXES.map((axis, i) => {
            const model = charts.parallel.getModel().getComponent("parallelAxis", i);
            const cover = charts.parallel.getViewOfComponentModel(model)._brushController._covers[0];
            if (!cover) return null;
            const [low, high] = model.axis.getExtent();
            return cover.__brushOption.range.map((at) => model.axis.coordToData(at)).sort((a, b) => a - b);
        })"""
    )


def brush(page, axis, low, high):
    """Drag along an axis of the parallel coordinates, between two places on it."""
    at = page.evaluate(
        """([name, low, high]) => {
            const box = charts.parallel.getDom().getBoundingClientRect();
            const system = charts.parallel.getModel().getComponent("parallel").coordinateSystem;
            return [low, high].map((place) => {
                const dim = system.dimensions[AXES.findIndex((a) => a.name === name)];
                const [x, y] = system.dataToPoint(place, dim);
                return [box.left + x, box.top + y];
            });
        }""",
        [axis, low, high],
    )
    (x0, y0), (x1, y1) = at
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, (y0 + y1) / 2, steps=4)
    page.mouse.move(x1, y1, steps=4)
    page.mouse.up()


@pytest.fixture
def sweep():
    return made_sweep()


def test_the_table_is_the_ranking(opened, sweep):
    page = opened(sweep.page())
    assert rows(page).count() == len(sweep.ranking)
    for row, candidate in zip(rows(page).all(), sweep.ranking, strict=True):
        text = row.inner_text()
        assert f"{100 * candidate.val_accuracy:.2f} %" in text
        assert f"{candidate.val_cross_entropy:.4f}" in text


def test_the_verdict_and_the_analysis_come_first(opened, sweep):
    page = opened(sweep.page())
    verdict = page.locator("main > section").first.inner_text()
    assert "85.00%" in verdict
    assert "84.00% to 86.00%" in verdict
    assert sweep.summary.best.words in verdict
    for paragraph in sweep.summary.analysis:
        assert paragraph in verdict


@pytest.mark.parametrize("width", [1200, 400])
def test_brushing_an_axis_keeps_the_lines_through_that_stretch(opened, sweep, chosen, width):
    page = opened(sweep.page(), width=width)
    page.locator("#parallel").scroll_into_view_if_needed()
    brush(page, "learning_rate", 1.6, 2.4)  # its third value, 0.1
    expected = [rank for rank, c in enumerate(sweep.ranking, 1) if c.combination.learning_rate == 0.1]
    assert chosen(page) == expected
    assert rows(page).count() == len(expected)
    assert f"{len(expected)} of {len(sweep.ranking)} combinations chosen" in page.locator("#count").inner_text()
    assert page.locator("[data-axis=learning_rate][data-end='0']").input_value() == "2"
    page.locator("#reset").click()
    assert len(chosen(page)) == len(sweep.ranking)


def test_brushes_on_two_axes_count_together_and_figures_have_a_true_scale(opened, sweep, chosen):
    page = opened(sweep.page())
    page.locator("#parallel").scroll_into_view_if_needed()
    middle = (sweep.ranking[5].val_accuracy + sweep.ranking[6].val_accuracy) / 2
    brush(page, "val_accuracy", middle, sweep.ranking[0].val_accuracy)
    brush(page, "alpha", -0.3, 0.3)
    kept = chosen(page)
    assert kept == [rank for rank in range(1, 7) if sweep.ranking[rank - 1].combination.alpha == 0]


def test_the_fields_do_what_the_brush_does(opened, sweep, chosen):
    page = opened(sweep.page())
    page.locator("[data-axis=batch_size][data-end='0']").select_option(label="16")
    assert chosen(page) == [rank for rank, c in enumerate(sweep.ranking, 1) if c.combination.batch_size == 16]
    brushed = page.evaluate(
        "charts.parallel.getModel().getComponent('parallelAxis', 1).activeIntervals.map((range) => [...range])"
    )
    assert len(brushed) == 1
    assert brushed[0][0] < 1 < brushed[0][1]


def test_rectangles_and_fields_always_say_the_same(opened, sweep):
    page = opened(sweep.page())
    page.locator("#parallel").scroll_into_view_if_needed()
    page.locator("[data-axis=batch_size][data-end='0']").select_option(label="16")
    middle = sweep.ranking[5].val_accuracy
    page.locator("[data-axis=val_accuracy][data-end='0']").fill(str(100 * middle))
    page.keyboard.press("Tab")
    rates, sizes, alphas, losses, accuracies = rectangles(page)
    assert (rates, alphas, losses) == (None, None, None)
    assert sizes == pytest.approx([0.7, 1.3])
    assert accuracies == pytest.approx([middle, sweep.ranking[0].val_accuracy], abs=1e-4)
    page.get_by_role("button", name="Top 10").click()
    assert rectangles(page)[1] == pytest.approx([0.7, 1.3])
    brush(page, "learning_rate", 1.7, 2.2)
    # Not `wait_for_function`, which the page's security policy lets look once only.
    until(lambda: page.evaluate("state.ranges.learning_rate && !dragging"))
    assert rectangles(page)[0] == pytest.approx([1.7, 2.3])  # whole levels, when it is let go
    page.locator("#reset").click()
    assert rectangles(page) == [None] * 5


def test_several_are_compared_side_by_side_on_the_same_rows(opened, sweep):
    page = opened(sweep.page())
    for rank in (4, 7, 1):
        page.get_by_role("button", name=re.compile(f"Pick rank {rank}:")).click()
    assert picked(page) == ["Rank 4", "Rank 7", "Rank 1"]
    against = page.locator("#detail tr", has_text="same rows").locator("td").all_inner_texts()
    errors = json.loads(sweep.shown)["errors"]
    accuracy = [candidate.val_accuracy for candidate in sweep.ranking]
    assert [text.strip() for text in against] == [
        "",
        f"−{100 * (accuracy[3] - accuracy[6]):.2f} ± {100 * errors[5][3]:.2f} points",
        f"+{100 * (accuracy[0] - accuracy[3]):.2f} ± {100 * errors[2][0]:.2f} points",
    ]
    marks = page.evaluate(
        "charts.curve.getOption().series.filter((s) => s.markPoint).map((s) => [s.name, s.markPoint.data[0].coord[0]])"
    )
    assert marks == [["rank 4", 20], ["rank 7", 20], ["rank 1", 20]]
    page.get_by_role("button", name=re.compile("Pick rank 4:")).click()
    assert picked(page) == ["Rank 7", "Rank 1"]


def test_errors_of_differences_are_the_paired_ones():
    bits = np.random.default_rng(0).random((4, 50)) < 0.7
    errors = paired_errors(list(bits.astype(float)), 1 / 50)
    for high in range(1, 4):
        for low in range(high):
            paired = bits[low].astype(float) - bits[high]
            assert errors[high - 1][low] == pytest.approx(paired.std(ddof=1) / 50**0.5, abs=1e-6)


def test_the_rows_of_the_table_can_be_downloaded_and_none_is_a_formula(opened):
    sweep = made_sweep(decays=("none", "cosine"))
    shown = json.loads(sweep.shown)
    shown["combinations"][0]["decay"] = "=1+1"
    page = opened(sweep._replace(shown=json.dumps(shown).encode()).page())
    page.locator("#best").fill("5")
    with page.expect_download() as download:
        page.locator("#download").click()
    table = pd.read_csv(download.value.path())
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    assert table["decay"][0] == "'=1+1"
    for name in ("val_accuracy", "val_cross_entropy", "learning_rate"):
        assert table[name].tolist() == [c[name] for c in shown["combinations"][:5]]
    assert table["wandb_runs"].tolist() == [run.trained[0].identity for run in sweep.ranking[:5]]


def test_the_heat_map_has_the_mean_of_each_pair_of_values(opened, sweep):
    page = opened(sweep.page())
    page.locator("#heat [data-side=across]").select_option(label="α")
    cells = page.locator("#heat tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((c) => c.textContent))"
    )
    for row, rate in zip(cells, (0.001, 0.01, 0.1), strict=True):
        expected = [
            np.mean(
                [
                    c.val_accuracy
                    for c in sweep.ranking
                    if (c.combination.learning_rate, c.combination.alpha) == (rate, a)
                ]
            )
            for a in (0, 0.01)
        ]
        assert row == [str(rate), *(f"{100 * value:.2f} %" for value in expected)]


def test_the_best_few_can_be_asked_for(opened, sweep, chosen):
    page = opened(sweep.page())
    page.locator("#best").fill("3")
    assert chosen(page) == [1, 2, 3]
    page.get_by_role("button", name="Top 10").click()
    assert chosen(page) == list(range(1, 11))


def test_curves_follow_what_is_chosen_and_are_those_of_the_trainings(opened, sweep):
    page = opened(sweep.page())
    page.locator("#best").fill("2")
    drawn = page.evaluate("charts.curve.getOption().series[0].data.map((curve) => [curve.name, curve.coords])")
    assert [name for name, _ in drawn] == ["1", "2"]
    best = sweep.ranking[0]
    assert drawn[0][1][0] == pytest.approx([1, 1 - best.val_accuracy + 1.1], rel=1e-4)
    page.get_by_label("validation accuracy", exact=True).check()
    drawn = page.evaluate("charts.curve.getOption().series[0].data[0].coords")
    assert drawn[-1] == pytest.approx([30, best.val_accuracy - 1 / 30], rel=1e-4)


def test_a_line_that_is_pointed_at_or_clicked_says_whose_it_is(opened, sweep):
    page = opened(sweep.page())
    page.locator("#parallel").scroll_into_view_if_needed()
    x, y = page.evaluate(
        """() => {
            const box = charts.parallel.getDom().getBoundingClientRect();
            const system = charts.parallel.getModel().getComponent("parallel").coordinateSystem;
            const last = AXES.length - 1;
            const end = (i) => system.dataToPoint(fanned(AXES[i], ALL[8]), system.dimensions[i]);
            const ends = [end(last - 1), end(last)];
            return [0, 1].map((i) => [box.left, box.top][i] + 0.05 * ends[0][i] + 0.95 * ends[1][i]);
        }"""
    )
    page.mouse.move(x, y)
    detail = page.locator("#detail")
    assert picked(page) == ["Rank 9"]
    run = sweep.ranking[8].trained[0]
    assert run.identity in detail.inner_text()
    assert run.task_run in detail.inner_text()
    page.mouse.click(x, y)
    page.mouse.move(5, 5)
    assert picked(page) == ["Rank 9"]
    assert rows(page).nth(8).get_attribute("class") == "picked"


def test_without_a_mouse_the_table_is_sorted_and_a_combination_picked(opened, sweep):
    page = opened(sweep.page())
    page.get_by_role("button", name="validation cross-entropy").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    figures = [float(cell) for cell in page.locator("#table tbody tr td:nth-child(7)").all_inner_texts()]
    assert figures == sorted(figures, reverse=True)
    page.get_by_role("button", name=re.compile("Pick rank 12")).focus()
    page.keyboard.press("Enter")
    assert picked(page) == ["Rank 12"]
    assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"


def test_it_is_accessible(opened, sweep):
    for scheme in ("light", "dark"):
        page = opened(sweep.page(), color_scheme=scheme)
        for width in (1200, 400):
            page.set_viewport_size({"width": width, "height": 900})
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()


def test_on_a_narrow_screen_nothing_sticks_out(opened, sweep):
    page = opened(sweep.page(), width=360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_printed_it_has_every_section_and_no_controls(opened, sweep, tmp_path):
    page = opened(sweep.page(), color_scheme="dark")
    page.pdf(path=tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().count(b"/Type /Page\n") >= 2
    drawn = page.evaluate(
        """() => {
            dispatchEvent(new Event("beforeprint"));
            return [...document.querySelectorAll(".printed")].map((canvas) => {
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                return data.some((value, i) => i % 4 === 3 && value > 0);
            });
        }"""
    )
    assert drawn == [True] * 4
    page.emulate_media(media="print")
    assert not page.locator("#filters").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    for heading in page.locator("h2").all():
        assert heading.is_visible()


def test_names_of_all_kinds_are_text(opened):
    page = opened(made_sweep(class_names=EVIL, name="<img src=x>").page(files="</script><script>alert(2)</script>"))
    assert page.locator("h1").inner_text() == "<img src=x>"
    shown = page.locator("table.classes tbody th").all_inner_texts()
    assert [text.strip() for text in shown] == EVIL
    assert page.locator("main img[src=x]").count() == 0
    assert "alert(2)" in page.locator("#origin").inner_text()


def test_names_of_features_are_text_and_the_largest_coefficients_come_first(opened):
    names = ["<img src=x onerror=alert(1)>", "{{ 7 * 7 }}", "</script>", "漢字", "y" * 300, *"abcdefgh"]
    sweep = made_sweep(features=13, feature_names=names, classes=3)
    page = opened(sweep.page(), width=390)
    rows = page.locator("table.coefficients tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    largest = [max(abs(float(value)) for value in values) for _, *values in rows]
    assert largest == sorted(largest, reverse=True)
    assert sorted(name for name, *_ in rows) == sorted(names)
    assert page.locator("main img").count() == 0
    assert "weights" not in page.locator("#test").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_scores_and_calibration_are_the_summarys(opened):
    sweep = made_sweep(classes=4, empty=(2,))
    page = opened(sweep.page())
    shown = page.locator("table.classes tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].slice(0, 5).map((cell) => cell.textContent.trim()))"
    )
    for (name, rows, *values), (known, scores) in zip(shown, sweep.summary.class_scores.items(), strict=True):
        assert (name, rows) == (known, str(scores.rows or "no rows"))
        expected = [scores.precision, scores.recall, scores.f1]
        assert values == ["–" if value is None else f"{value:.2%}" for value in expected]
    assert shown[2][1] == "no rows"
    calibration = sweep.summary.calibration
    assert f"Expected calibration error {calibration.error:.2%}" in page.locator("#test").inner_text()
    assert page.locator(".reliability circle").count() == sum(found.rows > 0 for found in calibration.bins)


def test_runs_that_were_tracked_online_are_links_to_them(opened, sweep):
    unsent = sweep.ranking[1].trained[0].identity
    at = "https://wandb.example/me/project/runs/"
    page = opened(page_of(sweep.summary, sweep.ranking, sweep.shown, {}, at, {unsent}))
    assert page.locator("#detail a").get_attribute("href") == at + sweep.ranking[0].trained[0].identity
    page.get_by_role("button", name=re.compile("Pick rank 2:")).click()
    assert page.locator("#detail a").count() == 0


def test_under_several_seeds_the_table_has_their_spread(opened):
    sweep = made_sweep(seeds=3)
    page = opened(sweep.page())
    assert "± 0.00" in rows(page).first.inner_text()


def test_categories_are_levels_of_their_own_to_choose_and_to_sort_by(opened, chosen):
    sweep = made_sweep(decays=("none", "cosine"))
    page = opened(sweep.page())
    falling = [rank for rank, c in enumerate(sweep.ranking, 1) if c.combination.decay == "cosine"]
    page.locator("[data-axis=decay][data-end='1']").select_option(label="cosine")
    assert chosen(page) == falling
    page.locator("#reset").click()
    page.locator("[data-sort=decay]").click()
    first = page.locator("#table tbody tr").evaluate_all("(rows) => rows.map((row) => Number(row.dataset.rank))")
    assert first[: len(falling)] == falling


def test_what_was_drawn_from_a_range_stands_on_a_true_scale(opened):
    drawn = made_sweep(rates=(0.3, 0.1, 0.001), sizes=(8, 16), alphas=(0.0,), ranges=("learning_rate",))
    page = opened(drawn.page())
    places = page.evaluate("ALL.map((c) => [c.learning_rate, AXES[0].place(c.learning_rate)])")
    for rate, place in places:
        assert place == pytest.approx(math.log10(rate))
    assert page.evaluate("AXES[1].levels") is True
    page.locator("#parallel").scroll_into_view_if_needed()
    brush(page, "learning_rate", -1.2, -0.46)
    assert sorted(page.evaluate("active().map((c) => c.learning_rate)")) == [0.1, 0.1, 0.3, 0.3]
