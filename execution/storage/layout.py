"""The folders below an artifact root, and their contents."""

RECORDS = "cache"  # results of steps, by cache key
ARRAYS = "arrays"  # .npy files, by digest
FILES = "files"  # pictures and tables, by digest
CHECKPOINTS = "checkpoints"  # of trainings, by identity
LOCKS = "locks"  # of running steps, by cache key
EARLIER = "earlier"  # combinations that a warm start began from
RUNS = "runs"  # shared state of running flow runs
SWEEPS = "sweeps"  # finished sweeps, for the user
CHAMPIONS = "champion"  # the models that became champion, by data set
TRACKING = "wandb"  # W&B's own folders
BEGUN = f"{TRACKING}/begun"  # the folder of each offline run, by identity
STAGED = f"{TRACKING}/staging/artifacts/staging"  # W&B's copies of tables
ORCHESTRATION = "prefect"  # Prefect's home
DOWNLOADS = "data"  # downloaded files
COMPILED = "compiled"  # machine code of the kernel, if the checkout is read-only
DRAFTS = "drafts"  # objects that are being written

IDENTITY = 20  # characters of a cache key that name a step's result, checkpoint and W&B run
HISTORY = f"{SWEEPS}/history.csv"  # one line for each finished run
LATEST = f"{SWEEPS}/latest"  # the newest sweep
