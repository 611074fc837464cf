"""Prefect's server on this machine is spoken to directly: the network's proxies have nothing to do with it."""

from functools import partial, partialmethod
from ipaddress import ip_address
from urllib.parse import urlsplit

from prefect._internal import websockets
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.settings import PREFECT_API_URL


def speak_directly() -> None:
    """Have Prefect's clients in this process look at no proxy variable, if its API is on this machine.

    Not by `NO_PROXY`: with a proxy or an exception that it cannot parse, httpx makes no client at all.
    """
    if not loopback(urlsplit(PREFECT_API_URL.value() or "").hostname or ""):
        return
    for client in (PrefectHttpxAsyncClient, PrefectHttpxSyncClient):
        client.__init__ = partialmethod(client.__init__, trust_env=False)  # type: ignore[method-assign,assignment]
    websockets.connect = partial(websockets.connect, proxy=None)  # type: ignore[attr-defined,assignment]


def loopback(host: str) -> bool:
    """Return whether a host's name means this machine, wherever one is."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
