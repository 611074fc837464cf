"""Letters that fonts have, and letters that none has."""

import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager

from report import fonts, pictures

STIX = Path(matplotlib.get_data_path(), "fonts", "ttf", "STIXGeneral.ttf")
LETTER = "ℊ"  # which it has, and DejaVu Sans has not


def installed(monkeypatch, *paths):
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in paths])


@pytest.mark.parametrize("names", [["Bag", "Ankle boot"], ["žluťoučký", "حذاء", "ботинок"], ["a\tb", "e\u0301 \u200d"]])
def test_no_font_is_looked_for_where_none_is_needed(names, monkeypatch):
    monkeypatch.delattr(font_manager, "findSystemFonts")
    assert fonts.fallbacks(names) == ([], set())
    assert fonts.missing_letters(names) == ""
    assert pictures.lettering(names)[0] == names


def test_a_font_that_has_the_letters_is_drawn_with(monkeypatch):
    installed(monkeypatch, STIX)
    names = ["a", LETTER]
    figures = [pictures.confusion(np.eye(2, dtype=int), names), pictures.weights(np.eye(4)[:, :2], names, (2, 2))]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # as matplotlib tells of a glyph that is missing
        for figure in figures:
            pictures.png(figure)
    assert fonts.missing_letters(names) == ""


def test_letters_that_no_font_has_are_said_and_stand_as_their_code_points(monkeypatch, tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    last_resort = STIX.with_name("LastResortHE-Regular.ttf")
    installed(monkeypatch, broken, last_resort)
    names = ["a", "猫", f"{LETTER} 猫 fox"]
    assert fonts.fallbacks(names) == ([], {"猫", LETTER})
    assert "no font on this machine has the letters U+210A, U+732B; install one" in fonts.missing_letters(names)
    assert pictures.lettering(names)[0] == ["a", "class 1 (U+732B)", "class 2 (U+210A U+732B fox)"]


def test_of_many_letters_some_are_named(monkeypatch):
    installed(monkeypatch)
    assert "and 12 more; install" in fonts.missing_letters(["".join(map(chr, range(0x4E00, 0x4E00 + 20)))])
