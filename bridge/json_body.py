"""A request body: bytes in, one JSON object out, or a ``RequestError`` in words.

Python's own reader is kept to RFC 8259 and to bounded work:

- the text is UTF-8 (RFC 8259, 8.1); a byte order mark before it is skipped;
- nesting is counted in one linear scan before anything recurses;
- ``NaN``, ``Infinity`` and numbers that a double cannot hold (``1e999``) are refused: no upstream
  could be sent them;
- integers over 4300 digits are refused, Python's own limit against quadratic work;
- of two equal keys the last one wins, as in JavaScript, Python and every OpenAI client library;
- half of a surrogate pair (clients that cut text by UTF-16 units send such) becomes U+FFFD. A
  refusal would block the conversation for ever, because the text comes back with every turn.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from bridge.errors import RequestError

STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or what is left when the last one is not closed: so each character is read once."""
BRACKETS = bytes.maketrans(b"{}", b"[]")
NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


def load_object(body: bytes, *, nesting: int) -> dict[str, Any]:
    """The JSON object in ``body``, at most ``nesting`` brackets deep; raises ``RequestError``."""
    text = _decoded(body)
    if _is_deeper(body, nesting):
        raise RequestError(f"The request body is nested more than {nesting} levels deep.")
    value = _loaded(text)
    if not isinstance(value, dict):
        raise RequestError("The request body must be a JSON object.")
    return _mended(value) if SURROGATE_ESCAPE.search(text) else value


def _decoded(body: bytes) -> str:
    if not body.strip():
        raise RequestError("The request body is empty; a JSON object is expected.")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"The request body is not valid UTF-8 (byte {error.start + 1})."
        ) from None


def _is_deeper(body: bytes, nesting: int) -> bool:
    """Whether brackets stand in each other more than so many levels deep.

    The innermost pairs are taken out, level by level: for each a step that C takes. What never
    closes is no JSON, and may be twice as deep.
    """
    brackets = STRING.sub(b"", body).translate(BRACKETS, NO_BRACKETS)
    for _ in range(nesting):
        inner = len(brackets)
        brackets = brackets.replace(b"[]", b"")
        if len(brackets) == inner:
            break
    return b"[]" in brackets or brackets.count(b"[") > nesting


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise RequestError(
            f"The request body is not valid JSON: {error.msg}"
            f" (line {error.lineno}, column {error.colno})."
        ) from None
    except ValueError:
        # The one other thing json.loads raises: an integer over Python's limit on digits.
        raise RequestError("The request body holds an integer that is too long.") from None


def _refuse_constant(name: str) -> Any:
    raise RequestError(f"The request body is not valid JSON: it holds {name}.")


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise RequestError("The request body holds a number that is too large.")
    return value


def _mended(value: Any) -> Any:
    """The value with every lone surrogate replaced; recursion is bounded by the nesting limit."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
