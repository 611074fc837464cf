"""The flow and its command line. Imported before Prefect, they keep it quiet, as scripts and notebooks want it."""

import os
import sys

__version__ = "0.1.0"

if "prefect" not in sys.modules:  # which reads its settings when it is imported; a worker has its own
    for name, value in {
        "DO_NOT_TRACK": "1",  # analytics are off everywhere here; Prefect's notice of them, too
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    }.items():
        os.environ.setdefault(name, value)
