"""A server on a real socket, whose model is a script, for clients that know nothing of tests.

server = serve(calling(("add", {"a": 1, "b": 2})), "It is 3.")
...                         # a client of server.url with server.key
server.prompts[-1]          # what the model was shown last, as one text
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from bridge.server.local import server_of
from bridge.upstream.scripted import Scripted
from tests.local_server import KEY, an_app, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.upstream.base import Upstream
    from bridge.upstream.scripted import Reply

# Read when litellm is imported: it would fetch a list of prices otherwise.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

PIECE = 7
"""Characters a piece: no marker, name or number is sure to come whole."""


def calling(*calls: tuple[str, object], before: str = "") -> list[str]:
    """A reply that makes these calls, ``(name, arguments)``, the way the model is told to."""
    text = written(*calls)
    return saying(f"{before}\n\n{text}" if before else text)


def saying(text: str) -> list[str]:
    """A reply in small pieces."""
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)]


@dataclass(frozen=True, slots=True)
class Served:
    """A running server. ``url`` is what clients call the base URL; the one model is ``m``."""

    url: str
    upstream: Any
    key: str = KEY
    model: str = "m"

    @property
    def prompts(self) -> list[str]:
        """The prompts of a scripted upstream, oldest first."""
        return ["\n\n".join(t.text for t in asked.turns) for asked in self.upstream.requests]


@contextmanager
def running(upstream: Upstream, **options: object) -> Iterator[Served]:
    """The application over this upstream, served from a thread until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = server_of(an_app(upstream, **options), drain=2)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        try:
            yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", upstream)
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive(), "the server did not stop"


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start a server that gives these replies, or those that a function gives."""
    with ExitStack() as stack:

        def start(*replies: Any, **options: object) -> Served:
            script: Any = replies[0] if callable(replies[0]) else [_reply(r) for r in replies]
            return stack.enter_context(running(Scripted(script), **options))

        yield start


def _reply(reply: Reply) -> Reply:
    return saying(reply) if isinstance(reply, str) else reply
