"""The errors of the project, under one base class. Each class has the exit code of the command line."""

from typing import ClassVar


class SweepError(Exception):
    """Every error that the project raises on purpose. Its message says what is wrong and what to do.

    SweepError                      1
    ├── InputError                  2   an argument, a file or the machine cannot be used
    │   └── DataError               2   the data cannot be used
    │       └── Unreachable         2   the source of the data does not answer
    ├── StoreError                  1   a stored array or file is missing or altered
    ├── Unavailable                 1   the object store refuses, or does not answer
    ├── Forbidden                   1   a file of the sweep belongs to another user and may not be read
    ├── WrongGradient               1   the gradient check failed
    ├── TrainingFailed              1   some combinations raised an exception
    ├── EveryCombinationDiverged    1   no combination is left to select
    ├── Diverged                    1   the final training diverged
    ├── ServerFailed                1   Prefect's temporary server did not come up
    ├── SchedulerGone               1   the scheduler of a Dask cluster no longer answers
    ├── InUse                       1   a running sweep uses what is to be removed
    └── Interrupted                 1   the sweep was asked to stop, for example in the Prefect UI
    """

    exit_code: ClassVar = 1


class InputError(SweepError, ValueError):
    """An argument, a file or a machine that cannot be used."""

    exit_code = 2


class DataError(InputError):
    """Data that cannot be read or used. The message names the file or source, what is wrong and what to do."""


class Unreachable(DataError):
    """A source of data that does not answer: a retry may help."""


class StoreError(SweepError):
    """A stored array or file is missing or altered."""


class Unavailable(SweepError):
    """An object store refuses, or does not answer for minutes. The message names it and says why."""


class Forbidden(SweepError):
    """A file may not be read. The message names file, owner and mode."""


class WrongGradient(SweepError):
    """The gradient check found an error beyond rounding."""


class TrainingFailed(SweepError):
    """Some combinations raised an exception; the others are complete and cached."""


class EveryCombinationDiverged(SweepError):
    """Every combination diverged: none is left to select."""


class Diverged(SweepError):
    """The loss of the final training is no longer finite."""


class ServerFailed(SweepError):
    """Prefect's temporary server did not come up."""


class SchedulerGone(SweepError):
    """The scheduler of a Dask cluster no longer answers."""


class InUse(SweepError):
    """A sweep is running on this artifact root."""


class Interrupted(SweepError):
    """The sweep was asked to stop. Finished work is cached or checkpointed."""
