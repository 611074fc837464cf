"""What a process that trains sets up before its first task. A process that is one with the flow has it all."""

import multiprocessing
import os
import signal
import threading


def begin_process() -> None:
    """Set up a process of this machine that the flow's process has started.

    Ctrl-C is for the flow's process, which asks the trainings to stop; and when that is killed, this one ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    one_blas_thread()


def end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)


def one_blas_thread() -> None:
    """Trainings run side by side, and the order of a sum must not depend on the machine."""
    import numpy  # noqa: F401, ICN001 - brings its BLAS
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, "blas")
