"""The end of the program when a signal asks for it."""

import contextlib
import os
import shlex
import signal
import sys
import threading

import psutil

SECONDS_TO_STOP = 4.0


class Stopped(BaseException):
    """A signal asked the program to end. Whatever flow is under way stops its trainings as this passes through it."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


def stop_on_signals() -> None:
    """On the first SIGINT or SIGTERM checkpoint and end, within a few seconds; on the second end at once."""

    def stop(number: int, _: object) -> None:
        if timers:
            leave(number)
        timers.append(threading.Timer(SECONDS_TO_STOP, leave, [number]))
        timers[0].daemon = True
        timers[0].start()
        raise Stopped(number)

    def leave(number: int) -> None:
        for child in psutil.Process().children(recursive=True):  # Prefect's server, W&B's service
            with contextlib.suppress(psutil.Error):
                child.kill()
        os._exit(goodbye(number))

    timers: list[threading.Timer] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def goodbye(number: int) -> int:
    """Say how to go on; return the exit code."""
    say(f"Stopped. What is done is kept; this goes on from there:\n  {command()}")
    return 128 + number


def command() -> str:
    """Return what the user typed."""
    return shlex.join(["python", "-m", "flows", *sys.argv[1:]])


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
