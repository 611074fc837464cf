"""Requests to an object store: repeated while it is unreachable, with error messages that name the remedy."""

import errno
import os
import random
import re
import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
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

from execution import log
from experiment.errors import Unavailable
from experiment.values import expanded

T = TypeVar("T")

PATIENCE = 300.0  # seconds that a store may be unreachable while a sweep runs
PATIENCE_AT_START = 8.0  # seconds before a sweep starts
SECONDS_A_REQUEST = 30
LONGEST_PAUSE = 10.0
METADATA = "169.254.169.254"  # a cloud machine's credentials service, asked when there are no other credentials
HOW = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or the variables of Google's and Azure's clients), and "
    "AWS_REGION and AWS_ENDPOINT_URL if the store is not Amazon's in us-east-1"
)

ELSEWHERE = re.compile("Received redirect|AuthorizationHeaderMalformed|IllegalLocationConstraint")  # another region
# Permissions, named as in Amazon's policies, by a part of the request that needs them.
RIGHTS = {
    "list-type=": "list (s3:ListBucket)",
    "?delete": "delete (s3:DeleteObject)",
    "DELETE": "delete (s3:DeleteObject)",
    "PUT": "write (s3:PutObject)",
    "GET": "read (s3:GetObject; and s3:ListBucket, without which nothing is said to be missing)",
    "HEAD": "read (s3:GetObject; and s3:ListBucket, without which nothing is said to be missing)",
}

_away: dict[str, object] = {}  # unreachable stores, each with the error that a warning was logged of


@cache
def connected(url: str) -> ObjectStore:
    """The client of the store at an address; it makes no request yet."""
    seconds = timedelta(seconds=1)
    backoff = {"init_backoff": seconds / 10, "max_backoff": seconds, "base": 2}
    options: Any = {
        # Only the user can give an address with http://: the clouds' own all begin with https://.
        "client_options": {"allow_http": True, "timeout": SECONDS_A_REQUEST * seconds, "connect_timeout": "5s"},
        # Longer failures are retried by `with_retry`, which logs a warning.
        "retry_config": {"max_retries": 2, "retry_timeout": 5 * seconds, "backoff": backoff},
    }
    if url.startswith("s3://"):
        check_endpoints()
        if provider := of_profile():
            options["credential_provider"] = provider
    store: ObjectStore = from_url(url, **options)
    return store


def check_endpoints() -> None:
    """Unset empty variables, and raise Unavailable if one holds an invalid address: `obstore` would panic at either."""
    for name in [name for name, value in os.environ.items() if name.startswith("AWS_") and not value]:
        del os.environ[name]
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"):
        try:
            AnyHttpUrl(os.environ.get(name, "http://localhost"))
        except ValidationError:
            raise Unavailable(
                f"{name}: {os.environ[name]} is no valid address: give http://host:port or https://host"
            ) from None


def of_profile() -> Any:
    """A provider of the AWS profile's credentials, by boto3; None if variables hold them or there is no profile."""
    file = expanded(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
    named = "AWS_PROFILE" in os.environ
    if "AWS_ACCESS_KEY_ID" in os.environ or not (named or file.exists()):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        if named:
            raise Unavailable(f"AWS_PROFILE needs boto3, which is not installed: install it, or {HOW}") from None
        return None
    try:
        return Boto3CredentialProvider()
    except Exception as error:  # botocore's many
        raise Unavailable(f"the AWS profile cannot be used ({error}): set AWS_PROFILE to another, or {HOW}") from error


def with_retry(url: str, ask: Callable[[ObjectStore], T], patience: float | None = None) -> T:
    """The answer of the store at an address. While it is unreachable, for `patience` seconds, the request is repeated.

    An earlier call of `ask` may have succeeded although its answer was lost.

    Raises
    ------
    FileNotFoundError : there is no such object
    AlreadyExistsError, PreconditionError : the condition of a write was not met
    Unavailable : the store refuses, or was unreachable for too long
    """
    patience = PATIENCE if patience is None else patience
    began, pause = time.monotonic(), 0.2
    while True:
        try:
            answer = ask(connected(url))
        except (AlreadyExistsError, PreconditionError):
            _away.pop(url, None)
            raise
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise Unavailable(refusal(url, error)) from error
            _away.pop(url, None)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), url) from error
        except BaseError as error:
            if not may_pass(error):
                raise Unavailable(refusal(url, error)) from error
            if time.monotonic() - began + pause > patience:
                raise Unavailable(f"{url} cannot be reached, for {patience:.0f} s: {message(error)}") from error
            if _away.setdefault(url, error) is error:  # once for all threads
                what = message(error)
                log.warning("%s is unreachable or slow (%s). Trying again for up to %.0f s.", url, what, PATIENCE)
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            _away.pop(url, None)
            return answer


def may_pass(error: BaseError) -> bool:
    """Whether repeating the request may help, judged by the error's text: `obstore` gives nothing else."""
    text = str(error)
    if METADATA in text or "builder error" in text or ELSEWHERE.search(text):
        return False
    if status := re.search(r"status code: (\d+)", text):
        return status[1] in ("408", "429") or (status[1] >= "500" and status[1] != "501")
    return isinstance(error, JoinError) or bool(
        re.search(r"HTTP error|error decoding|[Tt]imed? ?out|[Cc]onnection", text)
    )


def refusal(url: str, error: Exception) -> str:
    """The message for an error of machine, address or credentials, and what to do."""
    text, answer = str(error), message(error)
    if METADATA in text:
        return f"{url}: there are no credentials: {HOW}"
    if "NoSuchBucket" in text:
        return f"{url}: there is no such bucket: create it, or give another"
    if "TimeTooSkewed" in text:
        return f"{url}: this machine's clock is wrong by more than the store allows ({answer}): set it"
    if ELSEWHERE.search(text):
        return f"{url}: the bucket is in another region ({answer}): set AWS_REGION to the bucket's region"
    if "status code: 501" in text:
        return f"{url}: the store does not support a needed request ({answer}): use another store, or a newer version"
    if "status code: 403" in text or isinstance(error, PermissionDeniedError | UnauthenticatedError):
        asked = re.search(r"performing ([A-Z]+ \S+)", text)
        right = next((right for sign, right in RIGHTS.items() if asked and sign in asked[1]), "use it")
        return f"{url}: permission to {right} is refused ({answer}): check the credentials' permissions, or {HOW}"
    return f"{url}: {answer}: check the address, or {HOW}"


def message(error: Exception) -> str:
    """The essential part of an `obstore` error, whose text fills pages."""
    text = str(error).partition("\n\nDebug source")[0]
    status = re.search(r"status code: (\d+ [\w ]+?):", text)
    code, message = (re.search(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("Code", "Message"))
    details = ": ".join(found[1] for found in (code, message) if found)
    if status:
        return ", ".join(filter(None, (status[1], details)))
    return text.rpartition(" - ")[2].splitlines()[0].strip() if text else type(error).__name__
