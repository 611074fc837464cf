"""The verdict as Markdown."""

import pytest

from report.text.verdict import facts, markdown
from tests.report.page.made_sweep import made_sweep

EVIL = '<script>alert(1)</script> | "quoted" & 👟 حذاء\n| a | b |'


def test_it_has_the_figures_the_warnings_and_the_analysis():
    summary = made_sweep().summary
    text = markdown(summary, "Nothing new: as ever", {"files": "there", "news": ""}, "data:picture")
    assert text.startswith(f"# {summary.name}\n\nNothing new: as ever\n\n")
    assert "\n- **test**: accuracy 85.00%, 95 % interval 84.00% to 86.00% (validation gave" in text
    assert "\n- **files**: there\n" in text
    assert "news" not in text
    for paragraph in summary.analysis:
        assert f"\n\n{paragraph}\n" in text


@pytest.mark.parametrize(("loss", "shown"), [(0.41444, "0.4144"), (9_999, "9999.0000"), (1.766e35, "1.77e+35")])
def test_a_huge_cross_entropy_has_no_row_of_digits(loss, shown):
    said = dict(facts(made_sweep().summary.model_copy(update={"test_loss": loss})))
    assert said["test"].endswith(f"cross-entropy {shown}")


def test_names_of_all_kinds_stay_in_their_line_as_text():
    text = markdown(made_sweep().summary.model_copy(update={"data_note": EVIL}), EVIL, {"page": EVIL}, "data:picture")
    assert "<script>" not in text
    for heading in ("data", "page"):
        (line,) = [line for line in text.splitlines() if line.startswith(f"- **{heading}**: ")]
        assert line.endswith('| "quoted" &amp; 👟 حذاء | a | b |')
