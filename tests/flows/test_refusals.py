"""Bad input is refused before anything starts: exit code 2, what is wrong and what to do, nothing written."""

import errno
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

from experiment.data.formats import npy_name
from tests.conftest import PROJECT, clean_environment
from tests.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore:Cyclopts application invoked")  # without tokens, as is meant

# ---- bad usage


@pytest.mark.parametrize("flag", ["--data", "--artifacts", "--label", "--config", "--name"])
def test_bytes_that_are_no_text_are_refused(refused, flag):
    assert r"'a\udcff.csv' is no text in utf-8: rename" in refused(flag, os.fsdecode(b"a\xff.csv"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--learning-rates", 0], "--learning-rates: 0 is not possible: Input should be greater than 0"),
        (["--learning-rates", 0.1, -1], "--learning-rates: -1 is not possible"),
        (["--learning-rates", "nan"], "--learning-rates: nan is not possible"),
        (["--learning-rates", "inf"], "--learning-rates: inf is not possible"),
        (["--learning-rates", "fast"], "--learning-rates: fast is not possible: Input should be a valid number"),
        (["--learning-rates"], "--learning-rates: give at least one value"),
        (["--batch-sizes"], "--batch-sizes: give at least one value"),
        (["--alphas"], "--alphas: give at least one value"),
        (
            ["--learning-rates", 0.1, "1e-1"],
            "--learning-rates: 0.1 1e-1 is not possible: 0.1 occurs twice: give each value once",
        ),
        (["--batch-sizes", 8, 8], "--batch-sizes: 8 8 is not possible: 8 occurs twice"),
        (["--alphas", 0, "-0.0"], "--alphas: 0 -0.0 is not possible: 0 occurs twice"),
        (["--combinations", "[]"], "is not possible: write axes with values"),
        (["--alphas", -0.1], "--alphas: -0.1 is not possible: Input should be greater than or equal to 0"),
        (["--alphas", 0, "1e39"], "--alphas: 1e39 is not possible: Input should be less than or equal to"),
        (["--learning-rates", "1e39"], "--learning-rates: 1e39 is not possible"),
        (["--momentum", 1], "--momentum: 1 is not possible: Input should be less than 1"),
        (["--momentum", 0.9, 0.9], "0.9 occurs twice"),
        (["--decay", "step"], "--decay: step is not possible: Input should be 'none', 'inverse_sqrt' or 'cosine'"),
        (["--decay", "cosine", "cosine"], "cosine occurs twice"),
        (["--halving", 1], "--halving: 1 is not possible: Input should be greater than or equal to 2"),
        (["--halving", 2.5], "--halving: 2.5 is not possible: Input should be a valid integer"),
        (["--first-rung", 0], "--first-rung: 0 is not possible: Input should be greater than or equal to 1"),
        (["--time-limit", 0], "--time-limit: 0:00:00 is not possible: Input should be greater than 0 seconds"),
        (["--time-limit=-5m"], "--time-limit: -5m is not possible: Time limit, for example 90s, 10m or 2h"),
        (["--time-limit", "soon"], "--time-limit: soon is not possible: Time limit, for example 90s, 10m or 2h"),
        (["--average", "False"], "switches take no value"),
        (["--batch-sizes", 0], "--batch-sizes: 0 is not possible: Input should be greater than or equal to 1"),
        (["--batch-sizes", 2.5], "--batch-sizes: 2.5 is not possible: Input should be a valid integer"),
        (["--max-epochs", 0], "--max-epochs: 0 is not possible: Input should be greater than or equal to 1"),
        (["--max-epochs"], "--max-epochs requires an argument"),
        (["--validation-fraction", 0], "--validation-fraction: 0 is not possible: Input should be greater than 0"),
        (["--validation-fraction", 1], "--validation-fraction: 1 is not possible: Input should be less than 1"),
        (
            ["--select-by", "test_accuracy"],
            "test_accuracy is not possible: Input should be 'val_accuracy', 'val_loss',",
        ),
        (["--workers", 0], "--workers: 0 is not possible: Input should be greater than or equal to 1"),
        (
            ["--name", "../up"],
            "--name: ../up is not possible: Name of the sweep's folder and W&B group: let",
        ),
        (["--learning-rates", "1:0.1"], "--learning-rates: 1:0.1 is not possible: the range is reversed: write"),
        (["--learning-rates", "1:"], "--learning-rates: 1: is not possible: write a range as LOW:HIGH"),
        (["--learning-rates", "0:1"], "--learning-rates: 0 is not possible: Input should be greater than 0"),
        (["--alphas", "0:1"], "--alphas: 0:1 is not possible: a range on a logarithmic scale cannot start at 0"),
        (["--batch-sizes", "2.5:8"], "--batch-sizes: 2.5 is not possible: Input should be a valid integer"),
        (["--trials", 0], "--trials: 0 is not possible: Input should be greater than or equal to 1"),
        (["--sampler", "grid"], "--sampler: grid is not possible: Input should be 'random', 'sobol' or 'tpe'"),
        (["--learning-rates", "0.1,0.01"], "(separate values with spaces)"),
        (["--learning-rate", 0.1], "Unknown option: --learning-rate. Did you mean --learning-rates?"),
        (["surplus"], "surplus: not a command, and no value of a flag: flags begin with --"),
        (["--workers", "1", "clean"], "clean: a command stands before all flags"),
        (["swep"], "swep: not a command, and no value of a flag: did you mean sweep?"),
        (["--seeds"], "--seeds: give at least one value"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_bad_flag_is_refused_by_its_name(refused, digits, arguments, says):
    said = refused("--data-dir", digits, *arguments)
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--batch-sizes", 8, 1121], "batch_sizes: 1121 is more than the 1120 training rows: choose a smaller"),
        (["--batch-sizes", "8:1121", "--trials", 3], "batch_sizes: 1121 is more than the 1120 training rows"),
        (["--alphas", "0.1:1"], "alphas: 0.1:1 is a range: set trials to the number of combinations to draw, or give"),
        (["--sampler", "tpe"], "sampler: tpe draws trials: set trials to their number, or leave the"),
        (
            ["--trials", 37],
            "trials: 37 is more than the 36 combinations that there are: reduce it, or leave trials",
        ),
        (
            ["--trials", 9, "--learning-rates", 0.1, "--alphas", 0, "--batch-sizes", "8:15"],
            "trials: 9 is more than the 8 combinations that there are: reduce it",
        ),
        (["--stop-when-noise"], "stop_when_noise: a grid is trained as a whole: set trials to the largest"),
        (["--stop-when-noise", "--trials", 9, "--halving", 3], "trained to their end: leave halving out"),
        (["--warm-start"], "warm_start: the sampler random does not use earlier trials: choose the"),
        (["--warm-start", "--trials", 3, "--sampler", "sobol"], "warm_start: the sampler sobol does not use"),
        (["--validation-fraction", 0.9999], "too few to hold out a fraction of 0.9999 of any class"),
        (["--validation-fraction", 0.995], "give more rows of each class, or another validation_fraction"),
        (["--validation-fraction", 0.001], "too few to hold out a fraction of 0.001 of any class"),
        (["--label", "Status"], "--label, --drop and --missing are for tables; leave them out"),
        (["--nesterov"], "nesterov: it needs a momentum above 0: give one"),
        (["--momentum", 0.9, "--optimizer", "sgd", "adam"], "momentum: Adam has moments of its own: leave"),
        (["--wandb-mode", "online"], "wandb_mode: online needs an API key: run `wandb login`, or set WANDB_API_KEY"),
    ],
    ids=str,
)
def test_what_the_data_or_the_machine_do_not_allow_is_refused(refused, digits, arguments, says, tmp_path, monkeypatch):
    monkeypatch.setenv("NETRC", "/nowhere")
    monkeypatch.setenv("WANDB_CONFIG_DIR", "/nowhere")
    assert says in refused("--data-dir", digits, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--runner", "ray"], "--runner: ray is not possible: Input should be 'threads', 'processes' or 'dask'"),
        (["--dask-address", "tcp://127.0.0.1:1"], "dask_address: it needs the runner dask: give --runner dask, too"),
        (["--runner", "dask", "--dask-address", "there"], "--dask-address: there is not possible"),
        (["--runner", "dask", "--dask-address", "tcp://127.0.0.1:1", "--workers", 2], "workers: a running cluster has"),
        (["--runner", "dask", "--dask-address", "tcp://127.0.0.1:1"], "no Dask scheduler answers at tcp://127.0.0.1:1"),
    ],
    ids=str,
)
def test_a_runner_that_is_not_there_is_refused(refused, digits, monkeypatch, arguments, says):
    monkeypatch.setattr("execution.runners.scheduler.PATIENCE", 0.5)
    assert says in refused("--data-dir", digits, *arguments)


@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_processes_without_semaphores_are_refused(refused, digits, monkeypatch, runner):
    def refuse():
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("multiprocessing.Lock", refuse)
    assert "Read-only file system): make /dev/shm writable" in refused("--data-dir", digits, "--runner", runner)


def test_dask_without_its_packages_is_refused(refused, digits, monkeypatch):
    monkeypatch.setattr("execution.prepare.find_spec", lambda _: None)
    assert "runner: dask needs more packages: `make extras`" in refused("--data-dir", digits, "--runner", "dask")
    assert "trials: sampling needs more packages: `make extras`" in refused(
        "--data-dir", digits, "--learning-rates", "0.1:1", "--trials", 3
    )


def test_an_engine_that_must_not_be_compiled_is_refused(refused, digits, monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert "NUMBA_DISABLE_JIT forbids compilation" in refused("--data-dir", digits)


@pytest.mark.parametrize("threads", ["0", "-3"])
def test_an_engine_without_threads_is_refused(refused, digits, monkeypatch, threads):
    monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
    assert "NUMBA_NUM_THREADS must be 1 or more" in refused("--data-dir", digits)


def test_a_working_directory_that_was_removed_is_named(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    assert typed("page") == (2, "the working directory has been removed: change to another one\n")


def test_a_full_disk_is_named_where_the_server_cannot_tell(typed, digits, tmp_path, monkeypatch):
    def refused_by_the_server(*_):
        raise RuntimeError("Server error '500 Internal Server Error'")

    monkeypatch.setattr("flows.__main__.set_up_prefect", lambda _: None)
    monkeypatch.setattr("execution.orchestration.startup.check_api", lambda: None)
    monkeypatch.setattr("flows.sweep.sweep", refused_by_the_server)
    command = ("--data-dir", digits, "--artifacts", tmp_path)
    assert "500 Internal" in typed(*command)[1]
    monkeypatch.setattr("execution.storage.choose.ROOM", 10**18)
    assert typed(*command) == (
        1,
        f"The sweep failed: {tmp_path} has no space left: make room, and run the same command again\n",
    )


def test_a_command_that_fails_is_no_sweep(typed, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("flows.commands.replay.storage_at", full)
    assert typed("replay") == (1, "replay failed: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("flag", ["--data", "--data-dir", "--config", "--combinations"])
def test_a_home_of_nobody_is_no_file(refused, flag):
    assert "~nobody-here/x.csv" in refused(flag, "~nobody-here/x.csv")


# ---- bad data

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = (
    npy_name(array) for array in ("train_images", "train_labels", "test_images", "test_labels")
)


def with_value(value):
    """A change of an array: its first element is `value`."""

    def change(array):
        array = array.astype(np.result_type(array, value))
        array.flat[0] = value
        return array

    return change


@pytest.mark.parametrize(
    ("file", "change", "says"),
    [
        (TRAIN_LABELS, lambda _: None, "missing; provide all of"),
        (TRAIN_IMAGES, lambda _: b"1,2,3\n", "not a NumPy .npy file; write it with numpy.save"),
        (TEST_LABELS, lambda y: y.astype(object), "holds Python objects"),
        (TRAIN_IMAGES, lambda X: X[:, 0, 0], "save images as n × features or n × height × width"),
        (TRAIN_LABELS, lambda y: np.stack([y, y, y], 1), "save labels as a 1-D array"),
        (TRAIN_LABELS, lambda y: y[:-1], "1399 labels for 1400 images; save one label per image"),
        (TEST_IMAGES, lambda X: X[:, :6], "pictures of another shape than in"),
        (TRAIN_LABELS, with_value(-1), "class -1 has one example; give more of it, or remove it"),
        (TRAIN_LABELS, lambda y: y + 0.5, "is not a class; give labels as integers or texts"),
        (TEST_LABELS, with_value(10), "class 10 does not occur in"),
        (TRAIN_LABELS, lambda y: np.where(y == 3, 4, y), "class 3 does not occur in"),
        (TRAIN_LABELS, lambda y: y * 0, "only class 0 occurs; give examples of at least two classes"),
        (TRAIN_IMAGES, with_value(np.nan), "nan in image 0, feature 0; replace NaN"),
    ],
)
def test_bad_data_is_refused_by_its_file(refused, digits, tmp_path, file, change, says):
    folder = shutil.copytree(digits, tmp_path / "data")
    changed = change(np.load(folder / file))
    (folder / file).unlink()
    if isinstance(changed, bytes):
        (folder / file).write_bytes(changed)
    elif changed is not None:
        np.save(folder / file, changed)
    said = refused("--data-dir", folder)
    assert says in said
    assert file in said
    assert str(folder) in said


def test_a_truncated_file_is_refused(refused, digits, tmp_path):
    folder = shutil.copytree(digits, tmp_path / "data")
    os.truncate(folder / TEST_IMAGES, 1000)
    assert re.search(f"{TEST_IMAGES}: truncated.*write it again", refused("--data-dir", folder))


def test_a_data_folder_that_is_none_is_refused(refused, tmp_path):
    assert f"{tmp_path}/none: no such folder" in refused("--data-dir", tmp_path / "none")


# ---- bad artifact roots


@pytest.mark.parametrize("place", ["{tmp_path}/file", "{tmp_path}/file/below", "/proc", "/proc/below"])
def test_an_artifact_root_that_cannot_be_written_is_refused(typed, digits, tmp_path, place):
    (tmp_path / "file").touch()
    code, said = typed("--data-dir", digits, "--artifacts", place.format(tmp_path=tmp_path))
    assert code == 2
    assert re.search(r"artifacts: \S+ (is not a folder|cannot be written to).*: give another folder", said)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_artifact_root_without_room_is_refused(refused, digits, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("Usage", "free")(1_000_000))
    assert "has 1 MB free and this sweep needs 1 MB: make room, or give another folder" in refused("--data-dir", digits)


# ---- and as a process


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--alphas", -1], "--alphas: -1 is not possible"),
        (["--data-dir", "/nowhere"], "/nowhere: no such folder"),
        (["--artifacts", "/proc/below"], "give another folder"),
    ],
    ids=str,
)
def test_bad_input_ends_the_process_with_2(tmp_path, digits, arguments, says):
    if "--data-dir" not in arguments:
        arguments = ["--data-dir", digits, *arguments]
    command = [sys.executable, "-m", "flows", *map(str, arguments)]
    environment = clean_environment() | {"PYTHONPATH": str(PROJECT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
