"""Sets by name: scikit-learn's, and OpenML's from a stand-in on loopback that serves what scikit-learn tests with."""

import gzip
import json
import re
from pathlib import Path

import pytest
import sklearn.datasets
from sklearn.datasets import _openml
from werkzeug import Response

from experiment.data.named import openml
from experiment.data.own import own_data
from experiment.errors import DataError, Unreachable
from tests.loopback import Loopback

SERVED = Path(sklearn.datasets.__file__).parent / "tests/data/openml/id_61"
FILES = {
    "/api/v1/json/data/list/data_name/iris/limit/2/status/active/": "api-v1-jdl-dn-iris-l-2-s-act-.json.gz",
    "/api/v1/json/data/61": "api-v1-jd-61.json.gz",
    "/api/v1/json/data/features/61": "api-v1-jdf-61.json.gz",
    "/api/v1/json/data/qualities/61": "api-v1-jdq-61.json.gz",
}


class OpenML(Loopback):
    altered = False

    def respond(self, request):
        name = FILES.get(request.path) or ("data-v1-dl-61.arff.gz" if "/61" in request.path else None)
        if name is None:
            return Response(json.dumps({"error": {"code": "372", "message": "No results"}}), 412)
        content = gzip.decompress((SERVED / name).read_bytes())
        content = re.sub(rb"https?:(//|\\/\\/)\w+\.openml\.org", self.url.encode(), content)
        return Response(content.replace(b"5.1", b"5.2", 1) if "arff" in name and self.altered else content)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with OpenML() as server:
        for name in ("_SEARCH_NAME", "_DATA_INFO", "_DATA_FEATURES", "_DATA_QUALITIES"):
            address = getattr(_openml, name).replace("https://www.openml.org", server.url)
            monkeypatch.setattr(_openml, name, address)
        yield server


def test_openmls_iris_is_fetched_once_and_has_its_names(server, tmp_path):
    frame, where, notes = openml("iris", tmp_path)
    assert (where, notes) == ("OpenML's iris", ("version 1",))
    assert frame.columns.tolist() == ["sepallength", "sepalwidth", "petallength", "petalwidth", "class"]
    assert set(frame["class"]) == {"Iris-setosa", "Iris-versicolor", "Iris-virginica"}
    server.stop()
    assert openml("iris", tmp_path)[0].equals(frame)


def test_a_file_with_another_checksum_is_refused(server, tmp_path):
    server.altered = True
    with pytest.raises(DataError, match=r"OpenML's iris cannot be used .*checksum.* remove .* and try again"):
        openml("iris", tmp_path)


def test_a_name_that_nobody_knows_is_refused(server, tmp_path):
    with pytest.raises(DataError, match=r"irises: not a file, not a data set of scikit-learn .* did you mean iris"):
        own_data("irises", downloads=tmp_path)


def test_a_server_that_does_not_answer_is_no_fault_of_the_name(server, tmp_path, monkeypatch):
    monkeypatch.setattr(_openml, "_SEARCH_NAME", "http://127.0.0.1:9/{}")
    with pytest.raises(Unreachable, match=r"OpenML's iris cannot be downloaded .* check the network"):
        openml("iris", tmp_path)


@pytest.mark.parametrize(("name", "shape", "classes"), [("iris", (112, 4), "versicolor"), ("digits", (1347, 64), "7")])
def test_scikit_learns_sets_come_with_their_names(name, shape, classes):
    data = own_data(name)
    assert data.arrays.train_images.shape == shape
    assert classes in data.info.class_names
    assert len(data.info.table.columns) == shape[1]
