"""Signals that stop the program, and output to a terminal that may be gone."""

import contextlib
import io
import os
import shlex
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

import psutil

from execution.advice import interpreter

if TYPE_CHECKING:
    from rich.console import RenderableType

SECONDS_TO_STOP = 4.0
SECONDS_TO_EXIT = 120.0  # the temporary server alone may need half of it to record the last events


class Stopped(BaseException):
    """A signal asked the program to end. A running flow stops its trainings when this exception passes through it."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal


def stop_on_signals() -> None:
    """On the first SIGINT, SIGTERM or SIGHUP save checkpoints and end within seconds; on the second end at once."""

    def stop(number: int, _: object) -> None:
        if timers:
            leave(goodbye(number))
        timers.append(threading.Timer(SECONDS_TO_STOP, lambda: leave(goodbye(number))))
        timers[0].daemon = True
        timers[0].start()
        raise Stopped(number)

    timers: list[threading.Timer] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, stop)


def leave(code: int) -> None:
    """End this process at once, and what it has started: Prefect's server, W&B's service."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()
    os._exit(code)


def leave_in_time(code: int) -> NoReturn:
    """End the program. At its exit Prefect's and W&B's clients would wait for their servers without limit."""

    def give_up() -> None:
        say("Prefect's server or W&B's service does not take the last records; the program ends without them.")
        leave(code)

    timer = threading.Timer(SECONDS_TO_EXIT, give_up)
    timer.daemon = True
    timer.start()
    sys.exit(code)


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


def show_rich(*parts: "RenderableType", width: int | None) -> None:
    """Print what Rich renders, each part on lines of its own; `width` in columns, None: the terminal's.

    Writing to a closed pipe, Rich would end the program.
    """
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, force_terminal=sys.stdout.isatty(), width=width).print(*parts, sep="\n", crop=False)
    show("\n".join(line.rstrip() for line in text.getvalue().rstrip("\n").split("\n")))


def fill_descriptors() -> None:
    """Open standard input, output and error where they are closed: the next socket would get one of their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115 - open until the program ends
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(errors="replace")  # a locale without α should not end the program
