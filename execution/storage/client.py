"""An object store as this project speaks to it: waited for while it is away, and quoted where it refuses."""

import errno
import logging
import os
import random
import re
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    JoinError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore, from_url
from pydantic import AnyHttpUrl, ValidationError

from experiment.errors import Unavailable

log = logging.getLogger("sweep")
T = TypeVar("T")

PATIENCE = 300.0  # seconds that a store may be away while a sweep runs
PATIENCE_AT_START = 8.0  # … before anything has begun
SECONDS_A_REQUEST = 30
LONGEST_PAUSE = 10.0
METADATA = "169.254.169.254"  # whom a machine of a cloud asks for credentials: the last resort
HOW = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or what Google's and Azure's clients read), and AWS_REGION and "
    "AWS_ENDPOINT_URL where the store is not Amazon's in us-east-1"
)

ELSEWHERE = re.compile("Received redirect|AuthorizationHeaderMalformed|IllegalLocationConstraint")  # another region
# What a request asks for, by what only it has; the names are those of Amazon's policies.
RIGHTS = {
    "list-type=": "list (s3:ListBucket)",
    "?delete": "delete (s3:DeleteObject)",
    "DELETE": "delete (s3:DeleteObject)",
    "PUT": "write (s3:PutObject)",
    "GET": "read (s3:GetObject; and s3:ListBucket, without which nothing is said to be missing)",
    "HEAD": "read (s3:GetObject; and s3:ListBucket, without which nothing is said to be missing)",
}

_away: set[str] = set()  # stores of which has been said that they are waited for
_telling = threading.Lock()


@cache
def connected(url: str) -> ObjectStore:
    """Return the client of the store at an address; nothing is asked of it yet."""
    options: Any = {
        # An address with http:// is one that the user has named: the clouds' own all begin with https://.
        "client_options": {
            "allow_http": True,
            "timeout": timedelta(seconds=SECONDS_A_REQUEST),
            "connect_timeout": "5s",
        },
        # What takes longer than this to pass is waited for by `with_retry`, which says so.
        "retry_config": {
            "max_retries": 2,
            "retry_timeout": timedelta(seconds=5),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
        },
    }
    if url.startswith("s3://"):
        check_endpoints()
        if provider := of_profile():
            options["credential_provider"] = provider
    store: ObjectStore = from_url(url, **options)
    return store


def check_endpoints() -> None:
    """Raise Unavailable where a variable names something else than an address: `obstore` would panic at it.

    It would at an empty one, too, which is taken for one that is not set.
    """
    for name in [name for name, value in os.environ.items() if name.startswith("AWS_") and not value]:
        del os.environ[name]
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        try:
            AnyHttpUrl(os.environ.get(name, "http://localhost"))
        except ValidationError:
            raise Unavailable(
                f"{name}: {os.environ[name]} is no address: it is http://host:port or https://host"
            ) from None


def of_profile() -> Any:
    """Return what gives the credentials of the AWS profile that is named or there; None where the variables do.

    Raises
    ------
    Unavailable : one is named, and reading profiles takes boto3, which is not there
    """
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    named = "AWS_PROFILE" in os.environ
    if "AWS_ACCESS_KEY_ID" in os.environ or not (named or file.exists()):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        if named:
            raise Unavailable(f"AWS_PROFILE takes boto3, which is not installed: install it, or {HOW}") from None
        return None
    try:
        return Boto3CredentialProvider()
    except Exception as error:  # botocore's many
        raise Unavailable(f"the AWS profile cannot be used ({error}): name another as AWS_PROFILE, or {HOW}") from error


def with_retry(url: str, ask: Callable[[ObjectStore], T], patience: float | None = None) -> T:
    """Return what the store at an address answers; while it is away, wait and ask again.

    Parameters
    ----------
    ask : may be called several times: whoever cannot repeat it looks at what came of the first

    Raises
    ------
    FileNotFoundError : there is no such object
    AlreadyExistsError, PreconditionError : as asked, it was not written
    Unavailable : the store refuses, or was away for longer than `patience` seconds
    """
    patience = PATIENCE if patience is None else patience
    began, pause = time.monotonic(), 0.2
    while True:
        try:
            answer = ask(connected(url))
        except (AlreadyExistsError, PreconditionError):
            is_back(url)
            raise
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise Unavailable(refusal(url, error)) from error
            is_back(url)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from error
        except BaseError as error:
            if not may_pass(error):
                raise Unavailable(refusal(url, error)) from error
            if time.monotonic() - began + pause > patience:
                raise Unavailable(f"{url} cannot be reached, for {patience:.0f} s: {message(error)}") from error
            warn_once(url, error)
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            is_back(url)
            return answer


def may_pass(error: BaseError) -> bool:
    """Return whether asking again may help: the store is away, in trouble or asks for it. `obstore` has but texts."""
    text = str(error)
    if METADATA in text or "builder error" in text or ELSEWHERE.search(text):
        return False
    if status := re.search(r"status code: (\d+)", text):
        return status[1] in ("408", "429") or (status[1] >= "500" and status[1] != "501")
    return isinstance(error, JoinError) or bool(
        re.search(r"HTTP error|error decoding|[Tt]imed? ?out|[Cc]onnection", text)
    )


def warn_once(url: str, error: BaseError) -> None:
    """Say that a store is waited for, once each time that it goes away."""
    with _telling:
        news = url not in _away
        _away.add(url)
    if news:
        log.warning("%s is away or slow (%s). It is asked again, for %.0f s at most.", url, message(error), PATIENCE)


def is_back(url: str) -> None:
    if _away:
        with _telling:
            _away.discard(url)


def refusal(url: str, error: Exception) -> str:
    """Return what is wrong, with the machine, the address or the credentials, and what to do."""
    text, said = str(error), message(error)
    if METADATA in text:
        return f"{url}: there are no credentials: {HOW}"
    if "NoSuchBucket" in text:
        return f"{url}: there is no such bucket: make it, or name another"
    if "TimeTooSkewed" in text:
        return f"{url}: this machine's clock is wrong by more than the store allows ({said}): set it"
    if ELSEWHERE.search(text):
        return f"{url}: the bucket is in another region ({said}): set AWS_REGION to the bucket's own"
    if "status code: 501" in text:
        return f"{url}: the store lacks something that is needed of it ({said}): name another store, or a newer one"
    if "status code: 403" in text or isinstance(error, PermissionDeniedError | UnauthenticatedError):
        asked = re.search(r"performing ([A-Z]+ \S+)", text)
        right = next((right for sign, right in RIGHTS.items() if asked and sign in asked[1]), "use it")
        return f"{url}: the right to {right} is refused ({said}): check credentials and what they may do, or {HOW}"
    return f"{url}: {said}: check the address, or {HOW}"


def message(error: Exception) -> str:
    """Return the part of `obstore`'s pages of text that says what happened."""
    text = str(error).partition("\n\nDebug source")[0]
    status = re.search(r"status code: (\d+ [\w ]+?):", text)
    code, message = (re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("Code", "Message"))
    said = ": ".join(found[1] for found in (code, message) if found)
    if status:
        return ", ".join(filter(None, (status[1], said)))
    return text.rpartition(" - ")[2].splitlines()[0].strip() if text else type(error).__name__
