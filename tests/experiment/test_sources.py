"""Fetching and verifying data, against a real HTTP server, a real .deb, and folders as users hand them in."""

import gzip
import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiment.data.debian import DebianPackage, Installed
from experiment.data.formats import Expected, read_idx, read_npy
from experiment.data.sources import FILES, SOURCES, Arrays, DataError, Source, Web, fashion_mnist, own_data

# A Fashion-MNIST in small: 30 + 10 images of 4×5 pixels in 3 classes.
rng = np.random.default_rng(0)
RAW = {
    "train_images": rng.integers(0, 256, (30, 4, 5), dtype=np.uint8),
    "train_labels": np.arange(30, dtype=np.uint8) % 3,
    "test_images": rng.integers(0, 256, (10, 4, 5), dtype=np.uint8),
    "test_labels": np.arange(10, dtype=np.uint8) % 3,
}
IDX = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]
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


class Server(ThreadingHTTPServer):
    """Serves `files`, after what `faults[name]` lists, one a request: a status, "truncate", "reset", …"""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[int | str]] = {}
        self.asked: Counter[str] = Counter()
        self.closing = threading.Event()
        self.base = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked[name] += 1
        faults = self.server.faults.get(name)
        fault = faults.pop(0) if faults else None
        body = self.server.files.get(name)
        if fault == "reset":
            return  # the connection closes without an answer
        if fault == "hang":
            self.server.closing.wait()
            return
        if isinstance(fault, int) or body is None:
            self.send_error(fault if isinstance(fault, int) else 404)
            return
        self.send_response(200)
        self.send_header("Content-Length", "many" if fault == "nonsense" else str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "truncate" else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.closing.set()
        server.shutdown()
        thread.join()


def web(base: str, *, idx: bool = True, timeout: tuple[float, float] = (2.0, 2.0)) -> Web:
    return Web("The stand-in", base, idx=idx, pause=0.01, timeout=timeout)


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., tuple[Arrays, list[str]]]:
    """Fetch into tmp_path/data; the arrays, checked to be the right ones, and the lines reported."""

    def fetch(*sources: Source) -> tuple[Arrays, list[str]]:
        lines: list[str] = []
        arrays = fashion_mnist(tmp_path / "data", lines.append, sources=sources, expected=SMALL)
        for array, raw in zip(arrays, RAW.values(), strict=True):
            np.testing.assert_array_equal(array, flat(raw))
            assert array.dtype == (np.uint8 if raw.ndim > 1 else np.int64)
            assert array.flags.c_contiguous
        return arrays, lines

    return fetch


# ---- Fashion-MNIST: kept files


@pytest.mark.parametrize("files", [AS_IDX, AS_NPY], ids=["idx", "npy"])
def test_kept_files_are_enough(tmp_path, fetch, files):
    write(tmp_path / "data", files)
    _, lines = fetch(web("http://127.0.0.1:9/"))
    assert lines == [f"Files kept in {tmp_path}/data: 4 of 4 arrays"]
    assert names(tmp_path / "data") == set(files)


def test_npy_may_hold_images_of_any_number_type_and_rank(tmp_path, fetch):
    arrays = [
        RAW["train_images"].astype(float),
        RAW["train_labels"].astype(">i8"),
        np.asfortranarray(flat(RAW["test_images"])),
        RAW["test_labels"].astype(np.float32),
    ]
    write(tmp_path / "data", {file: npy_bytes(array) for file, array in zip(FILES, arrays, strict=True)})
    fetch()


def test_what_is_kept_is_not_asked_for_again(tmp_path, fetch, server):
    write(tmp_path / "data", {IDX[0]: AS_IDX[IDX[0]], FILES[3]: AS_NPY[FILES[3]]})
    server.files = AS_IDX
    _, lines = fetch(web(server.base))
    assert lines == [f"Files kept in {tmp_path}/data: 2 of 4 arrays", "The stand-in: 2 of 2 arrays"]
    assert set(server.asked) == {IDX[1], IDX[2]}


def alter(content: bytes) -> bytes:
    """A valid file of other content: one byte of the data changed, before compression where compressed."""
    if content.startswith(b"\x1f\x8b"):
        raw = bytearray(gzip.decompress(content))
        raw[-1] ^= 1
        return gzip.compress(bytes(raw))
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "spoil",
    [
        alter,
        lambda b: b[:-9],
        lambda b: b"",
        lambda b: b"<html>Not here</html>",
        lambda b: npy_bytes(np.array(["a"])),
    ],
    ids=["altered", "truncated", "empty", "html", "text"],
)
@pytest.mark.parametrize(("good", "file"), [(AS_IDX, IDX[0]), (AS_NPY, FILES[1])], ids=["idx", "npy"])
def test_a_kept_file_of_other_content_is_set_aside(tmp_path, fetch, server, good, file, spoil):
    bad = spoil(good[file])
    write(tmp_path / "data", {**good, file: bad, file + ".bad": b"older"})
    server.files = AS_IDX
    _, lines = fetch(web(server.base))
    assert f"{file}.bad2" in lines[0]
    assert "3 of 4" in lines[0]
    assert (tmp_path / "data" / f"{file}.bad").read_bytes() == b"older"
    assert (tmp_path / "data" / f"{file}.bad2").read_bytes() == bad


def test_a_folder_in_place_of_a_kept_file_is_set_aside(tmp_path, fetch, server):
    write(tmp_path / "data", {name: content for name, content in AS_IDX.items() if name != IDX[0]})
    (tmp_path / "data" / IDX[0]).mkdir()
    server.files = AS_IDX
    _, lines = fetch(web(server.base))
    assert f"{IDX[0]}.bad" in lines[0]
    assert "3 of 4" in lines[0]


def test_an_array_kept_twice_is_trusted_where_it_verifies(tmp_path, fetch):
    write(tmp_path / "data", {**AS_IDX, FILES[0]: alter(AS_NPY[FILES[0]])})
    _, lines = fetch()
    assert "4 of 4" in lines[0]
    assert names(tmp_path / "data") == {*IDX, FILES[0] + ".bad"}


# ---- Fashion-MNIST: the web


@pytest.mark.parametrize(("idx", "files"), [(True, AS_IDX), (False, AS_NPY)], ids=["idx", "npy"])
def test_files_are_fetched_verified_and_kept(tmp_path, fetch, server, capsys, idx, files):
    server.files = files
    _, lines = fetch(web(server.base, idx=idx))
    assert lines == [f"Files kept in {tmp_path}/data: 0 of 4 arrays", "The stand-in: 4 of 4 arrays"]
    assert names(tmp_path / "data") == set(files)
    assert capsys.readouterr().err == ""  # no progress bar but on a terminal
    assert fetch()[1] == [f"Files kept in {tmp_path}/data: 4 of 4 arrays"]


def test_a_terminal_gets_a_progress_bar(fetch, server, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    server.files = AS_IDX
    fetch(web(server.base))
    assert "100%" in terminal.getvalue()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("fault", [500, 503, 429, "truncate", "reset", "hang"])
def test_passing_faults_are_retried(fetch, server, fault):
    server.files = AS_IDX
    server.faults[IDX[0]] = [fault, fault]
    _, lines = fetch(web(server.base, timeout=(2.0, 0.2)))
    assert lines[1] == "The stand-in: 4 of 4 arrays"
    assert server.asked == {IDX[0]: 3, IDX[1]: 1, IDX[2]: 1, IDX[3]: 1}


def test_waits_grow_and_vary(fetch, server, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("experiment.data.sources.time.sleep", waits.append)
    server.files = AS_IDX
    for file in IDX:
        server.faults[file] = [503] * 3
    fetch(Web("The stand-in", server.base, idx=True, pause=1))
    rows = np.array(waits).reshape(4, 3) / [1, 2, 4]
    assert ((rows >= 0.5) & (rows <= 1.5)).all()
    assert len(set(rows.ravel())) == 12


@pytest.mark.parametrize(
    ("fault", "says", "asked"),
    [
        (404, "404 Not Found", 1),
        (403, "403 Forbidden", 1),
        (502, "502 Bad Gateway (tried 4 times)", 4),
        ("reset", "tried 4 times", 4),
        ("nonsense", "many", 1),
    ],
)
def test_a_server_that_goes_on_failing_is_given_up(fetch, server, fault, says, asked):
    server.files = {**AS_IDX, **AS_NPY}
    server.faults[FILES[1]] = [fault] * 9
    _, lines = fetch(web(server.base, idx=False), web(server.base))
    assert "The stand-in: 1 of 4 arrays; " in lines[1]
    assert says in lines[1]
    assert lines[2] == "The stand-in: 3 of 3 arrays"
    assert server.asked[FILES[1]] == asked
    assert FILES[2] not in server.asked


@pytest.mark.parametrize("base", ["http://127.0.0.1:9/", "https://no-such-host.invalid/"], ids=["refused", "unknown"])
def test_an_unreachable_host_is_given_up_fast(tmp_path, base):
    lines: list[str] = []
    start = time.monotonic()
    with pytest.raises(DataError) as error:
        fashion_mnist(tmp_path, lines.append, sources=[Web("Nobody", base, idx=True)], expected=SMALL)
    assert time.monotonic() - start < 3
    assert "cannot connect" in lines[1]
    for said in [*lines, *IDX, *FILES, str(tmp_path), "--data-dir"]:
        assert said in str(error.value)


def test_wrong_bytes_are_set_aside_and_the_next_source_asked(tmp_path, fetch, server):
    wrong = alter(AS_NPY[FILES[0]])
    server.files = {**AS_IDX, **AS_NPY, FILES[0]: wrong}
    _, lines = fetch(web(server.base, idx=False), web(server.base))
    assert "3 of 4" in lines[1]
    assert f"{FILES[0]}.bad" in lines[1]
    assert lines[2] == "The stand-in: 1 of 1 arrays"
    assert names(tmp_path / "data") == {FILES[0] + ".bad", IDX[0], *FILES[1:]}
    assert (tmp_path / "data" / f"{FILES[0]}.bad").read_bytes() == wrong


def test_gz_files_arrive_as_they_are(fetch, server, monkeypatch):
    plain = Handler.send_header

    def send(self, keyword, value):
        if keyword == "Content-Length" and "gzip" in self.headers["Accept-Encoding"]:
            plain(self, "Content-Encoding", "gzip")
        plain(self, keyword, value)

    monkeypatch.setattr(Handler, "send_header", send)
    server.files = AS_IDX
    fetch(web(server.base))


def test_what_a_killed_run_left_is_neither_used_nor_kept(tmp_path, fetch, server):
    write(tmp_path / "data" / ".partial" / "unpacked", {"debris": b"?"})
    write(tmp_path / "data" / ".partial", {IDX[0]: b"half"})
    server.files = AS_IDX
    fetch(web(server.base))
    assert names(tmp_path / "data") == set(IDX)


KILLED = """
import sys; from pathlib import Path; from experiment.data.sources import Web, fashion_mnist
fashion_mnist(Path(sys.argv[1]), print, sources=[Web("W", sys.argv[2], idx=True)])
"""


def test_a_run_killed_while_fetching_hinders_no_other(tmp_path, fetch, server):
    server.files = AS_IDX
    server.faults[IDX[0]] = ["hang"]
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "data"), server.base]) as process:
        while not server.asked:
            time.sleep(0.02)
            assert process.poll() is None
        process.kill()
    assert ".partial" in names(tmp_path / "data")
    fetch(web(server.base))
    assert names(tmp_path / "data") == set(IDX)


def test_two_runs_at_once_fetch_each_file_once(fetch, server):
    server.files = AS_IDX
    server.faults[IDX[0]] = ["truncate"]
    with ThreadPoolExecutor(2) as pool:
        for run in [pool.submit(fetch, web(server.base)) for _ in range(2)]:
            run.result()
    assert server.asked == {IDX[0]: 2, IDX[1]: 1, IDX[2]: 1, IDX[3]: 1}


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=r"file/data: cannot keep files .* make it writable"):
        fashion_mnist(tmp_path / "file" / "data", print, sources=[], expected=SMALL)


# ---- Fashion-MNIST: Debian

dpkg_only = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="no dpkg-deb on this machine")

APT = r"""#!/bin/sh
echo "$@" >> "$LOG"
[ "$APT" = slow ] && exec sleep 5
case "$*" in
*Dir::State::Lists*update*) [ "$APT" = outdated ] || { echo "W: x\nE: no mirrors" >&2; exit 100; };;
*Dir::State::Lists*download*) cp "$DEB" .;;
*download*) case "$APT" in
  good) cp "$DEB" .;;
  *) echo "E: Unable to locate package" >&2; exit 100;;
  esac;;
esac
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that hands out a real package of the small files; the log of how it was called."""
    tree = tmp_path / "tree"
    control = b"Package: small\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: x\n"
    write(tree / "DEBIAN", {"control": control})
    write(tree / "usr/share/datasets/fashion-mnist", AS_IDX)
    (tree / "DEBIAN").chmod(0o755)
    subprocess.run(["dpkg-deb", "-b", str(tree), str(tmp_path / "small_1_all.deb")], check=True, capture_output=True)
    write(tmp_path / "bin", {"apt-get": APT.encode()})
    (tmp_path / "bin/apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("DEB", str(tmp_path / "small_1_all.deb"))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@dpkg_only
@pytest.mark.parametrize(("mood", "calls"), [("good", 1), ("outdated", 3)])
def test_the_package_is_fetched_and_unpacked(tmp_path, apt, monkeypatch, mood, calls):
    monkeypatch.setenv("APT", mood)
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []
    fashion_mnist(Path("a folder"), lines.append, sources=[DebianPackage()], expected=SMALL)
    assert lines[1] == "Debian's package dataset-fashion-mnist by apt-get: 4 of 4 arrays"
    assert names(tmp_path / "a folder") == set(IDX)
    log = apt.read_text().splitlines()
    assert len(log) == calls
    assert all(f"Dir::State::Lists={tmp_path}/a folder/.partial/lists" in line for line in log[1:])


@dpkg_only
@pytest.mark.parametrize(
    ("mood", "timeout", "says"),
    [
        ("broken", 9, "Unable to locate package; with fresh package lists: apt-get: E: no mirrors"),
        ("slow", 0.2, "apt-get was not done within 0.2 s"),
    ],
)
def test_apt_that_fails_says_what_to_do(tmp_path, apt, monkeypatch, mood, timeout, says):
    monkeypatch.setenv("APT", mood)
    with pytest.raises(DataError) as error:
        fashion_mnist(tmp_path / "data", print, sources=[DebianPackage(timeout=timeout)], expected=SMALL)
    assert says in str(error.value)
    assert "`apt-get update`" in str(error.value)


def test_a_machine_without_apt_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="no apt-get and dpkg-deb"):
        fashion_mnist(tmp_path / "data", print, sources=[DebianPackage()], expected=SMALL)


def test_the_installed_package_is_copied_and_left_alone(tmp_path, fetch):
    installed = {**AS_IDX, IDX[0]: alter(AS_IDX[IDX[0]])}
    write(tmp_path / "installed", installed)
    write(tmp_path / "second", AS_IDX)
    sources = [Installed(tmp_path / name) for name in ("nowhere", "installed", "second")]
    _, lines = fetch(*sources)
    assert "not installed" in lines[1]
    assert "3 of 4" in lines[2]
    assert names(tmp_path / "installed") == set(IDX)
    assert names(tmp_path / "data") == {*IDX, IDX[0] + ".bad"}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt-get on this machine")
@pytest.mark.parametrize("lists", ["of the machine", "none"])
def test_the_real_package(tmp_path, monkeypatch, lists):
    if lists == "none":
        (tmp_path / "lists/partial").mkdir(parents=True)
        (tmp_path / "apt.conf").write_text(f'Dir::State::Lists "{tmp_path}/lists";')
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    arrays = fashion_mnist(tmp_path / "data", print, sources=SOURCES[-1:])
    assert [array.shape for array in arrays] == [(60_000, 784), (60_000,), (10_000, 784), (10_000,)]
    assert [array.dtype for array in arrays] == [np.uint8, np.int64, np.uint8, np.int64]
    assert np.bincount(arrays.train_labels).tolist() == [6_000] * 10
    assert np.bincount(arrays.test_labels).tolist() == [1_000] * 10


# ---- a user's own data


def own(folder: Path, **changes: Any) -> Path:
    """A good data set of 3 classes in `folder`, but for the changes: an array, bytes, or None for no file."""
    good: dict[str, Any] = {name: flat(array) for name, array in RAW.items()}
    for name, value in {**good, **changes}.items():
        content = value if isinstance(value, bytes) else npy_bytes(value)
        if value is not None:
            write(folder, {f"fashion_mnist_{name}.npy": content})
    return folder


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", ">f8", "f2", "?"])
def test_own_data_keeps_its_dtype(tmp_path, dtype):
    images = RAW["train_images"].astype(dtype)
    arrays = own_data(own(tmp_path, train_images=images, train_labels=RAW["train_labels"].astype("u8")))
    assert arrays.train_images.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(arrays.train_images, flat(images))
    np.testing.assert_array_equal(arrays.test_images, flat(RAW["test_images"]))
    for labels, name in ((arrays.train_labels, "train_labels"), (arrays.test_labels, "test_labels")):
        assert labels.dtype == np.int64
        np.testing.assert_array_equal(labels, RAW[name])


def test_own_data_may_lack_a_class_in_the_test_labels(tmp_path):
    assert own_data(own(tmp_path, test_labels=np.zeros(10, int))).test_labels.max() == 0


def put(array: np.ndarray, where: Any, value: Any) -> np.ndarray:
    array = array.copy()
    array[where] = value
    return array


X, y, Xt, yt = (flat(array) for array in RAW.values())
BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "one file missing": ({"train_labels": None}, "", r": \w+train_labels\.npy missing; put there all"),
    "two missing": ({"train_images": None, "test_labels": None}, "", r"images\.npy, \w+labels\.npy missing"),
    "not .npy": ({"train_images": b"1,2,3"}, "train_images", "not a NumPy .npy file; write it with"),
    "empty file": ({"train_images": b""}, "train_images", "not a NumPy .npy file"),
    "zip": ({"train_images": b"PK\x03\x04..."}, "train_images", "not a NumPy .npy file"),
    "pickle": ({"test_labels": b"\x80\x04K\x01."}, "test_labels", "not a NumPy .npy file"),
    "truncated": ({"test_images": npy_bytes(Xt)[:-1]}, "test_images", "truncated, damaged"),
    "header cut": ({"test_images": npy_bytes(Xt)[:20]}, "test_images", "truncated, damaged"),
    "objects": ({"train_images": np.array([[1, None]] * 30)}, "train_images", "objects.*write it again"),
    "object labels": ({"train_labels": y.astype(object)}, "train_labels", "objects.*write it again"),
    "scalar": ({"train_images": np.array(3)}, "train_images", r"shape \(\); save images as n × f"),
    "1-D images": ({"train_images": X[:, 0]}, "train_images", r"shape \(30,\); save images as n"),
    "4-D images": ({"test_images": np.zeros((10, 4, 5, 1))}, "test_images", r"shape \(10, 4, 5, 1\); save"),
    "complex": ({"train_images": X + 0j}, "train_images", "dtype complex128; save pixels as"),
    "text": ({"train_images": X.astype("U3")}, "train_images", "dtype <U3; save pixels"),
    "dates": ({"train_images": X.astype("M8[s]")}, "train_images", "dtype datetime64"),
    "records": ({"train_images": np.zeros((30, 20), [("a", "f4")])}, "train_images", "dtype .*save pixels"),
    "no images": ({"train_images": X[:0], "train_labels": y[:0]}, "train_images", r"empty, shape \(0, 20\)"),
    "no test": ({"test_images": Xt[:0], "test_labels": yt[:0]}, "test_images", r"empty, shape \(0, 20\)"),
    "no features": ({"train_images": X[:, :0]}, "train_images", r"empty, shape \(30, 0\)"),
    "NaN": ({"train_images": put(X / 1.0, (3, 4), np.nan)}, "train_images", "nan in image 3, feature 4"),
    "inf": ({"test_images": put(Xt.astype("f4"), (0, 1), np.inf)}, "test_images", "inf in image 0, feat"),
    "-inf": ({"test_images": put(Xt.astype("f4"), (9, 19), -np.inf)}, "test_images", "-inf in image 9"),
    "NaN, 3-D": ({"train_images": put(RAW["train_images"] / 1, (7, 1, 2), np.nan)}, "train_images", "7, f"),
    "2-D labels": ({"train_labels": y[:, None]}, "train_labels", r"shape \(30, 1\); save labels 1-D"),
    "float labels": ({"train_labels": y / 1.0}, "train_labels", r"dtype float64; save labels as integers"),
    "bool labels": ({"test_labels": yt > 1}, "test_labels", r"dtype bool; save labels as integers"),
    "text labels": ({"test_labels": yt.astype("U1")}, "test_labels", r"dtype <U1; save labels as integers"),
    "fewer labels": ({"train_labels": y[:-1]}, "train_labels", "29 labels for 30 images"),
    "more labels": ({"test_labels": np.tile(yt, 2)}, "test_labels", "20 labels for 10 images"),
    "negative": ({"train_labels": put(y.astype(int), 5, -2)}, "train_labels", "label -2 of example 5; n"),
    "negative test": ({"test_labels": put(yt.astype(int), 0, -1)}, "test_labels", "label -1 of example 0"),
    "from 1": ({"train_labels": y + 1}, "train_labels", "no example of class 0, .* up to 3; number"),
    "gap": ({"train_labels": y * 2}, "train_labels", "no example of class 1, .* up to 4"),
    "huge label": ({"train_labels": put(y.astype("u8"), 0, 2**64 - 1)}, "train_labels", "up to 1844674"),
    "one class": ({"train_labels": y * 0}, "train_labels", "only class 0 occurs; give examples"),
    "unknown class": ({"test_labels": put(yt, 4, 7)}, "test_labels", "class 7 does not occur in .*train"),
    "features": ({"test_images": Xt[:, :-1]}, "test_images", "19 features an image, 20 in .*train"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "culprit", "says"), BAD.values(), ids=BAD.keys())
def test_own_data_that_cannot_be_used_is_refused(tmp_path, changes, culprit, says):
    with pytest.raises(DataError, match=says) as error:
        own_data(own(tmp_path, **changes))
    start = str(tmp_path / f"fashion_mnist_{culprit}.npy") if culprit else f"{tmp_path}: "
    assert str(error.value).startswith(start)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder; --data-dir takes one that holds fashion_mnist_train"):
        own_data(tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    (own(tmp_path) / FILES[2]).chmod(0)
    with pytest.raises(DataError, match=f"{FILES[2]}.*make the files in .* readable"):
        own_data(tmp_path)


# ---- any bytes whatever

headers = st.builds(
    lambda descr, order, shape, end: f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}{end}",
    st.sampled_from(["'|u1'", "'<f8'", "'|O'", "'V0'", "'S0'", "'<U9'", "[('a', '<f4')]", "'M8[s]'", "("]),
    st.sampled_from(["True", "False", "7"]),
    st.sampled_from(["(2, 3)", "()", "(0, 5)", "(-1, 4)", "'a'", f"({2**40},)", f"({2**70},)", "(" * 300]),
    st.sampled_from(["", "\n", " " * 20 + "\n", "]", "\\", "'"]),
)  # fmt: skip
npy_like = st.builds(
    lambda version, header, data: b"\x93NUMPY" + version + struct.pack("<H", len(header)) + header.encode() + data,
    st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09"]),
    headers | st.text(max_size=60),
    st.binary(max_size=60),
)


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """A good file with a few bytes changed and cut somewhere."""
    raw = bytearray(good)
    for _ in range(draw(st.integers(0, 3))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own(tmp_path_factory.mktemp("any"))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200) | npy_like | damaged(npy_bytes(X)) | damaged(npy_bytes(y.astype("f8"))))
def test_any_bytes_as_npy_are_an_array_or_a_data_error(folder, content):
    for file in FILES[:2]:
        good = (folder / file).read_bytes()
        (folder / file).write_bytes(content)
        try:
            array = read_npy(folder / file)
            assert array.dtype.kind != "O"
            own_data(folder)
        except DataError as error:
            assert file in str(error) or "features" in str(error)  # noqa: PT017
        finally:
            (folder / file).unlink()  # not overwritten: it may still be mapped
            (folder / file).write_bytes(good)


@settings(max_examples=200, deadline=None)
@given(
    content=st.binary(max_size=200)
    | st.binary(max_size=200).map(gzip.compress)
    | damaged(AS_IDX[IDX[1]])
    | damaged(gzip.decompress(AS_IDX[IDX[1]])).map(gzip.compress)
)
def test_any_bytes_as_idx_are_the_shape_asked_for_or_a_data_error(folder, content):
    (folder / "x.gz").write_bytes(content)
    try:
        assert read_idx(folder / "x.gz", (30,)).shape == (30,)
    except DataError as error:
        assert "x.gz" in str(error)  # noqa: PT017


def test_idx_longer_than_its_header_is_refused(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(gzip.decompress(AS_IDX[IDX[1]]) + b"\0"))
    with pytest.raises(DataError, match="longer than the 30 bytes"):
        read_idx(tmp_path / "x.gz", (30,))
