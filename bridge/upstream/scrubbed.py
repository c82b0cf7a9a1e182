"""What an upstream says of a request that it refuses, as much of it as a log may hold.

An operator needs the reason ("Conversation roles must alternate user/assistant"); but such texts
quote prompts, keys, hosts and accounts. So what stays is plain words and short numbers, in the
order in which they came, and of these none that the request may have brought:

- no run of words that stands in the request, and nothing in quotes or with a capital that does;
- no word of a header that the operator configured;
- nothing with digits and letters mixed, or with what hosts, addresses and paths are made of.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_READ = 400
"""Characters of a message that are looked at."""

MAX_SAID = 200
"""Characters that are kept."""

RUN = 3
"""So many words in a row are no chance: they were taken from the request."""

MIN_SECRET = 4
"""Shorter words of headers ("key", "api") are in every text."""

LEFT_OUT = "…"

_PLAIN = re.compile(
    r"[\"'(\[{<`*]{0,3}(?:[A-Za-z]{1,20}(?:[-_/'][A-Za-z]{1,20}){0,5}|[0-9]{1,7})[\"')\]}>`*.,;:!?%/]{0,4}"
)
_QUOTE = re.compile(r"[\"'`]")
_FIELDS = frozenset((b"user", b"assistant", b"system", b"tool", b"role", b"content", b"messages"))
"""Words of each request that are not its content."""

_SENTENCE_ENDS = (".", "!", "?", ":")
_MARKUP = re.compile(r"\s*<")
_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
_ALIKE = bytes(
    byte if byte in _LETTERS or byte >= 0x80 else 0x20 for byte in bytes(range(256)).lower()
)
"""Each byte of a text as it is compared: a letter, small, or a space."""


def scrubbed(message: str, sent: bytes, secrets: Iterable[str] = ()) -> str:
    """The message without what may be secret; "" when nothing is left of it.

    ``sent`` is the body of the request, ``secrets`` are values of its headers.
    """
    if _MARKUP.match(message):
        return ""  # a page, not a message
    tokens = message[:MAX_READ].split()
    if len(message) > MAX_READ:
        tokens[-1:] = [LEFT_OUT]  # half a word may look harmless
    request = _alike(sent.replace(b"\\n", b" ").replace(b"\\t", b" "))
    hidden = {word for value in secrets for word in _alike(value.encode()).split()}
    taken = set(_runs(tokens, request))
    kept = [
        token if number not in taken and _is_open(tokens, number, request, hidden) else LEFT_OUT
        for number, token in enumerate(tokens)
    ]
    if not any(word != LEFT_OUT for word in kept):
        return ""
    said = " ".join(word for at, word in enumerate(kept) if kept[at - 1 : at] != [word])
    return said if len(said) <= MAX_SAID else said[: MAX_SAID - 1] + LEFT_OUT


def _is_open(tokens: list[str], number: int, request: bytes, hidden: set[bytes]) -> bool:
    """Whether a word may be told by itself."""
    token = tokens[number]
    if not _PLAIN.fullmatch(token):
        return False
    words = _alike(token.encode()).split()
    if any(len(word) >= MIN_SECRET and word in hidden for word in words):
        return False
    words = [word for word in words if word not in _FIELDS]
    begins = number == 0 or tokens[number - 1].endswith(_SENTENCE_ENDS)
    marked = _QUOTE.search(token) or (token.lstrip("([{<*")[:1].isupper() and not begins)
    return not (marked and _stands(words, request))


def _runs(tokens: list[str], request: bytes) -> Iterator[int]:
    """The places of words that stand in the request in a row."""
    words = [_alike(token.encode()).split() for token in tokens]
    for start in range(len(words) - RUN + 1):
        if _stands([part for word in words[start : start + RUN] for part in word], request):
            yield from range(start, start + RUN)


def _stands(words: list[bytes], request: bytes) -> bool:
    return bool(words) and b" ".join([b"", *words, b""]) in request


def _alike(text: bytes) -> bytes:
    alike = b" %b " % text.translate(_ALIKE)
    while b"  " in alike:  # a prompt has millions of words: none is made an object of
        alike = alike.replace(b"  ", b" ")
    return alike
