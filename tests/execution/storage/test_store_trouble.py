"""An object store that is away, in trouble, slow, or refuses."""

import logging
import re
import threading

import numpy as np
import pytest

from execution import prepare
from execution.config import Execution
from execution.storage import client
from execution.storage.arrays import open_array, put_array
from execution.storage.objects import ObjectStorage
from experiment.config import Experiment
from experiment.errors import InputError, Unavailable
from tests.object_store import Proxy, away


@pytest.fixture
def proxy(object_store, objects, monkeypatch, caplog):
    caplog.set_level(logging.WARNING, "sweep")
    monkeypatch.setattr(client, "SECONDS_A_REQUEST", 1)
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.5)
    with Proxy(object_store.address) as proxy:
        for name, value in proxy.environment.items():
            monkeypatch.setenv(name, value)
        yield proxy


def first(count, trouble):
    """So many requests get into trouble, the later ones do not."""
    left, counting = [count], threading.Lock()

    def decide(method, path):
        with counting:
            left[0] -= 1
            return trouble if left[0] >= 0 else None

    return decide


@pytest.mark.parametrize("trouble", [500, 503, 429, "hang", "cut", "lost"])
def test_what_passes_is_waited_for_with_one_line_of_warning(proxy, objects, caplog, trouble, tmp_path, monkeypatch):
    array = np.arange(1000)
    count = 4 if trouble == "hang" else 7  # more than the library asks for itself; each of these is waited for
    proxy.trouble = first(count, trouble)
    ref = put_array(objects, array)
    objects.put("runs/a/stop", b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    proxy.trouble = first(count, trouble)
    np.testing.assert_array_equal(open_array(objects, ref), array)
    assert objects.exists("runs/a/stop")
    assert list(objects.list("runs")) == ["runs/a"]
    assert 1 <= len(caplog.records) <= 2  # once each time
    assert all(f"{objects.url} is unreachable or slow" in record.message for record in caplog.records)


def test_a_store_that_is_away_for_a_while_is_waited_for(proxy, objects, caplog):
    objects.put("cache/a", b"one")
    back = away(proxy, 3)
    threads = [threading.Thread(target=objects.put, args=(f"cache/{n}", b"two")) for n in range(4)]
    for thread in threads:
        thread.start()
    assert objects.get("cache/a") == b"one"
    for thread in threads:
        thread.join()
    back.join()
    assert len(list(objects.list("cache"))) == 5
    assert len(caplog.records) == 1


def test_one_that_stays_away_ends_it_and_says_what_it_was(proxy, objects, monkeypatch):
    monkeypatch.setattr(client, "PATIENCE", 1.0)
    proxy.stop()
    with pytest.raises(Unavailable, match=f"{objects.url} cannot be reached, for 1 s: HTTP error"):
        objects.get("cache/a")


def test_a_refusal_is_not_asked_again(proxy, objects):
    proxy.trouble = lambda method, path: 403
    with pytest.raises(
        Unavailable, match=r"permission to read \(s3:GetObject; .* \(403 Forbidden, Trouble: made up 403"
    ):
        objects.get("cache/a")
    with pytest.raises(Unavailable):
        objects.put("cache/a", b"")
    assert sum(proxy.requests.values()) == 2


# ---- before anything starts


def refusal_of(url, digits):
    with pytest.raises(InputError) as refused:
        prepare.check(Experiment(data_dir=digits), Execution(artifacts=url))
    return str(refused.value)


def test_what_can_be_used_is_left_as_it_was(objects, digits):
    prepare.check(Experiment(data_dir=digits), Execution(artifacts=objects.url))
    assert not objects.below("")


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached, for 1 s: HTTP error"),
        ({"AWS_ENDPOINT_URL": "http://no.such.host.invalid"}, "cannot be reached, for 1 s: HTTP error"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "AWS_ENDPOINT_URL: nonsense is no valid address"),
        ({"AWS_ENDPOINT_URL_S3": "http://host:99999"}, "AWS_ENDPOINT_URL_S3: http://host:99999 is no valid address"),
        ({"AWS_SECRET_ACCESS_KEY": None}, "check the address, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "there are no credentials: set AWS_ACCESS_KEY_ID"),
        ({"AWS_ACCESS_KEY_ID": None, "AWS_PROFILE": "nobody"}, "the AWS profile cannot be used .*nobody"),
    ],
)
def test_a_bad_endpoint_or_bad_credentials_are_named(objects, digits, monkeypatch, environment, says):
    monkeypatch.setattr(client, "PATIENCE_AT_START", 1.0)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://169.254.169.254")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in environment.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    said = refusal_of(objects.url, digits)
    assert said.startswith("artifacts: ")
    assert re.search(says, said), said


def test_an_empty_variable_is_as_none(objects, digits, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "")
    prepare.check(Experiment(data_dir=digits), Execution(artifacts=f"{objects.url}/x"))


def test_a_missing_bucket_is_named(objects, digits):
    assert "s3://no-such-bucket/x: there is no such bucket" in refusal_of("s3://no-such-bucket/x", digits)


def test_what_may_not_be_written_to_is_refused(proxy, objects, digits):
    proxy.trouble = lambda method, path: 403 if method == "PUT" else None
    assert "permission to write (s3:PutObject) is refused (403 Forbidden" in refusal_of(objects.url, digits)


def test_what_may_not_be_listed_is_refused(proxy, objects, digits):
    proxy.trouble = lambda method, path: (403, "AccessDenied") if "list-type" in path else None
    assert "permission to list (s3:ListBucket) is refused (403 Forbidden, AccessDenied" in refusal_of(
        objects.url, digits
    )
    proxy.trouble = lambda method, path: None
    assert not objects.below("")


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ((501, "NotImplemented"), "use another store, or a newer version"),
        ((301, "PermanentRedirect"), "the bucket is in another region"),
        ((400, "AuthorizationHeaderMalformed"), "the bucket is in another region"),
        ((403, "RequestTimeTooSkewed"), "this machine's clock is wrong"),
    ],
    ids=lambda given: given[1] if isinstance(given, tuple) else "",
)
def test_what_does_not_pass_is_named_and_not_waited_for(proxy, objects, digits, caplog, trouble, says):
    proxy.trouble = lambda method, path: trouble
    assert says in refusal_of(objects.url, digits)
    assert proxy.requests.total() <= 3  # the library itself asks twice more where a status begins with 5
    assert not caplog.records


def test_a_store_that_heeds_no_conditions_is_refused(proxy, objects, digits, monkeypatch):
    respond = proxy.respond

    def without(request):
        request.environ.pop("HTTP_IF_NONE_MATCH", None)
        return respond(request)

    monkeypatch.setattr(proxy, "respond", without)
    assert "ignores conditions on writes" in refusal_of(objects.url, digits)


def test_a_store_without_account_is_refused(digits):
    assert "Account must be specified" in refusal_of("az://container/x", digits)


def test_a_machine_without_a_place_for_copies_is_refused(objects, digits, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert "which is not a folder: set XDG_CACHE_HOME to another folder" in refusal_of(
        ObjectStorage(url=f"{objects.url}/x").url, digits
    )
