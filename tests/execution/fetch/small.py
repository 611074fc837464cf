"""A Fashion-MNIST in small, and a server that has it."""

import gzip
import hashlib
import io
import struct
import threading
from collections import Counter
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
from werkzeug import Request, Response

from execution.fetch.sources import Web
from experiment.data.formats import Arrays, Expected, npy_name
from tests.loopback import Loopback

# A Fashion-MNIST in small: 30 + 10 images of 4×5 pixels in 3 classes.
rng = np.random.default_rng(0)
RAW = {
    "train_images": rng.integers(0, 256, (30, 4, 5), dtype=np.uint8),
    "train_labels": np.arange(30, dtype=np.uint8) % 3,
    "test_images": rng.integers(0, 256, (10, 4, 5), dtype=np.uint8),
    "test_labels": np.arange(10, dtype=np.uint8) % 3,
}
FILES = [npy_name(array) for array in Arrays._fields]
IDX = [f"{side}-{kind}-ubyte.gz" for side in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
SMALL = {
    name: Expected(array.shape, hashlib.sha256(array.tobytes()).hexdigest(), file)
    for (name, array), file in zip(RAW.items(), IDX, strict=True)
}


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes())


def npy_bytes(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def flat(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1) if array.ndim > 1 else array


AS_IDX = {file: idx_bytes(array) for file, array in zip(IDX, RAW.values(), strict=True)}
AS_NPY = {file: npy_bytes(flat(array)) for file, array in zip(FILES, RAW.values(), strict=True)}


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


class Server(Loopback):
    """Serves `files`, after what `faults[name]` lists, one a request: a status, "truncate", "reset", …"""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[int | str]] = {}
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()
        super().__init__()

    @property
    def base(self) -> str:
        return f"{self.url}/"

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.stop()

    def respond(self, request: Request) -> Response:
        name = request.path[1:]
        self.asked[name] += 1
        fault = faults.pop(0) if (faults := self.faults.get(name)) else None
        if fault == "hang":
            self.closing.wait()
        if fault in ("hang", "reset"):
            raise ConnectionError
        body = self.files.get(name)
        if isinstance(fault, int) or body is None:
            status = HTTPStatus(fault if isinstance(fault, int) else 404)
            return Response(status=f"{status} {status.phrase}")
        response = Response(body[: len(body) // 2] if fault == "truncate" else body)
        response.headers["Content-Length"] = "many" if fault == "nonsense" else str(len(body))
        return response


def alter(content: bytes) -> bytes:
    """A valid file of other content: one byte of the data changed, before compression where compressed."""
    if content.startswith(b"\x1f\x8b"):
        raw = bytearray(gzip.decompress(content))
        raw[-1] ^= 1
        return gzip.compress(bytes(raw))
    return content[:-1] + bytes([content[-1] ^ 1])


def own(folder: Path, **changes: Any) -> Path:
    """A good data set of 3 classes in `folder`, but for the changes: an array, bytes, or None for no file."""
    good: dict[str, Any] = {name: flat(array) for name, array in RAW.items()}
    for name, value in {**good, **changes}.items():
        content = value if isinstance(value, bytes) else npy_bytes(value)
        if value is not None:
            write(folder, {f"fashion_mnist_{name}.npy": content})
    return folder


def web(base: str, *, idx: bool = True, timeout: tuple[float, float] = (2.0, 2.0)) -> Web:
    return Web("The stand-in", base, idx=idx, pause=0.01, timeout=timeout)
