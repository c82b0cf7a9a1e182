"""One server process and one upstream for all tests of a file, watched from outside.

    def test_x(siege):
        siege.answers(chat("Hello"))        # what the upstream sends next; the last one repeats
        response = siege.ask(chat_body())

After each test the server must hold what it held before, answer the next request, and have
nothing in its log that nobody provided for.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
import pytest

from tests.fake_upstream import Answer, FakeUpstream, chat
from tests.local_server import AUTH
from tests.local_server import chat as chat_body
from tests.siege.process import INNER_FAULTS, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from tests.fake_upstream import Request

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]

T = TypeVar("T")

PATH = "/v1/chat/completions"
GOOD = chat("All", " is well", framing="close")
"""Its connection is not kept, so that the server holds none when it is idle."""

CONFIG = """
[upstreams.up]
url = "http://127.0.0.1:{up}/v1"
[upstreams.hasty]
url = "http://127.0.0.1:{up}/v1"
timeouts = {{ connect = 1, first_byte = 1, silence = 1 }}
[upstreams.closed]
url = "http://127.0.0.1:{closed}/v1"
[upstreams.deaf]
url = "http://127.0.0.1:{deaf}/v1"
timeouts = {{ connect = 0.3 }}
[upstreams.wire]
url = "http://127.0.0.1:{wire}/v1"
[models.m]
upstream = "up"
[models.wire]
upstream = "wire"
[models.raw]
upstream = "up"
dialect = "raw"
[models.hermes]
upstream = "up"
dialect = "hermes"
[models.hasty]
upstream = "hasty"
[models.closed]
upstream = "closed"
[models.deaf]
upstream = "deaf"
"""


class Siege:
    """The server process, the upstream, and the event loop that the upstream lives on."""

    def __init__(self, folder: Path, config: str = CONFIG, **options: Any) -> None:
        """``options`` of the server process."""
        self._folder = folder
        self._config = config
        self._options = options
        self._stack = ExitStack()
        self._answer: Callable[[Request], Answer] = lambda _: GOOD
        self._log_read = 0
        self.up = FakeUpstream(lambda request: self._answer(request))
        self.wire: Talk = _says_nothing
        """What the upstream of the model ``wire`` does with a connection."""

    def __enter__(self) -> Self:
        self._runner = self._stack.enter_context(asyncio.Runner())
        self.run(self.up.__aenter__())
        self._stack.callback(lambda: self.run(self.up.__aexit__()))
        wire = self.run(asyncio.start_server(self._talk, "127.0.0.1", 0))
        self._stack.callback(wire.close)
        ports = {
            "up": self.up.port,
            "wire": wire.sockets[0].getsockname()[1],
            "closed": _closed_port(self._stack),
            "deaf": _deaf_port(self._stack),
        }
        process = ServerProcess(self._folder, self._config.format(**ports), **self._options)
        self.server = self._stack.enter_context(process)
        self.assert_answers()
        self.idle = self.run(self.server.at_rest())
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run it on the loop where the upstream lives."""
        return self._runner.run(work)

    def answers(self, *answers: Answer | Callable[[Request], Answer]) -> None:
        """What the upstream sends from now on, or a function that says it."""
        first, *others = answers
        waiting = list(others)

        def next_answer(request: Request) -> Answer:
            nonlocal first
            answer = first(request) if callable(first) else first
            if waiting:
                first = waiting.pop(0)
            return answer

        self._answer = next_answer
        self.up.requests.clear()

    def client(self, **options: Any) -> httpx.AsyncClient:
        """A client of the server that has the key."""
        url = f"http://127.0.0.1:{self.server.port}"
        options = {"base_url": url, "headers": AUTH, "timeout": 30, "verify": False, **options}
        return httpx.AsyncClient(**options)

    def ask(self, body: object, **options: Any) -> httpx.Response:
        """One chat request and its whole answer."""

        async def asking() -> httpx.Response:
            async with self.client() as http:
                return await http.post(PATH, json=body, **options)

        return self.run(asking())

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.wire(reader, writer)
        writer.close()

    def assert_answers(self) -> None:
        """The server answers, whatever happened before."""
        self.answers(GOOD)
        response = self.ask(chat_body())
        assert response.status_code == 200, response.text
        assert response.json()["choices"][0]["message"]["content"] == "All is well"
        self.up.requests.clear()

    def assert_as_before(self) -> None:
        """It answers, holds what it held at first, and nothing unforeseen stands in its log."""
        self.run(self.server.settles(tasks=self.idle.tasks))
        # Only a new request clears the pool of connections that the upstream has closed.
        self.assert_answers()
        self.run(self.server.settles(**asdict(self.idle)))
        log = self.server.log
        new, self._log_read = log[self._log_read :], len(log)
        assert not INNER_FAULTS.search(new), new


async def _says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close the connection."""


def _closed_port(stack: ExitStack) -> int:
    """A port that nobody else can take, and where nobody listens."""
    bound = stack.enter_context(socket.socket())
    bound.bind(("127.0.0.1", 0))
    port: int = bound.getsockname()[1]
    return port


def _deaf_port(stack: ExitStack) -> int:
    """A port where no connection is ever taken: its queue is full."""
    listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(2):
        waiting = stack.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listening.getsockname())
    port: int = listening.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def running_siege(tmp_path_factory) -> Iterator[Siege]:
    with Siege(tmp_path_factory.mktemp("siege")) as siege:
        yield siege


@pytest.fixture
def siege(running_siege) -> Iterator[Siege]:
    """The one of the file; it must be as before when the test is over."""
    yield running_siege
    running_siege.assert_as_before()
