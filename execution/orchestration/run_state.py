"""What a flow run under way knows: has somebody asked it to stop, is its time up, has W&B been given up.

It lies in the storage, not in the process: every task of the run sees it, wherever it runs, and no other run does.
"""

from collections.abc import Collection
from contextlib import suppress

from execution.orchestration.forecast import Standing
from execution.storage import layout
from execution.storage.choose import AnyStorage
from experiment.values import Frozen

STOP, TIME, OFFLINE, ARRIVED, TRAININGS = "stop", "time-is-up", "offline", "arrived", "trainings"


class RunState(Frozen):
    storage: AnyStorage
    flow_run: str

    def forget(self) -> None:
        """Know nothing: what an earlier try of the same flow run left, or what nobody will ask for any more."""
        self.storage.delete(self.key())

    def arrive(self) -> None:
        """Leave a mark for those who are to share the storage."""
        self.storage.put_if_absent(self.key(ARRIVED), b"")

    @property
    def arrived(self) -> bool:
        return self.storage.exists(self.key(ARRIVED))

    def request_stop(self) -> None:
        """Ask every training of the flow run to save a checkpoint and stop."""
        self.storage.put_if_absent(self.key(STOP), b"")

    @property
    def stop_requested(self) -> bool:
        return self.storage.exists(self.key(STOP))

    def end_time(self) -> None:
        """Let no training of the flow run begin, and those under way save a checkpoint and end; all else goes on."""
        self.storage.put_if_absent(self.key(TIME), b"")

    @property
    def time_is_up(self) -> bool:
        return self.storage.exists(self.key(TIME))

    def give_up_tracking(self) -> bool:
        """Let all later W&B runs of the flow run be offline ones; say whether this is news."""
        return self.storage.put_if_absent(self.key(OFFLINE), b"")

    @property
    def tracking_given_up(self) -> bool:
        return self.storage.exists(self.key(OFFLINE))

    @property
    def seconds_between_looks(self) -> float:
        """How often trainings say how far they are, and somebody looks."""
        return 5.0 if self.storage.remote else 1.0

    def stand(self, training: str, standing: Standing) -> None:
        """Say how far a training is, by its identity."""
        self.storage.put(self.key(TRAININGS, training), standing.model_dump_json().encode())

    def end(self, training: str) -> None:
        self.storage.delete(self.key(TRAININGS, training))

    def standings(self) -> Collection[Standing]:
        """How far the trainings are that are under way."""
        found = []
        for key in self.storage.list(self.key(TRAININGS)):
            with suppress(FileNotFoundError):  # it has just ended
                found.append(Standing.model_validate_json(self.storage.get(key)))
        return found

    def key(self, *mark: str) -> str:
        return "/".join((layout.RUNS, self.flow_run, *mark))
