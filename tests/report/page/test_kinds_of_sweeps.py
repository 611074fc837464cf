"""Sweeps of all kinds and sizes, each a page that draws all of it."""

import pytest

from tests.report.page.made_sweep import made_sweep


def rows(page):
    return page.locator("#table tbody tr")


@pytest.mark.soak(6)
@pytest.mark.parametrize(
    "about",
    [
        {"rates": (0.1,), "sizes": (8,), "alphas": (0.0,)},
        {"rates": (0.1, 0.01), "sizes": (8,), "alphas": (0.0,)},
        {"decays": ("none", "cosine")},
        {"lost": (0.1,)},
        {"seeds": 3},
        {"classes": 12},
        {"features": 13},
        {"classes": 100},
        {"epochs": 1},
        {"epochs": 1000},
    ],
    ids=["one combination", "one axis", "categories", "some diverged", "three seeds", "12 classes",
         "not square", "100 classes", "one epoch", "a thousand epochs"],
)  # fmt: skip
def test_sweeps_of_all_kinds_are_shown(opened, chosen, about):
    sweep = made_sweep(**about)
    content = sweep.page()
    assert len(content) < 3e6
    page = opened(content)
    kept = [rank for rank, candidate in enumerate(sweep.ranking, 1) if not candidate.diverged]
    assert chosen(page) == kept
    assert rows(page).count() == len(sweep.ranking)
    if len(kept) < len(sweep.ranking):
        assert f"{len(sweep.ranking) - len(kept)} diverged" in page.locator("#count").inner_text()
    assert page.locator("img.pixels").count() == (
        0 if about.get("features") == 13 else 2 * min(about.get("classes", 10), 40)
    )


@pytest.mark.slow
def test_of_a_thousand_combinations_all_are_drawn(opened, chosen):
    sweep = made_sweep(
        rates=[1e-4 * 1.1**k for k in range(25)],
        sizes=(8, 16, 32, 64, 128),
        alphas=[1e-5 * 2**k for k in range(8)],
        epochs=50,
    )
    content = sweep.page()
    assert len(content) < 5e6
    page = opened(content)
    assert len(chosen(page)) == 1000
    assert rows(page).count() == 200
    page.locator("#more").click()
    assert rows(page).count() == 1000
