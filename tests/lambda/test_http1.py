"""The Runtime API's HTTP, over a real socket pair."""

from __future__ import annotations

import asyncio
import itertools
import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.aws.runtime import http1

BODIES = st.lists(st.binary(min_size=1, max_size=300), max_size=5)


def receive(sent: list[bytes]) -> http1.Response:
    """What the client makes of these bytes, sent piece by piece before the peer hangs up."""

    async def exchange() -> http1.Response:
        ours, theirs = socket.socketpair()
        with theirs:
            connection = http1.Connection(*await asyncio.open_connection(sock=ours))
            try:
                response = asyncio.ensure_future(connection.response())
                for piece in sent:
                    theirs.sendall(piece)
                    await asyncio.sleep(0)
                theirs.shutdown(socket.SHUT_WR)
                return await response
            finally:
                connection.close()
                await asyncio.sleep(0)

    return asyncio.run(exchange())


def pieces(whole: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    return [whole[start:end] for start, end in itertools.pairwise(places)]


def framed(framing: str, body: list[bytes]) -> bytes:
    whole = b"".join(body)
    match framing:
        case "length":
            return b"Content-Length: %d\r\n\r\n" % len(whole) + whole
        case "chunked":
            chunks = b"".join(http1.chunk(one) for one in body) + http1.last_chunk({"a": "b"})
            return b"Transfer-Encoding: chunked\r\n\r\n" + chunks
        case _:
            return b"\r\n" + whole


@given(st.sampled_from(["length", "chunked", "close"]), BODIES, st.lists(st.integers(0)))
def test_response_is_read_however_it_is_framed_and_split(framing, body, cuts):
    whole = b"HTTP/1.1 200 OK\r\nX-One:  two: three \r\n" + framed(framing, body)
    response = receive(pieces(whole, cuts))
    assert response.status == 200
    assert response.headers["x-one"] == "two: three"
    assert response.body == b"".join(body)


@pytest.mark.parametrize("framing", ["length", "chunked"])
@given(body=BODIES.filter(bool), missing=st.integers(1))
def test_response_that_breaks_off_is_a_connection_error(framing, body, missing):
    whole = b"HTTP/1.1 200 OK\r\n" + framed(framing, body)
    tail = len(b"0\r\na: b\r\n\r\n") - 3 if framing == "chunked" else 0
    kept = len(whole) - tail - 1 - missing % (len(whole) - tail - 1)
    with pytest.raises(ConnectionError):
        receive([whole[:kept]])


@given(st.binary() | st.binary().map(lambda junk: b"HTTP/1.1 200 OK\r\n" + junk + b"\r\n\r\n"))
def test_junk_is_a_response_or_a_connection_error(junk):
    with suppress(ConnectionError):
        receive([junk])


def test_no_content_has_no_body():
    assert receive([b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"]).body == b""


def test_head():
    address = http1.Address("127.0.0.1", 9001)
    assert http1.head(address, "POST", "/a", {"B": "c"}) == (
        b"POST /a HTTP/1.1\r\nHost: 127.0.0.1:9001\r\nConnection: close\r\nB: c\r\n\r\n"
    )


def test_refused_connection_is_an_os_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = http1.Address(*listener.getsockname())
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(http1.request(address, "GET", "/", {}))
