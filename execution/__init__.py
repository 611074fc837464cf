import logging

logging.getLogger("sweep").setLevel(logging.INFO)  # the project's own lines, for the terminal and the Prefect UI
