"""An exchange with a model that says what a test tells it to, without any upstream or server."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from bridge.completion import fold, usage_of
from bridge.dialects.key import key_for
from bridge.exchange import open_exchanges
from bridge.keys import hashed
from bridge.models import Model
from bridge.plan import plan_of
from bridge.turns import Capabilities, Piece
from bridge.validation import Limits, parse_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bridge.answers import ChatCompletionChunk
    from bridge.exchange import Exchange
    from bridge.figures import Figures
    from bridge.plan import Plan
    from bridge.schema import ChatCompletionRequest
    from bridge.turns import Options, TokenCounts, Turn, UpstreamFinish

API_KEY = "tb-alice-15925"
"""Its dialect key is the one that replies in tests spell, right or wrong."""

SEED = hashed(API_KEY).encode()
KEY = key_for(SEED)
PLAIN = Capabilities()
PREFILLS = Capabilities(prefill=True)


def tool(name: str, *, strict: bool | None = None, **properties: Any) -> dict[str, Any]:
    """A tool with these required properties, and no others allowed."""
    parameters = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    function = {"name": name, "parameters": parameters, "strict": strict}
    return {"type": "function", "function": function}


STRING = {"type": "string"}
WEATHER = tool("get_weather", city=STRING)
TIME = tool("get_time", zone=STRING)
STRICT_WEATHER = tool("get_weather", strict=True, city=STRING)


def call(name: str = "get_weather", **arguments: Any) -> str:
    """A call as one line of a block."""
    return json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False)


def block(*lines: str) -> str:
    """A block of the fence dialect."""
    return "\n".join([f"```tool_call {KEY}", *lines, "```"])


GOOD = block(call(city="北京"))
FAULTY = block(call(town="北京"))
UNKNOWN = block(call("get_news", topic="x"))
UNREADABLE = block('{"name": "get_weather", "arguments": {"city": "say "hi" now"}}')


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: its text, and how the upstream says it ended."""

    text: str
    finish: UpstreamFinish = "stop"
    counts: TokenCounts | None = None


def cut(text: str) -> Reply:
    """A reply that the token limit cut."""
    return Reply(text, "length")


@dataclass(slots=True)
class Answer:
    """What came of it. ``asked`` and ``options`` have one entry for each attempt."""

    exchange: Exchange
    chunks: list[ChatCompletionChunk] = field(default_factory=list)
    asked: list[list[Turn]] = field(default_factory=list)
    options: list[Options] = field(default_factory=list)
    unread: str = ""
    """What of the last reply was not read, because nothing more could count."""

    @property
    def figures(self) -> Figures:
        return self.exchange.figures

    @property
    def deltas(self) -> list[dict[str, Any]]:
        """What each chunk says, the finish reason as one more key."""
        return [
            msgspec.to_builtins(choice.delta)
            | ({"finish_reason": choice.finish_reason} if choice.finish_reason else {})
            for chunk in self.chunks
            for choice in chunk.choices
        ]

    @property
    def choice(self) -> dict[str, Any]:
        """The folded choice in short: content, calls as name and arguments, finish reason."""
        (choice,) = fold(self.chunks, usage_of([])).choices
        message = choice.message
        calls = [(made.function.name, made.function.arguments) for made in message.tool_calls or ()]
        if message.function_call:
            calls.append((message.function_call.name, message.function_call.arguments))
        return {"content": message.content, "calls": calls, "finish": choice.finish_reason}


def request_of(**fields: Any) -> ChatCompletionRequest:
    """A request with these fields, streamed unless they say otherwise."""
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "What is the weather in 北京?"}],
        "stream": True,
        **fields,
    }
    return parse_request(json.dumps(body).encode(), Limits())


def served(fields: dict[str, Any] | None) -> Model:
    """The model that is asked, with these settings."""
    return Model("m", "house", "their-name", **(fields or {}))


def planned(
    *, model: dict[str, Any] | None = None, capabilities: Capabilities = PLAIN, **fields: Any
) -> Plan:
    """The plan for a request with these fields."""
    return plan_of(request_of(**fields), served(model), capabilities, SEED)


def opened(
    *, model: dict[str, Any] | None = None, capabilities: Capabilities = PLAIN, **fields: Any
) -> list[Exchange]:
    """The exchanges of a request with these fields."""
    numbers = itertools.count()
    return open_exchanges(
        request_of(**fields),
        served(model),
        capabilities,
        id="chatcmpl-1",
        created=1_700_000_000,
        new_call_id=lambda: f"call_{next(numbers)}",
        seed=SEED,
    )


def pieces_of(reply: Reply, sizes: Iterator[int]) -> Iterator[Piece]:
    """A reply in pieces of these sizes, its end in one of its own."""
    place = 0
    while place < len(reply.text):
        size = next(sizes)
        yield Piece(reply.text[place : place + size])
        place += size
    yield Piece(finish=reply.finish, counts=reply.counts)


def answered(
    *replies: str | Reply, sizes: Iterable[int] = (7,), may_ask_again: bool = True, **fields: Any
) -> Answer:
    """The answer to a request when the model gives these replies, one for each attempt."""
    (exchange,) = opened(**fields)
    answer = Answer(exchange)
    endless = itertools.cycle(sizes)
    for reply in replies:
        reply = Reply(reply) if isinstance(reply, str) else reply
        answer.asked.append(list(exchange.turns))
        answer.options.append(exchange.options)
        read = 0
        for piece in pieces_of(reply, endless):
            answer.chunks += exchange.feed(piece)
            read += len(piece.text)
            if exchange.done:
                break
        answer.unread = reply.text[read:]
        answer.chunks += exchange.close(may_ask_again=may_ask_again)
        if not exchange.asks_again:
            break
    assert len(answer.asked) == len(replies), "not every reply was asked for"
    assert not exchange.asks_again, "one more reply was asked for"
    return answer
