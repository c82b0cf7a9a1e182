"""The loop of the other tests: its time passes when nothing else is left to do."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.clock import run


def test_timers_come_in_order_and_on_time():
    async def scenario():
        loop, seen = asyncio.get_running_loop(), []

        async def after(seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((seconds, round(loop.time(), 3)))

        await asyncio.gather(*map(after, (3000.0, 1.0, 20.0)))
        return seen

    assert run(scenario()) == [(1.0, 1.0), (20.0, 20.0), (3000.0, 3000.0)]


def test_time_stands_while_something_is_ready():
    async def scenario():
        async with asyncio.timeout(0.001):
            for _ in range(10_000):
                await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(scenario()) == 0


def test_time_stands_while_a_thread_works():
    async def scenario():
        go = threading.Event()
        working = asyncio.create_task(asyncio.to_thread(go.wait, 60))
        await asyncio.sleep(0)
        threading.Timer(0.2, go.set).start()
        async with asyncio.timeout(0.001):
            return await working

    assert run(scenario())


def test_bytes_come_before_a_limit():
    async def scenario():
        async def echoed(reader, writer):
            writer.write(await reader.read(100))
            writer.close()

        async with await asyncio.start_server(echoed, "127.0.0.1", 0) as server:
            place = server.sockets[0].getsockname()
            async with asyncio.timeout(0.001):
                reader, writer = await asyncio.open_connection(*place)
                writer.write(b"hello")
                seen = await reader.read()
            writer.close()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(3600):
                    await asyncio.Event().wait()
            return seen

    assert run(scenario()) == b"hello"
