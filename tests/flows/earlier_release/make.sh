#!/bin/sh
# Makes root.tar.xz: an artifact root as the release leaves it in whose checkout this is called. One sweep ended, offline;
# another one was killed on the way. Left out is what no later release reads: Prefect's home, pages, logs, locks.
#   cd CHECKOUT && sh …/make.sh ARCHIVE
set -e
archive=$(realpath -m "$1") root=$(mktemp -d)/artifacts
flags="--artifacts $root --data iris --batch-sizes 16 --alphas 0 --wandb-mode offline"
.venv/bin/python -m flows $flags --learning-rates 0.1 0.01 --max-epochs 5
SWEEP_KILL_AT="train epoch:9" .venv/bin/python -m flows $flags --learning-rates 0.5 0.05 --max-epochs 40 --workers 1 \
    --checkpoint-seconds 0 || true
rm -rf "$root/prefect" "$root"/wandb/*/logs "$root"/locks "$root"/sweeps/*/report.html
tar --create --xz --file "$archive" --directory "$(dirname "$root")" --sort=name --owner=0 --group=0 artifacts
