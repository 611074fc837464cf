"""`python -m flows clean`: removes what no kept sweep needs."""

import sys
from collections import Counter
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from execution.advice import short
from execution.orchestration.signals import say, show
from execution.outputs import retention
from execution.storage import layout, storage_at
from execution.storage.folders import size
from execution.tracking.offline import to_send
from experiment.errors import InputError


def clean(
    *,
    artifacts: str = "artifacts",
    keep: Annotated[int | None, Parameter(validator=Number(gte=0))] = None,
    unsent: bool = False,
    yes: bool = False,
) -> int:
    """List everything that no kept sweep needs, and remove it after confirmation.

    Parameters
    ----------
    artifacts
        The artifact root.
    keep
        Number of newest sweeps to keep. Default: all. Remains of unfinished sweeps are removed in any case.
    unsent
        Also remove finished W&B runs that were never sent.
    yes
        Remove without asking.
    """
    storage = storage_at(artifacts)
    found = retention.unneeded(storage, keep, unsent=unsent)
    total = sum(size(storage, key) for key in found.keys)
    sweeps = [key for key in found.keys if key.startswith(f"{layout.SWEEPS}/")]
    for key in sweeps:
        show(f"{short(storage.where(key))}: to remove")
    for folder, count in Counter(key.split("/")[0] for key in found.keys[len(sweeps) :]).items():
        show(f"{short(storage.where(folder))}: {count} to remove")
    for key in found.undated:
        show(f"{short(storage.where(key))} stays: its date is unknown. Run that sweep again, or remove it yourself.")
    if found.unsent:
        stay = "will be removed" if unsent else "will be kept unless --unsent is given"
        show(f"{found.unsent} W&B runs were never sent and {stay}; this sends them:\n  {to_send(storage, short)}")
    if not found.keys:
        show(f"Nothing to remove below {artifacts}.")
    elif yes or confirmed(f"Remove these, {total / 1e6:.1f} MB? [y/N] "):
        retention.remove(storage, found, keep, unsent=unsent)
        show(f"Removed {total / 1e6:.1f} MB.")
    return 0


def confirmed(question: str) -> bool:
    """Ask on standard error; InputError if standard input is closed."""
    print(question, end="", file=sys.stderr, flush=True)
    try:
        return input("").strip().lower() in {"y", "yes"}
    except EOFError:
        say("")
        raise InputError(
            "standard input is closed, so nothing was removed: use --yes to remove without asking"
        ) from None
