"""Names in the user's data: shortened for messages, and compared as a reader would."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal


def shortened(text: str) -> str:
    """A text of the user's data in a single line of at most 60 characters, for messages."""
    line = " ".join(text[:200].split())
    return line if len(line) <= 60 else f"{line[:59]}…"


def quoted(text: str) -> str:
    """A text of the user's data in quotes, for messages; the end of a long one is left out."""
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def alike(names: Iterable[str]) -> tuple[str, str] | None:
    """The first two names that differ only in case, spaces, invisible characters or the way a number is written."""
    first: dict[str | Decimal, str] = {}
    for name in names:
        shown = (c for c in unicodedata.normalize("NFKC", name).casefold() if unicodedata.category(c) != "Cf")
        key = "".join("".join(shown).split())
        number = re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", key, re.ASCII)
        if (other := first.setdefault(Decimal(key) if number else key, name)) != name:
            return other, name
    return None
