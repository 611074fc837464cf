"""The end of the program when a signal asks for it."""

import contextlib
import os
import shlex
import signal
import sys
import threading

import psutil

from execution.advice import interpreter

SECONDS_TO_STOP = 4.0


class Stopped(BaseException):
    """A signal asked the program to end. Whatever flow is under way stops its trainings as this passes through it."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


def stop_on_signals() -> None:
    """On the first SIGINT, SIGTERM or SIGHUP checkpoint and end, within a few seconds; on the second end at once."""

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
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, stop)


def goodbye(number: int) -> int:
    """Say how to go on; return the exit code."""
    say(f"Stopped. What is done is kept; this goes on from there:\n  {command()}")
    return 128 + number


def command() -> str:
    """Return what the user typed, with this run's interpreter."""
    return shlex.join([interpreter(), "-m", "flows", *sys.argv[1:]])


def say(line: str) -> None:
    """Say a line on standard error, if anybody is there."""
    with contextlib.suppress(OSError):  # a closed pipe, a terminal that is gone
        print(line, file=sys.stderr, flush=True)


def show(text: str) -> None:
    """Put text on standard output; whoever reads it may leave before its end, as `head` does."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails once more at its end
        if not isinstance(error, BrokenPipeError):
            say(f"Standard output cannot be written to: {error.strerror}")


def fill_descriptors() -> None:
    """Open what a daemon or a shell has closed of standard input, output and error.

    Otherwise the next socket becomes one of them, and is read from, written to or closed as such.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115 - as long as the program
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115
