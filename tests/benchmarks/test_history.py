"""The kernel has not become slower than it was."""

from benchmarks import history


def test_no_ratio_of_the_history_has_fallen_by_a_fifth():
    assert history.falls() == []


def test_a_fall_is_seen(tmp_path):
    file = tmp_path / "history.csv"
    for kernel in (0.1, 0.11, 0.125, 0.09):
        epochs = {"AVX": {8: {"textbook": [1.0, 1.1], "kernel": [kernel, 1.1 * kernel]}}}
        history.remember(epochs, "commit", file)
        assert history.falls(file) == []
    history.remember({"AVX": {8: {"textbook": [1.0], "kernel": [0.2]}}}, "commit", file)
    assert history.falls(file) == ["AVX, batch 8: 5, before 9.54"]
