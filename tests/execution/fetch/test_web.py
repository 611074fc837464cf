"""Fashion-MNIST from the web, against a real HTTP server."""

import io
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from execution.fetch.sources import Web, fashion_mnist
from experiment.errors import DataError
from tests.execution.fetch.small import AS_IDX, AS_NPY, FILES, IDX, SMALL, alter, names, web, write


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
    monkeypatch.setattr("execution.fetch.sources.time.sleep", waits.append)
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
def test_an_unreachable_host_is_given_up_at_once(tmp_path, base):
    lines: list[str] = []
    with pytest.raises(DataError) as error:
        fashion_mnist(tmp_path, lines.append, sources=[Web("Nobody", base, idx=True)], expected=SMALL)
    assert "cannot connect" in lines[1]
    assert "tried" not in lines[1]  # again and again, with pauses
    for said in [*lines, *IDX, *FILES, str(tmp_path), "data_dir"]:
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
    plain = server.respond

    def respond(request):
        answer = plain(request)
        if "gzip" in request.headers["Accept-Encoding"]:
            answer.content_encoding = "gzip"
        return answer

    monkeypatch.setattr(server, "respond", respond)
    server.files = AS_IDX
    fetch(web(server.base))


def test_what_a_killed_run_left_is_neither_used_nor_kept(tmp_path, fetch, server):
    write(tmp_path / "data" / ".partial" / "unpacked", {"debris": b"?"})
    write(tmp_path / "data" / ".partial", {IDX[0]: b"half"})
    server.files = AS_IDX
    fetch(web(server.base))
    assert names(tmp_path / "data") == set(IDX)


KILLED = """
import sys; from pathlib import Path; from execution.fetch.sources import Web, fashion_mnist
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
    with pytest.raises(DataError, match=r"file/data: cannot store files .* make it writable"):
        fashion_mnist(tmp_path / "file" / "data", print, sources=[], expected=SMALL)
