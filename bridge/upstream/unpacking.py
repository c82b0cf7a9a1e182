"""The body of an answer, unpacked where a server packed it without being asked to.

Requests ask for ``identity``. A server that packs all the same is believed once: a packing inside a
packing has no honest use, and a thousandfold of a thousandfold is a bomb. What one read unpacks to
comes in pieces of bounded size, so that the limit on a reply's size is met before the memory is
used.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 64 * 1024
"""Unpacked at a time."""

UNPACKED = frozenset(("", "identity", "none", "utf-8", "utf8"))
"""What means no packing, or was meant for another header."""

PACKED = frozenset(("gzip", "x-gzip", "deflate"))

HEAD_BYTES = 2

_GZIP_OR_ZLIB = zlib.MAX_WBITS | 32
_BARE = -zlib.MAX_WBITS
"""Some servers call this "deflate", which is RFC 1950's (RFC 9110, 8.4.1.2)."""


class PackingError(ValueError):
    """The body is packed in a way that is not read, or is not what it says."""


def unpacker(encoding: str) -> Unpacker | None:
    """What unpacks a body with this ``Content-Encoding``; None where nothing is packed.

    Raises ``PackingError`` for packings that are not known, and for more than one.
    """
    words = [word.strip().lower() for word in encoding.split(",")]
    packings = [word for word in words if word not in UNPACKED]
    if not packings:
        return None
    if len(packings) > 1 or packings[0] not in PACKED:
        raise PackingError("packed in a way that is not read")
    return Unpacker(bare=packings[0] == "deflate")


class Unpacker:
    """``feed`` gives what these bytes unpack to, in pieces. ``bare``: the head may be missing."""

    def __init__(self, *, bare: bool) -> None:
        self._unpacking = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._unsure = bare
        self._head = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises ``PackingError`` for what was not packed so."""
        if self._unsure:
            data = self._head = self._head + data
            if len(data) < HEAD_BYTES:
                return
            self._unsure = False
            if not _is_zlib_head(data):
                self._unpacking = zlib.decompressobj(_BARE)
        # What follows the end of what is packed is not read.
        while data and not self._unpacking.eof:
            try:
                piece = self._unpacking.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise PackingError("not packed as it says") from error
            if piece:
                yield piece
            data = self._unpacking.unconsumed_tail


def _is_zlib_head(data: bytes) -> bool:
    """RFC 1950, 2.2: the method is 8, and the first two bytes are a multiple of 31."""
    return data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:HEAD_BYTES]) % 31 == 0
