"""Errors of an upstream that speaks HTTP, renamed into ours.

Two kinds come in: exceptions of httpx, and refusals that the upstream wrote itself, as a status
with a body or as an error object inside a 200. Of what the upstream wrote nothing is passed on but
``Retry-After`` and, from a short list, the name of the field to blame: the text may hold hosts,
account names, prompts or keys. What is left of it without those is for the log (``scrubbed``).
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
from pydantic_core import from_json

from bridge.errors import (
    BridgeError,
    ContextTooLong,
    RequestError,
    UpstreamCut,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from bridge.upstream.scrubbed import scrubbed
from bridge.upstream.timing import silent
from bridge.upstream.too_long import CONTEXT_TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNREACHABLE = "The upstream model cannot be reached."
FAILING = "The upstream model is failing."
REFUSED = "The upstream model does not accept this server's credentials."
BROKEN = "The upstream model answered with something that is not a reply."
CUT = "The upstream model's reply broke off."
LIMITED = "The upstream model asks for fewer requests."
REJECTED = "The upstream model rejected the request."
TOO_LONG = (
    "This model's maximum context length is exceeded: the prompt is too long. "
    "Reduce the length of the messages."
)
"""Clients know it by its words and shorten the conversation: LiteLLM by the first, LangChain by
the next, others by the last."""
FILTERED = "The upstream model's content filter rejected the request."

WORDS: Mapping[str, int] = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "too_many_requests": 429,
    "insufficient_quota": 429,
    "resource_exhausted": 429,
    "overloaded_error": 529,
    "overloaded": 529,
    "server_error": 500,
    "internal_error": 500,
    "internal_server_error": 500,
    "api_error": 500,
    "service_unavailable": 503,
    "unavailable": 503,
    "timeout": 504,
    "timeout_error": 504,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "unauthorized": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "invalid_request_error": 400,
    "invalid_request": 400,
    "bad_request": 400,
    "badrequesterror": 400,
    "content_filter": 400,
    "not_found_error": 404,
    "model_not_found": 404,
}
"""The status that an error object's ``code``, ``status`` or ``type`` means."""

BLAMED = frozenset(
    ("max_tokens", "temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
)
"""Fields that reach the upstream as the client sent them, and that it may therefore blame."""

PUBLIC_HEADERS = frozenset(
    ("accept", "accept-encoding", "connection", "content-length", "content-type", "user-agent")
)
"""Of a request: everything else in its head is the operator's own business."""

ERROR_STATUSES = range(400, 600)
DIGITS = re.compile(r"[0-9]{1,7}")
"""A status, or seconds of waiting: over 115 days would be no waiting time but a fault."""


def cut() -> UpstreamCut:
    """The error for a reply that ended before it was finished."""
    return UpstreamCut(CUT)


@contextmanager
def renamed() -> Iterator[None]:
    """Rename what httpx raises into ``UpstreamError``; no message names a host or a header."""
    try:
        yield
    except httpx.LocalProtocolError:
        # Its text quotes the faulty header, which may be the one with the key.
        raise UpstreamInvalid("The request to the upstream model cannot be sent.") from None
    except (httpx.ReadTimeout, httpx.WriteTimeout) as exc:
        raise silent() from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        raise UpstreamUnavailable(UNREACHABLE) from exc


def for_status(status: int, headers: Mapping[str, str], body: bytes) -> BridgeError:
    """The error that an HTTP answer other than 2xx means."""
    fault = _fault(body)
    if status in (400, 413, 422, 500) and _says_too_long(fault, body):
        return ContextTooLong(TOO_LONG)
    return _for_status(status, retry_after(headers), fault)


def refusal(response: httpx.Response, body: bytes) -> BridgeError:
    """The error that an answer other than 2xx means, with what it says for the log."""
    error = for_status(response.status_code, response.headers, body)
    headers = response.request.headers
    secrets = [value for name, value in headers.items() if name not in PUBLIC_HEADERS]
    error.said = scrubbed(_message(body), response.request.content, secrets) or None
    return error


def for_error(value: object) -> BridgeError | None:
    """The error that a JSON value inside a 200 is, None when it is none.

    Known forms: ``{"error": {message, type, code}}``, ``{"error": "text"}``,
    ``{"object": "error", message, …}``, ``{"type": "error", "errorText"}``, and any of them as the
    only item of a list.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    inner = value.get("error")
    if not inner and value.get("object") != "error" and value.get("type") != "error":
        return None
    fault: dict[str, object]
    if isinstance(inner, dict):
        fault = inner
    else:
        fault = {**value, "message": inner or value.get("errorText") or value.get("message")}
    if _says_too_long(fault, b""):
        return ContextTooLong(TOO_LONG)
    for word in (fault.get("code"), fault.get("status"), fault.get("type")):
        if (status := _status(word)) is not None:
            return _for_status(status, {}, fault)
    return UpstreamError(FAILING)


def retry_after(headers: Mapping[str, str]) -> dict[str, str]:
    """The ``Retry-After`` header to pass on: whole seconds or an HTTP date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    whole = value.partition(".")[0]
    if DIGITS.fullmatch(whole):
        # Some send fractions, which clients do not read: round up.
        return {"Retry-After": whole if whole == value else str(int(whole) + 1)}
    try:
        parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return {}
    return {"Retry-After": value} if value.isascii() and value.isprintable() else {}


def _for_status(status: int, headers: dict[str, str], fault: Mapping[str, object]) -> BridgeError:
    match status:
        case 401 | 402 | 403:
            return UpstreamRefused(REFUSED)
        case 413:
            return ContextTooLong(TOO_LONG)
        case 429:
            return UpstreamRateLimited(LIMITED, headers=headers)
        case 400 | 422 if "content_filter" in (fault.get("code"), fault.get("type")):
            return RequestError(FILTERED, code="content_filter")
        case 400 | 422:
            param = fault.get("param")
            blamed = param if isinstance(param, str) and param in BLAMED else None
            return RequestError(REJECTED, param=blamed)
        case _ if status == 408 or status >= 500:
            return UpstreamUnavailable(
                f"The upstream model is failing ({status}).", headers=headers
            )
        case _:
            return UpstreamInvalid(f"The upstream model answered with status {status}.")


def _fault(body: bytes) -> Mapping[str, object]:
    try:
        value = from_json(body)
    except ValueError:
        return {}
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    inner = value.get("error")
    return inner if isinstance(inner, dict) else value


def _message(body: bytes) -> str:
    """What a refusal says, wherever it says it."""
    fault = _fault(body)
    for said in (fault.get(name) for name in ("message", "error", "detail", "errorText")):
        if isinstance(said, str):
            return said
    # JSON of a form that is not known holds anything.
    return "" if body.lstrip().startswith((b"{", b"[")) else body.decode("utf-8", "replace")


def _says_too_long(fault: Mapping[str, object], body: bytes) -> bool:
    message = fault.get("message")
    # A body of unknown form is searched whole; of a known one only the message, because servers
    # exist that echo the request, and a prompt may say anything.
    said = message if isinstance(message, str) else body.decode("utf-8", "replace")
    return CONTEXT_TOO_LONG.search(f"{fault.get('code')} {fault.get('type')} {said}") is not None


def _status(word: object) -> int | None:
    if isinstance(word, str):
        if not DIGITS.fullmatch(word):
            return WORDS.get(word.lower())
        word = int(word)
    return word if isinstance(word, int) and word in ERROR_STATUSES else None
