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
    remote = False

    def __init__(self, home):
        self.objects, self.locks, self.home = {}, {}, home

    def get(self, key):
        try:
            return self.objects[key]
        except KeyError:
            raise FileNotFoundError(key) from None

    def put(self, key, content, *, durable=False):
        self.objects[key] = content if isinstance(content, bytes) else content.read_bytes()

    def exists(self, key):
        return key in self.objects

    def list(self, prefix):
        below = (key.removeprefix(f"{prefix}/") for key in self.objects if key.startswith(f"{prefix}/"))
        return iter(sorted({f"{prefix}/{name.partition('/')[0]}" for name in below}))

    def delete(self, key):
        self.objects = {name: held for name, held in self.objects.items() if not f"{name}/".startswith(f"{key}/")}

    def set_aside(self, key):
        self.objects[f"{key}.bad-{time.time_ns()}"] = self.objects.pop(key)

    def lock(self, key):
        return MemoryLock(self.locks.setdefault(key, threading.Lock()))

    def where(self, key):
        return f"memory:{key}"

    def folder(self, name):
        (self.home / name).mkdir(parents=True, exist_ok=True)
        return self.home / name

    def local(self, key, *, anew=False):
        path = self.folder(key.rpartition("/")[0]) / key.rpartition("/")[2]
        path.write_bytes(self.get(key))
        return path
