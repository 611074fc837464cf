"""A second store, in memory: what a new one has to have."""

import threading
import time


class MemoryLock:
    def __init__(self, lock):
        self.lock = lock

    def acquire(self, timeout, given_up):
        until = None if timeout is None else time.monotonic() + timeout
        while not self.lock.acquire(blocking=False):
            if given_up() or (until is not None and time.monotonic() >= until):
                return False
            time.sleep(0.01)
        return True

    def release(self):
        self.lock.release()


class MemoryStore:
    def __init__(self):
        self.objects, self.locks = {}, {}

    def get(self, key):
        try:
            return self.objects[key]
        except KeyError:
            raise FileNotFoundError(key) from None

    def put(self, key, content, *, durable=False):
        self.objects[key] = content

    def put_if_absent(self, key, content):
        return self.objects.setdefault(key, content) is content

    def exists(self, key):
        return key in self.objects

    def list(self, prefix):
        below = (key.removeprefix(f"{prefix}/") for key in self.objects if key.startswith(f"{prefix}/"))
        return iter(sorted({f"{prefix}/{name.partition('/')[0]}" for name in below}))

    def delete(self, key):
        self.objects = {name: held for name, held in self.objects.items() if not f"{name}/".startswith(f"{key}/")}

    def set_aside(self, key):
        self.objects[f"{key}.bad-{time.time_ns()}"] = self.objects.pop(key)

    def size(self, key):
        return sum(len(held) for name, held in self.objects.items() if f"{name}/".startswith(f"{key}/"))

    def lock(self, key):
        return MemoryLock(self.locks.setdefault(key, threading.Lock()))

    def where(self, key):
        return f"memory:{key}"
