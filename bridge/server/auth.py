"""Who calls: the bearer token of RFC 6750, section 2.1, and nothing else.

Every way of being wrong (no header, another scheme, an empty or over-long key, two headers, a key
in the query string) gets the same answer, so that no one learns which it was. Without a single
client key nobody is let in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.errors import InvalidAPIKey, KeysUnavailable
from bridge.keys import MAX_KEY_BYTES, ClientKeys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Scope

    from bridge.keys import Client, KeyStore

SCHEME = "bearer "


async def authenticate(scope: Scope, keys: KeyStore) -> Client:
    """The client whose key the request carries.

    Raises ``InvalidAPIKey``, and ``KeysUnavailable`` when there are no keys to compare with.
    """
    clients = await keys.clients()
    if not len(clients):
        raise KeysUnavailable("The server has no API keys to check yours against.")
    presented = bearer(scope["headers"])
    client = clients.match(presented) if presented is not None else None
    if client is None:
        raise InvalidAPIKey(
            "Incorrect API key provided. Send it in the header 'Authorization: Bearer <key>'.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return client


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token of the one Authorization header; None when there is none, or more than one."""
    values = [value for name, value in headers if name == b"authorization"]
    if len(values) != 1 or len(values[0]) > MAX_KEY_BYTES + len(SCHEME):
        return None
    value = values[0].decode("latin-1")
    if not value.lower().startswith(SCHEME):
        return None
    return value[len(SCHEME) :].strip()


class EnvironmentKeys:
    """A ``KeyStore`` of keys known at the start: those of the environment."""

    def __init__(
        self, api_keys: Iterable[str], upstream_keys: Mapping[str, str], salt: bytes = b""
    ) -> None:
        """Client keys are named by their position: ``client-1``, ``client-2`` and so on."""
        self._clients = ClientKeys(
            {f"client-{number}": key for number, key in enumerate(api_keys, start=1)}, salt
        )
        self._upstream_keys = dict(upstream_keys)

    async def clients(self) -> ClientKeys:
        """The client keys, always the same."""
        return self._clients

    async def upstream(self, name: str) -> str | None:
        """The operator's key of that name, if the environment has one."""
        return self._upstream_keys.get(name)
