"""Records, without a flow around them: what is not as it was written does not count, and nothing in one is run."""

import copy
import hashlib
import json

import numpy as np
import prefect.serializers
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect._internal.result_records import ResultRecord

from execution.cache.records import RecordStorage
from execution.storage.arrays import key_of, put_array
from execution.storage.local import LocalStorage
from experiment.results.trained import Trained
from experiment.values import Result
from tests.made_up import combination, record, trained

KEY = "a" * 64
TRAINED = f"{Trained.__module__}.Trained"


@pytest.fixture
def records(tmp_path):
    return RecordStorage(storage=LocalStorage(root=tmp_path))


@pytest.fixture
def real(records):
    """The record of a training, whose arrays are there."""
    ref = put_array(records.storage, np.arange(9))
    return record(KEY, trained(combination(), W=ref, b=ref, history=ref, judged=None))


def wrapped(text: str) -> bytes:
    """With its digest, as it lies in the storage."""
    return json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "record": text}).encode()


def test_a_record_counts_only_while_it_and_its_arrays_are_whole(records, real):
    records.write_path(KEY, real)
    result = ResultRecord.deserialize(records.read_path(KEY)).result
    assert result == ResultRecord.deserialize(real).result
    records.storage.local(key_of(result.W.digest)).write_bytes(b"")
    with pytest.raises(ValueError, match="is invalid"):
        records.read_path(KEY)
    assert records.storage.exists(f"cache/{KEY}")  # as the step writes it again, if the array does not come back
    put_array(records.storage, np.arange(9))
    assert ResultRecord.deserialize(records.read_path(KEY)).result == result


def test_that_of_another_step_does_not_count(records, real):
    records.write_path("b" * 64, real)
    with pytest.raises(ValueError, match="is invalid"):
        records.read_path("b" * 64)


@pytest.mark.parametrize("damage", ["emptied", "truncated", "flipped", "a list", "a directory"])
def test_a_damaged_record_is_set_aside(records, real, tmp_path, damage):
    records.write_path(KEY, real)
    path = tmp_path / "cache" / KEY
    content = bytearray(path.read_bytes())
    path.unlink()
    if damage == "a directory":
        path.mkdir()
    else:
        flipped = bytes(content).replace(b"0.5", b"0.6", 1)
        path.write_bytes({"emptied": b"", "truncated": content[:-3], "flipped": flipped, "a list": b"[]"}[damage])
    with pytest.raises(ValueError, match="is invalid"):
        records.read_path(KEY)
    assert len(list(path.parent.glob(f"{KEY}.bad-*"))) == 1
    records.write_path(KEY, real)
    assert records.read_path(KEY) == real


EVIL = (
    {"type": "pickle"}, {"type": "pickle", "picklelib": "os"}, {"type": "compressed", "serializer": "pickle"},
    {"__class__": "os.system", "data": "true"}, {"__exc_type__": "builtins.SystemExit", "message": "0"},
    {"__class__": TRAINED, "data": {}}, {"__prefect_kind__": "jinja"}, "os.system", "../../x",
    {"__class__": ["os"], "data": 1}, {"__class__": "subprocess.Popen", "data": {"args": "true"}},
)  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(EVIL),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["serializer", "object_decoder", "jsonlib", "__class__", "__exc_type__", "data", "digest"])


@st.composite
def mutations(draw):
    """What changes one to three places of a JSON value: replaced, added to, or left out."""
    steps = draw(st.lists(st.tuples(st.integers(0, 60), names | st.none(), json_values), min_size=1, max_size=3))

    def mutated(value):
        whole = {"it": copy.deepcopy(value)}
        for number, added, new in steps:
            places = list(containers(whole))
            inside, key = places[number % len(places)]
            if added and isinstance(inside[key], dict):
                inside[key][added] = copy.deepcopy(new)
            else:
                inside[key] = copy.deepcopy(new)
        return whole["it"]

    return mutated


def containers(value):
    """Yield every place in a JSON value: what it is in, and where."""
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from containers(value[key])


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(outer=mutations() | st.none(), inner=mutations() | st.none(), cut=st.none() | st.integers(0, 2000))
def test_whatever_a_record_says_nothing_but_results_is_made_of_it(records, real, monkeypatch, outer, inner, cut):
    found = json.loads(real)
    if inner:
        found["result"] = json.dumps(inner(json.loads(found["result"])))
    if outer:
        found = outer(found)
    text = json.dumps(found)
    records.storage.put(f"cache/{KEY}", wrapped(text if cut is None else text[:cut] + text[cut + 1 :]))
    imported = []
    original = prefect.serializers.from_qualified_name
    with monkeypatch.context() as patch:
        patch.setattr(prefect.serializers, "from_qualified_name", lambda name: imported.append(name) or original(name))
        patch.setattr(prefect.serializers, "_TYPE_ADAPTER_CACHE", {})
        try:
            read = records.read_path(KEY)
        except ValueError:
            assert not records.storage.exists(f"cache/{KEY}")
        else:
            assert isinstance(ResultRecord.deserialize(read).result, Result)
    assert set(imported) <= {"json", "prefect.serializers.prefect_json_object_decoder", TRAINED}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000, '"\\ud800"', "nan", ""])
def test_text_that_no_step_wrote_is_refused_in_peace(records, real, text):
    for content in (text, json.dumps({**json.loads(real), "result": text})):
        records.storage.put(f"cache/{KEY}", wrapped(content))
        with pytest.raises(ValueError, match="is invalid"):
            records.read_path(KEY)
