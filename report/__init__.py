"""The outputs of a sweep for readers: tables, pictures, texts, page and PDF."""

import os

os.environ["MPLBACKEND"] = "agg"  # pictures go to files; a notebook's backend is not installed
