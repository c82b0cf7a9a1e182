"""Bodies that a server packed although it was asked not to."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from bridge.upstream.unpacking import PIECE_BYTES, PackingError, unpacker

TEXT = random.Random(1).randbytes(70_000) + b"data: x\n\n" * 40_000


def bare(data: bytes) -> bytes:
    return zlib.compress(data)[2:-4]


def unpacked(encoding: str, data: bytes, size: int = 0) -> list[bytes]:
    unpacking = unpacker(encoding)
    assert unpacking is not None
    cuts = range(0, len(data), size or len(data))
    return [
        piece for cut in cuts for piece in unpacking.feed(data[cut : cut + (size or len(data))])
    ]


@pytest.mark.parametrize("size", [0, 1, 1000])
@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress),
        ("X-Gzip", gzip.compress),
        ("identity, gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare),
        ("gzip", lambda data: gzip.compress(data) + b"more"),
    ],
)
def test_a_packed_body(encoding, packed, size):
    assert b"".join(unpacked(encoding, packed(TEXT), size)) == TEXT


@pytest.mark.parametrize("encoding", ["", "identity", " Identity ,", "none", "UTF-8"])
def test_a_body_that_is_not_packed(encoding):
    assert unpacker(encoding) is None


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "gzip,deflate", "deflate, identity, gzip", "br", "zstd", "pack200"]
)
def test_a_packing_that_is_not_read(encoding):
    with pytest.raises(PackingError):
        unpacker(encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_is_not_packed_as_it_says(encoding):
    with pytest.raises(PackingError):
        unpacked(encoding, b"data: nonsense\n\n")
    broken = bytearray(zlib.compress(TEXT) if encoding == "deflate" else gzip.compress(TEXT))
    broken[40_000:40_100] = b"\xff" * 100
    with pytest.raises(PackingError):
        unpacked(encoding, bytes(broken))


def test_what_a_bomb_unpacks_to_comes_in_small_pieces_and_only_as_it_is_taken():
    bomb = gzip.compress(bytes(200 * PIECE_BYTES))
    assert len(bomb) < 4 * PIECE_BYTES
    unpacking = unpacker("gzip")
    assert unpacking is not None
    pieces = unpacking.feed(bomb)
    assert len(next(pieces)) == PIECE_BYTES
    # All but what made one piece is still packed.
    assert len(unpacking._unpacking.unconsumed_tail) > len(bomb) - len(bomb) // 100
    assert max(map(len, pieces)) == PIECE_BYTES
