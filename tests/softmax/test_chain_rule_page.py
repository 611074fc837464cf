"""docs/chain_rule.md shows output that its own code produces."""

import doctest
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "chain_rule.md"


def test_every_output_shown_on_the_page_is_what_its_code_prints() -> None:
    text = re.sub(r"^```.*$", "", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    page = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    report: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(page, out=report.append)
    assert results.failed == 0, "".join(report)
    assert results.attempted > 20


def test_the_page_answers_all_eight_parts_in_order() -> None:
    numbers = re.findall(r"^## (\d)\.", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert numbers == list("12345678")
