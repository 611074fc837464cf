"""`make ui`: Prefect's server with its UI, as `prefect server start`, but for how it uses SQLite."""

from typing import Any

import uvicorn
from prefect.server.api.server import create_app
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.settings import PREFECT_SERVER_API_HOST, PREFECT_SERVER_API_PORT, PREFECT_UI_URL

begin = AioSqliteConfiguration.begin_transaction


def begin_to_write(self: AioSqliteConfiguration, session: Any, with_for_update: bool = False) -> Any:
    """Begin a transaction that waits for the others."""
    # Otherwise one that reads before it writes fails at once if another has written meanwhile, whatever the time-out:
    # requests are answered with 503, and after four tries within milliseconds an automation misses an event.
    return begin(self, session, with_for_update=True)


if __name__ == "__main__":
    AioSqliteConfiguration.begin_transaction = begin_to_write  # type: ignore[method-assign]
    print(f"Prefect UI: {PREFECT_UI_URL.value()}", flush=True)
    host, port = PREFECT_SERVER_API_HOST.value(), PREFECT_SERVER_API_PORT.value()
    uvicorn.run(create_app, factory=True, host=host, port=port, log_level="warning", lifespan="on")
