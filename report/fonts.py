"""Which letters can be drawn: names of classes may be in any script, and fonts are what the machine has."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from pathlib import Path

INVISIBLE = ("C", "M", "Z")  # categories of Unicode: control, marks on other letters, spaces
OWN = "DejaVu Sans"  # comes with matplotlib
SOME = 8  # letters in a message


@cache
def letters(font: Path, bitmaps: bool) -> frozenset[str]:
    """Return what a font file has glyphs for; nothing if it cannot be read, or has bitmaps where none will do."""
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

    Parameters
    ----------
    bitmaps : whether fonts of one size count, as those of emoji are: Typst can set them, matplotlib cannot
    """
    from matplotlib import font_manager, get_data_path

    own = letters(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), bitmaps)
    left = {letter for letter in set("".join(texts)) - own if unicodedata.category(letter)[0] not in INVISIBLE}
    found = []
    for font in sorted(map(Path, font_manager.findSystemFonts())) if left else ():
        # macOS's last resort has a box for every letter.
        if left & letters(font, bitmaps) and not font.name.startswith("LastResort"):
            found.append(font)
            left -= letters(font, bitmaps)
    return found, left


def families(fonts: Iterable[Path]) -> list[str]:
    """Return by which names matplotlib takes letters from DejaVu Sans and, where that lacks them, from these."""
    from matplotlib import font_manager

    for font in fonts:
        font_manager.fontManager.addfont(font)
    return [OWN, *(font_manager.get_font(font).family_name for font in fonts)]


def written(names: Sequence[str], lacking: Collection[str]) -> list[str]:
    """The names of the classes; those with letters that are lacking by number, with code points for these."""
    return [
        f"class {k} ({' '.join(codes(name, lacking).split())})" if set(name) & set(lacking) else name
        for k, name in enumerate(names)
    ]


def codes(name: str, lacking: Collection[str]) -> str:
    return "".join(f" U+{ord(letter):04X} " if letter in lacking else letter for letter in name)


def trouble(texts: Iterable[str], *, bitmaps: bool = False) -> str:
    """Return which letters no font has, and what to do; "" if there are none."""
    lacking = sorted(fallbacks(texts, bitmaps=bitmaps)[1])
    if not lacking:
        return ""
    some, more = ", ".join(f"U+{ord(letter):04X}" for letter in lacking[:SOME]), len(lacking) - SOME
    return (
        f"no font on this machine has the letters {some}{f' and {more} more' if more > 0 else ''}; install one that "
        "does, Debian's fonts-noto-cjk say"
    )
