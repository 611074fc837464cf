"""Fashion-MNIST from files that earlier runs or the user put there."""

import numpy as np
import pytest

from tests.execution.fetch.small import AS_IDX, AS_NPY, FILES, IDX, RAW, alter, flat, names, npy_bytes, web, write


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
