"""The SQLite database of a Prefect server: copied from a prepared one, checked, one transaction after the other."""

import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

PREPARED = Path(sys.prefix) / "prefect" / "prefect.db"  # created by `make setup`
SECONDS_TO_WAIT = 60  # for another process that writes


def begin_database(home: Path) -> None:
    """Copy the prepared database if there is none: the server needs ten seconds to create one."""
    # Not beside a left-over write-ahead log, which SQLite would apply to it.
    if not any(home.glob("prefect.db*")):
        with tempfile.TemporaryDirectory(dir=home) as drafts, contextlib.suppress(OSError):
            # A link, so that the file appears complete and replaces no other sweep's.
            os.link(shutil.copyfile(PREPARED, Path(drafts, PREPARED.name)), home / PREPARED.name)


def check_database(path: Path) -> None:
    """Raise sqlite3.DatabaseError if a page is damaged: clients would repeat requests that need it for many minutes."""
    if not path.exists():
        return
    address = f"{path.absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(address, timeout=SECONDS_TO_WAIT, uri=True)) as connection:
        if (problem := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(problem)


def write_in_turns() -> None:
    """Let every transaction of the server in this process wait for those before it. Imports Prefect's server."""
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_to_write(self: AioSqliteConfiguration, session: Any, with_for_update: bool = False) -> Any:
        return begin(self, session, with_for_update=True)

    # Otherwise a transaction that reads before it writes fails at once if another has written meanwhile, whatever the
    # time-out. Its request is answered with 503, and clients repeat it after 2, 4, … 128 seconds; after four tries
    # within milliseconds an automation misses an event.
    AioSqliteConfiguration.begin_transaction = begin_to_write  # type: ignore[method-assign]
