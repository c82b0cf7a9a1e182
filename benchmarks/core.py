"""The core alone, in this process: what a delta, an argument byte and a prompt cost.

Processor time, not the clock's, so that a busy machine says nearly the same. Within a round each
figure is measured beside its baseline.
"""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from benchmarks import workload
from benchmarks.figures import Limit, Row, Sample, sample
from bridge.exchange import open_exchanges
from bridge.json_stream import ArgumentsWriter
from bridge.json_tokens import JsonTokens
from bridge.models import Model
from bridge.server.event_stream import event_of
from bridge.turns import Capabilities, Piece
from bridge.validation import Limits, parse_request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.answers import ChatCompletionChunk
    from bridge.exchange import Exchange
    from bridge.schema import ChatCompletionRequest

ROUNDS = 7
MODEL = Model("m", "upstream", "m", hold=0)
_KEY = re.compile(r"tool_call ([a-z]+ [a-z]+)")
_SEED = b"benchmark"


def request_of(body: dict[str, Any]) -> ChatCompletionRequest:
    """The request as the server makes it of a body."""
    limits = Limits(messages=100_000, body_bytes=100_000_000)
    return parse_request(json.dumps(body).encode(), limits)


def exchange_of(request: ChatCompletionRequest, model: Model = MODEL) -> Exchange:
    ids = count()
    (exchange,) = open_exchanges(
        request,
        model,
        Capabilities(),
        id="chatcmpl-benchmark",
        created=1,
        new_call_id=lambda: f"call_{next(ids):024d}",
        seed=_SEED,
    )
    return exchange


def written(chunks: Sequence[ChatCompletionChunk]) -> bytes:
    """As the server writes them."""
    return b"".join(map(event_of, chunks))


def fed(exchange: Exchange, texts: Sequence[str]) -> int:
    """Feed all pieces and encode what comes of them; the bytes that came out."""
    size = 0
    for text in texts:
        if chunks := exchange.feed(Piece(text)):
            size += len(written(chunks))
    return size


def opening(exchange: Exchange) -> str:
    """The head of a call of ``write_file``, up to its long argument."""
    key = _KEY.search("\n".join(turn.text for turn in exchange.turns))
    return workload.opening(key[1] if key else "") + workload.CALL_HEAD


def spent(work: Callable[[], object]) -> float:
    """Processor seconds of one go."""
    begun = time.process_time_ns()
    work()
    return (time.process_time_ns() - begun) / 1e9


Work = dict[str, "Callable[[], float]"]
"""Figure → one measurement of it."""


def measured(works: Work, rounds: int = ROUNDS) -> dict[str, Sample]:
    """Each figure once a round, after one go that does not count."""
    values: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, work in works.items():
            value = work()
            if number:
                values[name].append(value)
    return {name: sample(found) for name, found in values.items()}


# Deltas -------------------------------------------------------------------------------------------

DELTAS = 2000


def deltas() -> list[Row]:
    """CPU a delta of four characters: decoded, completed, encoded."""
    works: Work = {"round trip": _round_trip}
    for tools in (1, 128):
        request = request_of(workload.chat("m", workload.many_tools(tools)))
        works[f"text {tools}"] = partial(text_delta, request)
        works[f"arguments {tools}"] = partial(argument_delta, request)
    found = {name: micro(figure) for name, figure in measured(works).items()}
    rows = []
    for kind in ("text", "arguments"):
        few, many = found[f"{kind} 1"], found[f"{kind} 128"]
        goal = Limit(at_most=25, of_ratio=False, unit="µs")
        what = f"core's CPU a delta, {kind}"
        rows.append(
            Row(what, few, "µs", "json.loads and json.dumps of it", found["round trip"], goal)
        )
        rows.append(Row(f"{what}, 128 tools", many, "µs", "1 tool", few, Limit(at_most=1.1)))
    return rows


def text_delta(request: ChatCompletionRequest) -> float:
    exchange, texts = exchange_of(request), workload.words(DELTAS)
    return spent(lambda: fed(exchange, texts)) / DELTAS


def argument_delta(request: ChatCompletionRequest) -> float:
    exchange, texts = exchange_of(request), workload.words(DELTAS)
    fed(exchange, [opening(exchange)])
    return spent(lambda: fed(exchange, texts)) / DELTAS


def _round_trip() -> float:
    choice = {"index": 0, "delta": {"content": "word"}, "logprobs": None, "finish_reason": None}
    chunk = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    text = json.dumps({**chunk, "choices": [choice]})

    def work() -> None:
        for _ in range(DELTAS):
            json.dumps(json.loads(text))

    return spent(work) / DELTAS


# Arguments ----------------------------------------------------------------------------------------

SIZES = {"1 kB": 1000, "100 kB": 100_000, "1 MB": 1_000_000}
ARGUMENT_PIECE = 64


def arguments() -> list[Row]:
    """CPU an argument byte at three sizes, and the JSON stream alone."""
    request = request_of(workload.chat("m", workload.TYPICAL_TOOLS))
    works: Work = {name: partial(argument_byte, request, size) for name, size in SIZES.items()}
    shapes = {"program text": f'{{"content": "{workload.code(300_000)}"}}'}
    shapes["small values"] = f'{{"rows": {workload.records(300_000)}}}'
    for name, text in shapes.items():
        works[name] = partial(json_byte, text)
        works[f"{name} whole"] = partial(loaded_byte, text)
    found = measured(works)
    byte = {name: sample(value * 1e9 for value in found[name].values) for name in SIZES}
    middle = byte["100 kB"]
    rows = [
        Row(
            f"core's CPU an argument byte, {name}",
            byte[name],
            "ns",
            "100 kB",
            middle,
            Limit(at_most=1.3),
        )
        for name in ("1 kB", "1 MB")
    ]
    for name in shapes:
        rate, whole = per_second(found[name]), per_second(found[f"{name} whole"])
        goal = Limit(at_least=5, of_ratio=False, unit="MB/s")
        rows.append(
            Row(
                f"JSON stream, {name}, pieces of 64", rate, "MB/s", "json.loads, whole", whole, goal
            )
        )
    return rows


def argument_byte(request: ChatCompletionRequest, size: int) -> float:
    """CPU seconds a byte of one long argument, small ones repeated; without opening the call."""
    times = max(1, 100_000 // size)
    exchanges = [exchange_of(request) for _ in range(times)]
    for exchange in exchanges:
        fed(exchange, [opening(exchange)])
    texts = workload.pieces(workload.code(size), ARGUMENT_PIECE)
    return spent(lambda: [fed(exchange, texts) for exchange in exchanges]) / size / times


def json_byte(text: str) -> float:
    """CPU seconds a byte in the JSON stream alone."""
    texts = workload.pieces(text, ARGUMENT_PIECE)

    def work() -> None:
        tokens, writer = JsonTokens(), ArgumentsWriter()
        for piece in texts:
            found, _ = tokens.feed(piece)
            writer.write(found)

    return spent(work) / len(text)


def loaded_byte(text: str) -> float:
    """CPU seconds a byte of the standard library's parser, which is given the whole."""
    return spent(lambda: json.loads(text)) / len(text)


def micro(figure: Sample) -> Sample:
    return sample(value * 1e6 for value in figure.values)


def per_second(seconds_a_byte: Sample) -> Sample:
    """MB a second."""
    return sample(1e-6 / value for value in seconds_a_byte.values)


def rows() -> list[Row]:
    return [*deltas(), *arguments()]
