"""`python -m benchmarks.peers.ours FOLDER MODE`: `python -m flows`, its epochs counted, W&B in this mode."""

import json
import sys
from pathlib import Path

from benchmarks.peers.problem import EXPERIMENT, counted, finish
from flows.__main__ import main
from softmax import sgd

if __name__ == "__main__":
    root, mode = Path(sys.argv[1]), sys.argv[2]
    sgd.train = counted(sgd.train, root)
    sys.argv[1:] = ["--artifacts", str(root), "--workers", "2", "--wandb-mode", mode]
    for name, value in json.loads((root / EXPERIMENT).read_text()).items():
        values = value if isinstance(value, list) else [value]
        sys.argv += [f"--{name.replace('_', '-')}", *map(str, values)]
    if code := main():
        sys.exit(code)
    summary = json.loads((root / "sweeps/latest/summary.json").read_text())
    finish(root, summary["combinations"], summary["val_accuracy"], summary["best"])
