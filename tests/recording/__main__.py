"""Record what a model really writes, each reply as a file for the table of replies.

    python -m tests.recording <folder> [id …]                         the embedded model
    python -m tests.recording <folder> [id …] --upstream URL --name NAME

``requests.toml`` says what is asked. Each file has the raw reply to the very prompt that toolbridge
writes, with everything that the server would not have read any more, and the reply to a re-ask if
there was one. The key is replaced by ``{KEY}``. What is expected is left open: that is for someone
who has read the reply.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tomllib
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.judge import Task, body_of, task_of, tools, tools_of
from bridge.exchange import open_exchanges
from bridge.models import Model
from bridge.turns import Piece
from bridge.validation import Limits, parse_request
from tests.conversing import KEY, SEED
from tests.recording.case_file import case_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.exchange import Exchange
    from bridge.turns import UpstreamFinish
    from bridge.upstream.base import Upstream

REQUESTS = Path(__file__).with_name("requests.toml")
MAX_TOKENS = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: a task of the benchmark's form, and how it is put."""

    task: Task
    what: str
    messages: list[dict[str, Any]]
    offered: dict[str, dict[str, Any]]
    dialect: str = "fence"
    temperature: float = 0
    max_tokens: int = MAX_TOKENS
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """The request as the wire has it."""
        body = body_of(self.task, "m") | {
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": 1,
            "stream": True,
            **self.fields,
        }
        if self.offered:
            body["tools"] = list(self.offered.values())
        return body

    @property
    def encoded(self) -> bytes:
        """Its bytes."""
        return json.dumps(self.body).encode()


def requests() -> list[Asked]:
    """All that is asked, in the order of the file."""
    file = tomllib.loads(REQUESTS.read_text("utf-8"))
    known = {**tools(), **tools_of(file["tools"])}
    return [_asked(table, known) for table in file["request"]]


def _asked(table: dict[str, Any], known: dict[str, dict[str, Any]]) -> Asked:
    names = ("what", "dialect", "temperature", "max_tokens", "fields")
    own = {name: table.pop(name) for name in names if name in table}
    offered = {name: known[name] for name in table.pop("tools", ())}
    messages = table.get("messages") or [{"user": table["say"]}]
    return Asked(task_of({"kind": "recorded", **table}), messages=messages, offered=offered, **own)


@dataclass(slots=True)
class Reply:
    """One raw reply: what it was made to begin with, its text, and how it ended."""

    prefilled: str = ""
    text: str = ""
    finish: UpstreamFinish | None = None


def exchange_of(asked: Asked, upstream: Upstream, name: str) -> Exchange:
    """The exchange that the server would open."""
    model = Model("m", "up", name, dialect=asked.dialect, repeat_guard=1)
    (exchange,) = open_exchanges(
        parse_request(asked.encoded, Limits()),
        model.twin() if asked.task.thinking else model,
        upstream.capabilities,
        id="chatcmpl-1",
        created=0,
        new_call_id=lambda: "call_1",
        seed=SEED,
    )
    return exchange


async def replies_to(asked: Asked, upstream: Upstream, name: str) -> list[Reply]:
    """The model's replies, each to its end; the second answers a re-ask."""
    exchange = exchange_of(asked, upstream, name)
    replies: list[Reply] = []
    while not replies or exchange.asks_again:
        opened = exchange.turns[-1].text if exchange.options.prefill else ""
        replies.append(await _reply(exchange, upstream, Reply(opened)))
        exchange.close()
    return replies


async def _reply(exchange: Exchange, upstream: Upstream, reply: Reply) -> Reply:
    async with aclosing(upstream.stream(exchange.turns, exchange.options)) as pieces:
        async for piece in pieces:
            reply.text += piece.text
            reply.finish = piece.finish or reply.finish
            exchange.feed(Piece(piece.text, piece.finish))
    return reply


async def record(folder: Path, wanted: Sequence[str], upstream: Upstream, name: str) -> None:
    """Ask everything, or what is ``wanted``, and write a file for each."""
    for asked in requests():
        if wanted and asked.task.id not in wanted:
            continue
        replies = await replies_to(asked, upstream, name)
        path = folder / f"recorded-{asked.task.id}.toml"
        text = case_text(asked, replies, name).replace(KEY, "{KEY}")
        path.write_text(text, "utf-8", newline="")
        print(f"{path}: {', '.join(str(len(reply.text)) for reply in replies)} characters")
    await upstream.aclose()


def embedded() -> tuple[Upstream, str]:
    """The embedded model and its name."""
    from bridge.upstream.llama import Llama
    from bridge.upstream.llama_fetch import fetch
    from bridge.upstream.llama_model import DEFAULT_MODEL

    return Llama.load(fetch(os.environ), slots=1), DEFAULT_MODEL.name


def remote(url: str) -> Upstream:
    """An OpenAI-compatible server; its key is ``UPSTREAM_KEY``."""
    from bridge.upstream.http_reply import new_client
    from bridge.upstream.openai_text import OpenAIText

    async def key() -> str | None:
        return os.environ.get("UPSTREAM_KEY")

    return OpenAIText(new_client(), url, key)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.recording")
    parser.add_argument("folder", type=Path)
    parser.add_argument("ids", nargs="*", metavar="id")
    parser.add_argument("--upstream", metavar="URL", help="an OpenAI-compatible server's base URL")
    parser.add_argument("--name", help="the name of the model there")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.upstream:
        upstream, name = remote(options.upstream), options.name
    else:
        upstream, name = embedded()
    asyncio.run(record(options.folder, options.ids, upstream, name))


if __name__ == "__main__":
    main()
