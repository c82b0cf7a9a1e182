"""What a message or a delta holds, in OpenAI's form and as other servers have it.

text      ``content``: a string, or parts of type ``text``
thinking  ``reasoning_content`` (DeepSeek, vLLM, SGLang, llama.cpp), ``reasoning`` (OpenRouter,
Ollama, Groq), ``reasoning_text`` (GitHub Copilot), ``thinking`` (Ollama's own),
``reasoning_details`` (OpenRouter, MiniMax), parts of type ``thinking`` (Mistral)
calls     ``tool_calls``, or the older ``function_call``
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bridge.upstream.said import CallBit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

THINKING_FIELDS = (
    "reasoning_content",
    "reasoning",
    "reasoning_text",
    "thinking",
    "reasoning_details",
)
"""The first that holds anything counts: some servers send the same under two names."""

APART = (*THINKING_FIELDS, "tool_calls", "function_call")

INNER = ("text", "thinking", "summary", "reasoning")
"""Where a part of thinking has its words, which may be parts again."""

MAX_DEPTH = 4


def content_of(message: object) -> tuple[str, str, tuple[CallBit, ...]]:
    """The text, the thinking and the calls of a message or a delta."""
    if not isinstance(message, dict):
        return "", "", ()
    content = message.get("content")
    if isinstance(content, str) and not any(map(message.get, APART)):
        return content, "", ()  # nearly every delta there is
    return text_of(message), thinking_of(message), calls_in(message)


def text_of(message: Mapping[str, object]) -> str:
    """The answer's text; parts of other types are left out."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _parts(content) if part.get("type", "text") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def thinking_of(message: Mapping[str, object]) -> str:
    """Thinking that stands apart from the text."""
    for field in THINKING_FIELDS:
        if words := _words(message.get(field)):
            return words
    parts = [part for part in _parts(message.get("content")) if part.get("type") in INNER[1:]]
    return _words(parts)


def calls_in(message: Mapping[str, object]) -> tuple[CallBit, ...]:
    """Bits of calls, or whole ones."""
    bits = [_bit(call, call.get("function")) for call in _parts(message.get("tool_calls"))]
    if isinstance(legacy := message.get("function_call"), dict):
        bits.append(_bit({}, legacy))
    return tuple(bit for bit in bits if bit is not None)


def _bit(call: Mapping[str, Any], function: object) -> CallBit | None:
    if not isinstance(function, dict):
        return None
    name, arguments = function.get("name"), function.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)  # Ollama's own form: an object
    index, key = call.get("index"), call.get("id")
    return CallBit(
        index=index if isinstance(index, int) else None,
        id=key if isinstance(key, str) else "",
        name=name if isinstance(name, str) else "",
        arguments=arguments or "",
    )


def _words(value: object, depth: int = MAX_DEPTH) -> str:
    """The text in a string, or in parts of whatever form."""
    if isinstance(value, str):
        return value
    if depth == 0:
        return ""
    found = (part.get(name) for part in _parts(value) for name in INNER)
    return "".join(_words(inner, depth - 1) for inner in found)


def _parts(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (part for part in value if isinstance(part, dict))
