"""What can go wrong, under one base class; the command line ends with the exit code of the class."""

from typing import ClassVar


class SweepError(Exception):
    """Every error that the project raises on purpose. Its message says what is wrong and what to do.

    SweepError                      1
    ├── InputError                  2   what the user gave or has cannot be used
    │   └── DataError               2   … their data
    │       └── Unreachable         2   … for now: whoever has it did not answer
    ├── StoreError                  1   a stored array or file is missing or altered
    ├── Unavailable                 1   the object store refuses, or was away for too long
    ├── Forbidden                   1   a file of the sweep's is somebody else's, and may not be read
    ├── WrongGradient               1   training would be worthless
    ├── TrainingFailed              1   some combinations raised an exception
    ├── EveryCombinationDiverged    1   there is nothing to select
    ├── Diverged                    1   the final training did, on all rows
    ├── ServerFailed                1   Prefect's temporary server did not come up
    ├── SchedulerGone               1   that of a Dask cluster no longer answers
    ├── InUse                       1   a sweep is running where something is to be removed
    └── Interrupted                 1   the sweep was asked to stop, by somebody in the Prefect UI say
    """

    exit_code: ClassVar = 1


class InputError(SweepError, ValueError):
    """A flag, a file or a machine that cannot be used as it is."""

    exit_code = 2


class DataError(InputError):
    """Data that cannot be had or used. The message names the file or source, what is wrong and what to do."""


class Unreachable(DataError):
    """Data that cannot be had at present: trying again may help."""


class StoreError(SweepError):
    """A stored array or file is missing or not what it was when it was stored."""


class Unavailable(SweepError):
    """An object store refuses, or does not answer for minutes. The message names it and says why."""


class Forbidden(SweepError):
    """A file may not be read. The message names file, owner and mode."""


class WrongGradient(SweepError):
    """The gradient check found an error beyond rounding."""


class TrainingFailed(SweepError):
    """Some combinations raised an exception; the others are done and cached."""


class EveryCombinationDiverged(SweepError):
    """No combination is left to select."""


class Diverged(SweepError):
    """The final training's loss stopped being finite."""


class ServerFailed(SweepError):
    """Prefect's temporary server did not come up."""


class SchedulerGone(SweepError):
    """The scheduler of a Dask cluster no longer answers."""


class InUse(SweepError):
    """A sweep is running on this artifact root."""


class Interrupted(SweepError):
    """The sweep was asked to stop. What was done is cached or checkpointed."""
