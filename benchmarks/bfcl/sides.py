"""The sides that are compared, and how one of them is asked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.accuracy import MAX_TOKENS, NATIVE, PATIENCE, TAGGED, told, version_of
from benchmarks.bfcl import naive
from benchmarks.bfcl.rows import Row

if TYPE_CHECKING:
    from benchmarks.accuracy import Served
    from benchmarks.bfcl.cases import Case

OURS = "toolbridge"


@dataclass(frozen=True, slots=True)
class Side:
    """What is asked: the kind of server, its name for the model, and how calls are read.

    A way of holding a model to its calls is one more side: its server's arguments differ.
    """

    name: str
    server: str
    model: str = "embedded"
    naive: bool = False

    @property
    def version(self) -> str:
        """The core that an answer depends on, if it does."""
        return version_of(self.model) if self.server == OURS else ""


SIDES = {
    side.name: side
    for side in (
        Side("fence", OURS, "fence"),
        Side("raw", OURS, "raw"),
        Side("hermes", OURS, "hermes"),
        Side("naive", NATIVE, naive=True),
        Side("native", NATIVE),
        Side("native-tag", TAGGED),
    )
}


def body_of(side: Side, case: Case) -> dict[str, Any]:
    """The request."""
    body: dict[str, Any] = {
        "model": side.model,
        "temperature": 0,
        "max_tokens": MAX_TOKENS,
        "messages": [*case.messages],
    }
    if side.naive:
        return {**body, "messages": naive.messages_of(case)}
    return {**body, "tools": [*case.tools]}


def ask(side: Side, case: Case, served: Served) -> Row:
    """One case, once. An error of the server is an answer; a server that is gone raises."""
    from openai import APIStatusError, OpenAI

    begun = time.perf_counter()
    got: dict[str, Any] = {}
    with OpenAI(base_url=served.url, api_key=served.key, timeout=PATIENCE, max_retries=0) as client:
        try:
            got = read_answer(side, client.chat.completions.create(**body_of(side, case)))
        except APIStatusError as error:
            got = {"error": f"{type(error).__name__}: {error.message}"}
    seconds = round(time.perf_counter() - begun, 2)
    report = told(served)
    return Row(
        side=side.name,
        case=case.id,
        category=case.category,
        seconds=seconds,
        near_misses=report.get("near_misses"),
        re_asks=report.get("re_asks"),
        version=side.version,
        **{**got, "replies": tuple(report.get("replies", got.get("replies", ())))},
    )


def read_answer(side: Side, answer: Any) -> dict[str, Any]:
    """What an answer says, as the side reads it."""
    message = answer.choices[0].message
    text = message.content or ""
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    replies: tuple[str, ...] = ()
    if side.naive:
        replies = (text,)
        calls, text = naive.read(text)
    tokens = answer.usage.prompt_tokens if answer.usage else 0
    return {"calls": tuple(calls), "text": text, "replies": replies, "prompt_tokens": tokens}
