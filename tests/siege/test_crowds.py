"""Crowds that stall, or come and go: nobody else is kept waiting, and nothing is left of them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.fake_upstream import Hang, Pause, chunk, sse
from tests.local_server import chat as chat_body
from tests.siege.conftest import Siege
from tests.siege.wire import HEAD, PATH, connected, request, until

STALLED = {
    "saying-nothing": b"",
    "half-a-head": HEAD[:60],
    "half-a-body-without-a-key": HEAD.replace(b"Bearer", b"Basic")
    + b"Content-Length: 100\r\n\r\n{",
    "a-body-that-never-ends": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
}


@pytest.mark.parametrize("name", STALLED)
def test_a_crowd_that_stalls_keeps_nobody_out(siege, name):
    # Those with a key hold a place each while their body comes, so they are fewer.
    crowd = 50 if name == "a-body-that-never-ends" else 500

    async def crowding() -> list[float]:
        loop = asyncio.get_running_loop()
        waited = []
        async with AsyncExitStack() as stack:
            for _ in range(crowd):
                wire = await stack.enter_async_context(connected(siege.server.port))
                await wire.send(STALLED[name])
            await until(lambda: len(siege.server.footprint().connections) == crowd)
            async with siege.client() as http:
                for _ in range(5):
                    began = loop.time()
                    response = await http.post(PATH, json=chat_body())
                    assert response.status_code == 200
                    waited.append(loop.time() - began)
        return waited

    before = siege.server.memory
    assert max(siege.run(crowding())) < 2.0
    assert siege.server.memory - before < 64_000 * crowd


def test_a_crowd_that_comes_and_goes_leaves_nothing(siege):
    siege.answers(sse(chunk(content="Hello"), Pause(0.01), chunk(finish="stop"), framing="close"))

    async def crowding() -> None:
        async def one(number: int) -> None:
            async with connected(siege.server.port) as wire:
                await wire.send(request(chat_body(stream=True))[: 100 + number * 4])
                await asyncio.sleep(number % 7 * 0.01)
                await wire.leave(rudely=number % 2 == 0)

        for _ in range(5):
            await asyncio.gather(*map(one, range(100)))

    siege.run(crowding())


def test_more_requests_than_places_are_told_to_come_again(siege):
    siege.answers(sse(chunk(content="Hello"), Hang()))

    async def crowding() -> list[int]:
        async with AsyncExitStack() as stack:
            for _ in range(100):
                wire = await stack.enter_async_context(connected(siege.server.port))
                await wire.send(request(chat_body(stream=True)))
                await wire.until(b"Hello")
            async with siege.client() as http:
                over = await http.post(PATH, json=chat_body())
                healthy = await http.get("/healthz")
        assert over.json()["error"]["code"] == "overloaded"
        return [over.status_code, healthy.status_code]

    assert siege.run(crowding()) == [503, 200]


def test_connections_that_would_use_up_the_descriptors_are_refused(tmp_path):
    """asyncio wrote eight megabytes of tracebacks a second, and no upstream could be asked."""

    async def crowding() -> int:
        async with AsyncExitStack() as stack, siege.client() as http:
            assert (await http.get("/healthz")).status_code == 200
            for _ in range(900):
                await stack.enter_async_context(connected(siege.server.port))
            await until(lambda: "are refused" in siege.server.log)
            async with siege.client() as late:
                with pytest.raises(httpx.TransportError):
                    await late.get("/healthz")
            response = await http.post(PATH, json=chat_body())
            assert response.status_code == 200
            return len(siege.server.footprint().connections)

    with Siege(tmp_path, descriptors=1000) as siege:
        assert siege.run(crowding()) == 500
        siege.assert_as_before()
        assert siege.server.log.count("are refused") == 1
