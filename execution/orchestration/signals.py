"""Signals that stop the program, and output to a terminal that may be gone."""

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
    """A signal asked the program to end. A running flow stops its trainings when this exception passes through it."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


def stop_on_signals() -> None:
    """On the first SIGINT, SIGTERM or SIGHUP save checkpoints and end within seconds; on the second end at once."""

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
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, stop)


def goodbye(number: int) -> int:
    """Print the command that continues; return the exit code."""
    command = shlex.join([interpreter(), "-m", "flows", *sys.argv[1:]])
    say(f"Stopped. Finished work is kept; this command continues:\n  {command}")
    return 128 + number


def say(line: str) -> None:
    """Print a line to standard error, if that is still open."""
    with contextlib.suppress(OSError):  # a closed pipe, a terminal that is gone
        print(line, file=sys.stderr, flush=True)


def show(text: str) -> None:
    """Print text to standard output; the reader may close it early, as `head` does."""
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would fail again at exit
        if not isinstance(error, BrokenPipeError):
            say(f"Standard output cannot be written to: {error.strerror}")


def fill_descriptors() -> None:
    """Open standard input, output and error where a daemon or a shell has closed them.

    Otherwise the next socket would get one of their numbers, and be read, written or closed as such.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115 - open until the program ends
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115
