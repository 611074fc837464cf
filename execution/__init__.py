import logging

log = logging.getLogger("sweep")  # the project's own lines, for the terminal and the Prefect UI
log.setLevel(logging.INFO)
