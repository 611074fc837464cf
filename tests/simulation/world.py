"""Processes, a clock and an object store of which a seed decides everything: who goes first, what is slow, what fails.

Each process is some greenlets, one of which runs at a time. The clock stands still while one runs and goes on where it
sleeps, which every request to the store is. A killed process is never resumed.
"""

import heapq
import itertools
import random
from collections import Counter
from types import SimpleNamespace

from greenlet import GreenletExit, getcurrent, greenlet  # type: ignore[import-untyped]
from obstore.exceptions import GenericError
from obstore.store import MemoryStore

UNAVAILABLE = "Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>"
BROKEN = "Server returned non-2xx status code: 500 Internal Server Error: <Code>InternalError</Code>"
READS, CHANGES = ("get", "head", "list"), ("put", "delete", "copy")
OLD, OLDEST = (
    0.03,
    30.0,
)  # how many reads are answered with a version that is no longer so, and how many seconds ago it was
LOST = "HTTP error: error sending request: connection closed before message completed"


class World:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.now = 0.0
        self.waiting = []
        self.numbers = itertools.count()
        self.store = MemoryStore()
        self.faults = True
        self.happened = Counter()
        self.trace = []
        self.written = {}  # every content that a key ever had
        self.versions = {}  # of each key: since when, metadata and content, None where it was removed
        self.every = []  # greenlets: one that nobody knows any more would be ended, which runs its `finally`
        self.over = False

    def start(self, process, function, *arguments):
        """Have a process do something, beside what it does already."""
        runs = greenlet(lambda: None if process.dead or self.over else function(*arguments))
        runs.process = process
        self.every.append(runs)
        self.resume(runs, self.now)

    def resume(self, runs, when):
        heapq.heappush(self.waiting, (when, self.dice.random(), next(self.numbers), runs))

    def run(self, until):
        """Go on until nothing waits, or to that time."""
        while self.waiting and self.waiting[0][0] <= until:
            when, _, _, runs = heapq.heappop(self.waiting)
            if runs.process.dead or runs.dead:
                continue
            if when < runs.process.asleep_until:
                self.resume(runs, runs.process.asleep_until)
                continue
            self.now = max(self.now, when)
            runs.parent = getcurrent()
            runs.switch()

    def end(self):
        self.over = True
        self.every.clear()

    def sleep(self, seconds):
        if self.over:
            raise GreenletExit
        runs = getcurrent()
        self.resume(runs, self.now + seconds)
        runs.parent.switch()
        if self.over or runs.process.dead:
            raise GreenletExit

    def ask(self, process, name, *arguments, **options):
        """One request of a process to the store: slow, refused, answered late, or with the answer lost."""
        luck = self.dice.random() if self.faults else 1.0
        self.sleep(self.dice.expovariate(1 / 0.02))
        if self.faults and self.dice.random() < (0.08 if name in ("put", "delete") else 0.001):
            process.stumble()
        if luck < 0.02:
            self.happened["500 or 503"] += 1
            raise GenericError(self.dice.choice([UNAVAILABLE, BROKEN]))
        if luck < 0.04:
            self.happened["slow"] += 1
            self.sleep(self.dice.uniform(1, 30))  # longer than a lease, now and then
        try:
            if self.faults and name in READS and self.dice.random() < OLD:
                self.happened["older version"] += 1
                answer = self.older(name, self.now - self.dice.uniform(0, OLDEST), *arguments, **options)
            else:
                answer = getattr(self.store, name)(*arguments, **options)
                answer = answer.collect() if name == "list" else answer
        except Exception as error:
            answer = error
        if name == "put":
            self.written.setdefault(arguments[0], set()).add(arguments[1])
        if name in CHANGES:
            changed = arguments[-1 if name == "copy" else 0]
            self.remember([changed] if isinstance(changed, str) else changed)
        self.trace.append((round(self.now, 6), process.name, name, str(arguments[0]), type(answer).__name__))
        if 0.04 < luck < 0.06:
            self.happened["answer lost"] += 1
            raise GenericError(LOST)
        if 0.06 < luck < 0.08:
            self.happened["stale"] += 1
            self.sleep(self.dice.uniform(1, 30))  # what is answered is no longer so
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(collect=lambda: answer) if name == "list" else answer

    def remember(self, keys):
        """Note what is under keys that a request may have changed."""
        for key in keys:
            try:
                got = self.store.get(key)
                version = got.meta, bytes(got.bytes())
            except FileNotFoundError:
                version = None
            self.versions.setdefault(key, []).append((self.now, version))

    def older(self, name, moment, path, options=None):
        """What a read would have been answered at some moment before."""

        def at(key):
            return next((version for since, version in reversed(self.versions.get(key, ())) if since <= moment), None)

        if name == "list":
            return [version[0] for key in sorted(self.versions) if key.startswith(f"{path}/") and (version := at(key))]
        if not (version := at(path)):
            raise FileNotFoundError(path)
        meta, content = version
        part = slice(*(options or {}).get("range", (None, None)))
        return meta if name == "head" else SimpleNamespace(meta=meta, bytes=lambda: content[part])


class Process:
    """One of the world's, on a machine of its own; `modules` are those that would wait or speak to the store."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.dead, self.asleep_until = False, 0.0
        self.stumble = lambda: None  # what happens to it, now and then, at a request

    def __getattr__(self, name):
        """The store, as this process reaches it."""
        if name not in ("put", "get", "head", "list", "list_with_delimiter", "delete", "copy"):
            raise AttributeError(name)
        return lambda *arguments, **options: self.world.ask(self, name, *arguments, **options)

    def kill(self):
        self.dead = True
        if getcurrent().process is self:
            getcurrent().parent.switch()  # for good

    def fall_asleep(self, seconds):
        """As a machine whose lid is closed."""
        self.asleep_until = self.world.now + seconds
        if getcurrent().process is self:
            self.world.sleep(0)


class Clock:
    """The module `time`."""

    def __init__(self, world):
        self.world = world
        self.sleep = world.sleep

    def monotonic(self):
        return self.world.now

    time = monotonic

    def time_ns(self):
        return int(self.world.now * 1e9)


class Threads:
    """The module `threading`."""

    TIMEOUT_MAX = 1e9

    def __init__(self, world):
        self.world = world

    def Thread(self, target, args=(), **_):
        return SimpleNamespace(start=lambda: self.world.start(getcurrent().process, target, *args))

    def Event(self):
        return Event(self.world)


class Event:
    def __init__(self, world):
        self.world, self.flag = world, False

    def set(self):
        self.flag = True

    def wait(self, timeout):
        self.world.sleep(timeout)  # whoever is woken late finds the same
        return self.flag


class Lock:
    """One that greenlets of a process wait for."""

    def __init__(self, world):
        self.world, self.held = world, set()

    def __enter__(self):
        while getcurrent().process in self.held:
            self.world.sleep(0.01)
        self.held.add(getcurrent().process)

    def __exit__(self, *_):
        self.held.discard(getcurrent().process)
