"""Direct connections, past any proxy, to a Prefect server on this machine."""

from functools import partial, partialmethod
from ipaddress import ip_address
from urllib.parse import urlsplit

from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.events import clients
from prefect.settings import PREFECT_API_URL


def speak_directly() -> None:
    """Make Prefect's clients in this process ignore proxy variables if the API is on this machine.

    `NO_PROXY` is not enough: httpx creates no client if it cannot parse the variables.
    """
    if not loopback(urlsplit(PREFECT_API_URL.value() or "").hostname or ""):
        return
    for client in (PrefectHttpxAsyncClient, PrefectHttpxSyncClient):
        client.__init__ = partialmethod(client.__init__, trust_env=False)  # type: ignore[method-assign,assignment]
    clients.websocket_connect = partial(clients.websocket_connect, proxy=None)  # type: ignore[attr-defined,assignment]


def loopback(host: str) -> bool:
    """Whether a host name means the local machine on every machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
