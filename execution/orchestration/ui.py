"""`make ui`: Prefect's server with its UI, as `prefect server start`, but for how it uses SQLite."""

import sqlite3
import sys
from pathlib import Path

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import (
    PREFECT_SERVER_API_HOST,
    PREFECT_SERVER_API_PORT,
    PREFECT_SERVER_DATABASE_CONNECTION_URL,
    PREFECT_UI_URL,
)
from sqlalchemy import make_url

from execution.orchestration.database import check_database, write_in_turns

if __name__ == "__main__":
    database = make_url(PREFECT_SERVER_DATABASE_CONNECTION_URL.value())
    if database.get_backend_name() == "sqlite" and (path := database.database):
        try:
            check_database(Path(path))
        except sqlite3.DatabaseError as error:
            sys.exit(
                f"{path}: {error}. Move it away and run make deploy again: the history of flow runs is lost, "
                "results are not."
            )
    write_in_turns()
    print(f"Prefect UI: {PREFECT_UI_URL.value()}", flush=True)
    host, port = PREFECT_SERVER_API_HOST.value(), PREFECT_SERVER_API_PORT.value()
    uvicorn.run(create_app, factory=True, host=host, port=port, log_level="warning", lifespan="on")
