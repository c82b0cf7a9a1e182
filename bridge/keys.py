"""Client keys: which presented key belongs to which client. Pure; stores live in the rings."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

HASH_PREFIX = "sha256:"
_HASH = re.compile(HASH_PREFIX + "[0-9a-fA-F]{64}")
MAX_KEY_BYTES = 512
"""Longer than any key in use; a longer header is refused without being hashed."""


def hashed(key: str) -> str:
    """The form in which a key may be stored: ``sha256:`` and the hex digest of its UTF-8 bytes."""
    return HASH_PREFIX + hashlib.sha256(key.encode()).hexdigest()


def fault_of_key(stored: str) -> str | None:
    """What keeps a value from being a client key or its stored form, or None."""
    if not usable(stored):
        return "has spaces, or is not ASCII"
    if len(stored) > MAX_KEY_BYTES:
        return f"is longer than {MAX_KEY_BYTES} characters"
    if stored.startswith(HASH_PREFIX) and _HASH.fullmatch(stored) is None:
        return f"is no hash: 64 hexadecimal digits follow '{HASH_PREFIX}'"
    return None


def usable(stored: str) -> bool:
    """Whether a value can be a key: trimmed, printable ASCII, no spaces, not empty."""
    return bool(stored) and stored.isascii() and stored.isprintable() and " " not in stored


class Client(msgspec.Struct, frozen=True):
    """Who calls: a name for the log, and a seed derived from the key and a salt; never the key."""

    name: str
    seed: bytes


class ClientKeys:
    """An immutable set of named keys, compared in constant time over all of them."""

    def __init__(self, keys: Mapping[str, str], salt: bytes = b"") -> None:
        """Take ``{client name: key or sha256:…}``; values are trimmed, unusable ones left out.

        ``salt`` is the deployment's: it makes what is derived from a key unknown to who knows it.
        """
        self._salt = salt
        trimmed = {name: value.strip() for name, value in keys.items()}
        self._digests = {
            name: (value if value.startswith(HASH_PREFIX) else hashed(value)).lower()
            for name, value in trimmed.items()
            if fault_of_key(value) is None
        }

    def __len__(self) -> int:
        return len(self._digests)

    def match(self, presented: str) -> Client | None:
        """The client whose key this is, or None. Every stored key is compared, always."""
        if not usable(presented) or len(presented) > MAX_KEY_BYTES:
            return None
        digest = hashed(presented)
        found: Client | None = None
        for name, stored in self._digests.items():
            if hmac.compare_digest(stored, digest):
                found = Client(name, self._seed(digest.encode()))
        return found

    def _seed(self, digest: bytes) -> bytes:
        return hmac.digest(self._salt, digest, "sha256") if self._salt else digest


class KeyStore(Protocol):
    """Where client keys and upstream keys come from."""

    async def clients(self) -> ClientKeys:
        """The client keys of now; raises ``KeysUnavailable`` when none can be had."""
        ...

    async def upstream(self, name: str) -> str | None:
        """The operator's key for the upstream secret of that name, None when it has none."""
        ...
