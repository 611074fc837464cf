"""Shared state of a flow run: whether to stop, whether its time is up, whether W&B was given up, and its progress.

It is kept in the storage, not in the process, so that every task of the run sees it, wherever it runs.
"""

from collections.abc import Collection
from contextlib import suppress

from execution.orchestration.forecast import Standing
from execution.storage import AnyStorage, held, layout
from experiment.values import Frozen

STOP, TIME, OFFLINE, ARRIVED, TRAININGS = "stop", "time-is-up", "offline", "arrived", "trainings"


class RunState(Frozen):
    storage: AnyStorage
    flow_run: str

    def forget(self) -> None:
        """Remove the state, of an earlier try of the same flow run or at the run's end."""
        self.storage.delete(self.key())

    def arrive(self) -> None:
        """Write a mark by which workers recognise that they share the storage."""
        self.storage.put(self.key(ARRIVED), b"")

    @property
    def arrived(self) -> bool:
        return self.storage.exists(self.key(ARRIVED))

    def request_stop(self) -> None:
        """Ask every training of the flow run to save a checkpoint and stop."""
        self.storage.put(self.key(STOP), b"")

    @property
    def stop_requested(self) -> bool:
        return self.storage.exists(self.key(STOP))

    def end_time(self) -> None:
        """Let no more trainings begin, and running ones save a checkpoint and end. Other steps continue."""
        self.storage.put(self.key(TIME), b"")

    @property
    def time_is_up(self) -> bool:
        return self.storage.exists(self.key(TIME))

    def give_up_tracking(self) -> bool:
        """Make all later W&B runs of the flow run offline. True the first time."""
        with held(self.storage.lock(self.key("offline.lock"))):
            try:
                self.storage.get(self.key(OFFLINE))
            except FileNotFoundError:
                self.storage.put(self.key(OFFLINE), b"")
                return True
        return False

    @property
    def tracking_given_up(self) -> bool:
        return self.storage.exists(self.key(OFFLINE))

    @property
    def seconds_between_looks(self) -> float:
        """Interval at which trainings write their progress and the display reads it."""
        return 5.0 if self.storage.remote else 1.0

    def stand(self, training: str, standing: Standing) -> None:
        """Write the progress of a training, by its identity."""
        self.storage.put(self.key(TRAININGS, training), standing.model_dump_json().encode())

    def end(self, training: str) -> None:
        self.storage.delete(self.key(TRAININGS, training))

    def standings(self) -> Collection[Standing]:
        """Progress of the running trainings."""
        found = []
        for key in self.storage.list(self.key(TRAININGS)):
            with suppress(FileNotFoundError):  # it has just ended
                found.append(Standing.model_validate_json(self.storage.get(key)))
        return found

    def key(self, *mark: str) -> str:
        return "/".join((layout.RUNS, self.flow_run, *mark))
