"""Prompt tokens: what the protocol costs, counted by the embedded model's own tokenizer.

Where the model or xllamacpp is not at hand, four characters count as a token, and the results say
so.
"""

from __future__ import annotations

import json
import os
import urllib.request
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import workload
from benchmarks.core import MODEL, exchange_of, request_of
from benchmarks.figures import Limit, Row, sample
from benchmarks.processes import python, started
from bridge.upstream.chatml import chatml
from bridge.upstream.llama_fetch import PATH_VARIABLE, cache_folder
from bridge.upstream.llama_model import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Count = Callable[[str], int]

CHARACTERS = "4 characters a token"


def model_file() -> Path | None:
    """The embedded model's file, if it is here already; nothing is fetched."""
    cached = cache_folder(os.environ) / DEFAULT_MODEL.file
    path = Path(os.environ.get(PATH_VARIABLE) or cached).expanduser()
    return path.resolve() if path.is_file() and find_spec("xllamacpp") else None


def by_characters(text: str) -> int:
    return len(text) // 4


@contextmanager
def counter() -> Iterator[tuple[str, Count]]:
    """How tokens are counted, and a function that counts."""
    path = model_file()
    if path is None:
        yield CHARACTERS, by_characters
        return
    with started(python("-m", "benchmarks.native", str(path))) as server:
        url = f"{server.url.removesuffix('/v1')}/tokenize"

        def by_model(text: str) -> int:
            body = json.dumps({"content": text, "parse_special": True}).encode()
            asked = urllib.request.Request(url, body, {"content-type": "application/json"})
            with urllib.request.urlopen(asked) as answer:
                return len(json.load(answer)["tokens"])

        yield path.stem, by_model


def prompt(body: dict[str, Any]) -> str:
    """The whole prompt of a request, as the embedded model gets it."""
    return chatml(exchange_of(request_of(body), MODEL).turns)


def plain(body: dict[str, Any]) -> str:
    """The same messages without any protocol."""
    return "\n".join(message["content"] for message in body["messages"])


def kept(body: dict[str, Any]) -> tuple[str, str]:
    """The prompt of a conversation, and what of it the next turn's prompt begins with."""
    now = prompt(body)
    answer = {"role": "assistant", "content": "It is done."}
    following = {"role": "user", "content": "Thank you. And now?"}
    later = prompt({**body, "messages": [*body["messages"], answer, following]})
    return now, now[: common(now, later)]


def common(one: str, other: str) -> int:
    """How many characters two texts begin with together."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def rows() -> list[Row]:
    few, none = workload.chat("m", workload.TYPICAL_TOOLS), workload.chat("m")
    compact = json.dumps(workload.TYPICAL_TOOLS, separators=(",", ":"))
    bare = prompt(none)
    with counter() as (how, count):
        protocol = sample([count(prompt(few)) - count(bare)])
        extra = sample([count(bare) - count(chatml_of(none))])
        grown, again = kept({**few, "messages": workload.conversation(41)})
        schema, whole, reused = (sample([count(text)]) for text in (compact, grown, again))
        words = sample([count(plain(none))])
    by = f"tokens, {how}"
    most, nothing = Limit(at_most=450, of_ratio=False), Limit(at_most=0, of_ratio=False)
    return [
        Row(f"protocol with five tools ({by})", protocol, "", "their JSON", schema, most),
        Row(f"protocol without tools ({by})", extra, "", "the message itself", words, nothing),
        Row(
            f"prompt reused a turn later ({by})",
            reused,
            "",
            "the prompt",
            whole,
            Limit(at_least=0.97),
        ),
    ]


def chatml_of(body: dict[str, Any]) -> str:
    """The messages of a request without tools, rendered by no one but the template."""
    from bridge.turns import Turn

    return chatml([Turn(message["role"], message["content"]) for message in body["messages"]])
