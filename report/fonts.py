"""Fonts for names of classes in any script, among the fonts of the machine."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

INVISIBLE = ("C", "M", "Z")  # Unicode categories: control characters, combining marks, spaces
LISTED = 8  # letters in a message


@cache
def glyphs(font: Path, bitmaps: bool) -> frozenset[str]:
    """The letters of a font file; none if it cannot be read, or has only bitmaps and `bitmaps` is false."""
    from matplotlib.ft2font import FT2Font

    try:
        face = FT2Font(str(font))
        if not bitmaps:
            face.set_size(10, 72)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(map(chr, face.get_charmap()))


def fallbacks(texts: Iterable[str], *, bitmaps: bool = False) -> tuple[list[Path], set[str]]:
    """Installed fonts for the letters that DejaVu Sans lacks, and the letters that none of them has.

    `bitmaps` : whether to include bitmap fonts (emoji), which Typst supports and matplotlib does not
    """
    from matplotlib import font_manager, get_data_path

    own = glyphs(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), bitmaps)
    left = {letter for letter in set("".join(texts)) - own if unicodedata.category(letter)[0] not in INVISIBLE}
    fonts = []
    for font in sorted(map(Path, font_manager.findSystemFonts())) if left else ():
        # The LastResort font of macOS has a box for every letter.
        if left & glyphs(font, bitmaps) and not font.name.startswith("LastResort"):
            fonts.append(font)
            left -= glyphs(font, bitmaps)
    return fonts, left


def displayable(names: Sequence[str], lacking: Collection[str]) -> list[str]:
    """The names of classes; names with lacking letters get a number, and code points instead of these letters."""

    def codes(name: str) -> str:
        return " ".join("".join(f" U+{ord(c):04X} " if c in lacking else c for c in name).split())

    return [f"class {k} ({codes(name)})" if set(name) & set(lacking) else name for k, name in enumerate(names)]


def missing_letters(texts: Iterable[str], *, bitmaps: bool = False) -> str:
    """A message about letters that no font has; "" if there are none."""
    lacking = [f"U+{ord(letter):04X}" for letter in sorted(fallbacks(texts, bitmaps=bitmaps)[1])]
    more = f" and {len(lacking) - LISTED} more" if len(lacking) > LISTED else ""
    listed = f"no font on this machine has the letters {', '.join(lacking[:LISTED])}{more}"
    return f"{listed}; install one that has them, such as Debian's fonts-noto-cjk" if lacking else ""
