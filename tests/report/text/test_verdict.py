"""The verdict as Markdown."""

from report.text.verdict import page
from tests.report.page.made_sweep import made_sweep

EVIL = '<script>alert(1)</script> | "quoted" & 👟 حذاء\n| a | b |'


def test_it_has_the_figures_the_warnings_and_the_analysis():
    summary = made_sweep().summary
    text = page(summary, {"files": "there", "news": ""}, "data:picture")
    assert "| test | accuracy 85.00%, 95 % interval 84.00% to 86.00% (validation gave" in text
    assert "| files | there |" in text
    assert "news" not in text
    for paragraph in summary.analysis:
        assert f"\n\n{paragraph}\n\n" in text


def test_names_of_all_kinds_stay_in_their_cell_as_text():
    text = page(made_sweep().summary.model_copy(update={"data_note": EVIL}), {"page": EVIL}, "data:picture")
    assert "<script>" not in text
    for heading in ("data", "page"):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {heading} |")]
        assert row.endswith(r'\| "quoted" &amp; 👟 حذاء \| a \| b \| |')
