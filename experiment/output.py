"""Files that the user asked for by name."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiment.errors import InputError


@contextmanager
def whole(output: Path) -> Iterator[Path]:
    """Give a draft to write to; once all is written it becomes the file.

    Raises
    ------
    InputError : it cannot be written
    """
    draft = output.with_name(f".{output.name}.{uuid.uuid4().hex}")
    try:
        yield draft
        draft.replace(output)
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror}); name another file with --output") from error
    finally:
        draft.unlink(missing_ok=True)
