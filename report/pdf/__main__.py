"""Command line: `python -m report.pdf`."""

import sys
from pathlib import Path

from cyclopts import App, CycloptsError, Parameter

from experiment.errors import InputError
from experiment.output import atomic_output
from report.fonts import missing_letters
from report.pdf.finished import finished

app = App(
    name="python -m report.pdf",
    help="Write a finished sweep, the derivations and the code to one PDF.",
    help_format="plaintext",
    version_flags=[],
    default_parameter=Parameter(negative=()),
    result_action="return_value",
)


@app.default
def pdf(
    sweep: Path = Path("artifacts/sweeps/latest"), *, output: Path = Path("submission.pdf"), author: str = ""
) -> None:
    """Write the PDF.

    Parameters
    ----------
    sweep
        A finished sweep's folder.
    output
        The file to write.
    author
        The author, for the title.
    """
    loaded = finished(sweep)
    try:
        from report.pdf.typeset import names, submission
    except ImportError as error:
        raise InputError(f"{error.name} is not installed; make pdf installs it") from error
    content = submission(loaded, author)
    with atomic_output(output) as draft:
        draft.write_bytes(content)
    if lacking := missing_letters(names(loaded, author), bitmaps=True):
        print(f"{output}: {lacking}", file=sys.stderr)
    print(f"{output}: sweep {loaded.summary.name}, {len(content) / 1e6:.1f} MB")


def main() -> int:
    try:
        app(exit_on_error=False, print_error=False)
    except (CycloptsError, InputError) as error:
        print(error, file=sys.stderr)
        return InputError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
