"""What a person is given to look at."""

import os

os.environ["MPLBACKEND"] = "agg"  # pictures go to files; a notebook names a backend of its own, which is not installed
