"""The names of the folders below an artifact root, each once, and what is kept in them."""

RECORDS = "cache"  # results of steps, by cache key
ARRAYS = "arrays"  # .npy files, by digest
FILES = "files"  # pictures and tables, by digest
CHECKPOINTS = "checkpoints"  # of trainings, by identity
LOCKS = "locks"  # of steps that are under way, by cache key
EARLIER = "earlier"  # which combinations a warm start began from
RUNS = "runs"  # what a flow run under way knows: stop, tracking given up
SWEEPS = "sweeps"  # what a person keeps
TRACKING = "wandb"  # W&B's own folders
BEGUN = f"{TRACKING}/begun"  # notes, by identity, of which of them each offline run has
ORCHESTRATION = "prefect"  # Prefect's home
DOWNLOADS = "data"  # files as their sources gave them
COMPILED = "compiled"  # machine code of the kernel, where the checkout cannot be written to
DRAFTS = "drafts"  # objects that are being written

IDENTITY = 20  # characters of a cache key: what a step's result, checkpoint and W&B run are called
HISTORY = f"{SWEEPS}/history.csv"  # every finished run, a line each
LATEST = f"{SWEEPS}/latest"  # the newest sweep
