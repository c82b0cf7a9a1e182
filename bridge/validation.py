"""A request body becomes a ``ChatCompletionRequest`` that can be served as it stands, or a 400.

Three steps, each in OpenAI's own words where it has them: the bytes (``json_body``), the shape
(``schema``, told by ``faults``), and what no shape can say: names that must be known, fields that
exclude or need each other, the order of the messages (``conversation``).

Fields that are not known are ignored, as real servers do, because SDKs send new ones unasked. Known
fields that are not offered here are refused by name: ignoring them would change the answer. Forms
that mean nothing are taken for their absence: ``tools: []``, ``tool_calls: []``, ``tool_choice``
none or auto without tools. What is odd and does no harm is mended (a tool's schema, messages of the
history, spellings of ``tool_choice``), since it would come again with every request of a session.
What the model must see and may not be able to (images) is for ``images`` to decide, which knows the
model. The deprecated ``functions`` and ``function_call`` leave here as
``tools`` and ``tool_choice``; ``functions`` stays set, so that the answer takes the older form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import msgspec
from pydantic import ValidationError

from bridge.checks import check_schema
from bridge.conversation import settled
from bridge.errors import BodyTooLarge, RequestError
from bridge.faults import request_error
from bridge.json_body import load_object
from bridge.offered import usable_tools, with_plain_choice
from bridge.schema import (
    AllowedToolsChoice,
    ChatCompletionRequest,
    JSONSchemaFormat,
    NamedFunction,
    NamedToolChoice,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.schema import JSONObject


class Limits(msgspec.Struct, frozen=True):
    """What one request may hold.

    ``body_bytes``: 6 MiB, all that a Lambda Function URL takes, so both homes refuse alike.
    ``tools``: 1,024: OpenAI takes 128, and agents with many MCP servers offer more. ``nesting``:
    brackets; twice the deepest schema that OpenAI takes, and far from Python's recursion limit.
    ``messages``: a day's chat, at a few microseconds each.
    """

    body_bytes: int = 6 * 1024 * 1024
    tools: int = 1024
    nesting: int = 64
    messages: int = 10_000


def parse_request(
    body: bytes, limits: Limits, mended: list[str] | None = None
) -> ChatCompletionRequest:
    """The request in ``body``, checked and in its newer form; raises ``RequestError``.

    The paths of what had to be mended are added to ``mended``.
    """
    mended = [] if mended is None else mended
    if len(body) > limits.body_bytes:
        raise too_large(limits)
    raw = with_plain_choice(load_object(body, nesting=limits.nesting))
    _check_counts(raw, limits)
    _check_offered(raw)
    try:
        request = ChatCompletionRequest.model_validate(raw)
    except ValidationError as error:
        raise request_error(error, raw) from None
    _check_together(request)
    request = _with_tools(request, mended)
    _check_choice(request)
    _check_format(request)
    return request.model_copy(update={"messages": settled(request.messages, mended)})


def too_large(limits: Limits) -> BodyTooLarge:
    """The error for a body over the limit, naming the limit."""
    return BodyTooLarge(f"The request body is larger than {limits.body_bytes} bytes.")


# What the raw object must not hold ----------------------------------------------------------------


def _check_counts(raw: JSONObject, limits: Limits) -> None:
    for field, limit in (
        ("messages", limits.messages),
        ("tools", limits.tools),
        ("functions", limits.tools),
    ):
        items = raw.get(field)
        if isinstance(items, list) and len(items) > limit:
            _refuse(f"'{field}' holds {len(items)} items; at most {limit} are accepted.", field)


def _absent(value: Any) -> bool:
    return value is None


def _off(value: Any) -> bool:
    return value is None or value is False


def _zero(value: Any) -> bool:
    return value is None or (value == 0 and value is not False)


def _text_only(value: Any) -> bool:
    return value is None or value == ["text"]


NOT_OFFERED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "logprobs": (_off, "Log probabilities are not available here."),
    "top_logprobs": (_zero, "Log probabilities are not available here."),
    "modalities": (_text_only, "Only text is produced here: leave 'modalities' out."),
    "audio": (_absent, "Only text is produced here: leave 'audio' out."),
    "web_search_options": (_absent, "Web search is not available here."),
}
"""Field → which values are harmless, and what is said of the others."""


def _check_offered(raw: JSONObject) -> None:
    for field, (harmless, why_not) in NOT_OFFERED.items():
        if not harmless(raw.get(field)):
            _refuse(why_not, field)
    for index, tool in enumerate(_objects(raw.get("tools"))):
        kind = tool.get("type")
        if isinstance(kind, str) and kind != "function":
            _refuse(
                f"Tools of type '{kind[:40]}' are not available here: only 'function' tools are.",
                f"tools[{index}].type",
            )


def _objects(value: Any) -> Iterator[JSONObject]:
    """The items of an array, where each that is no object counts as an empty one."""
    for item in value if isinstance(value, list) else ():
        yield item if isinstance(item, dict) else {}


# What the fields must be to each other ------------------------------------------------------------

PLAIN_CHOICES = (None, "none", "auto")
"""Choices that need no tools."""
TOOL_CHOICE_ALONE = "'tool_choice' is only allowed when 'tools' are specified."


def _check_together(request: ChatCompletionRequest) -> None:
    if request.stream_options is not None and not request.stream:
        _refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is true.",
            "stream_options",
        )
    if request.max_tokens is not None and request.max_completion_tokens is not None:
        _refuse("Send 'max_completion_tokens' or the older 'max_tokens', not both.", "max_tokens")
    if request.tools and request.functions:
        _refuse("Send 'tools' or the deprecated 'functions', not both.", "functions")


def _with_tools(request: ChatCompletionRequest, mended: list[str]) -> ChatCompletionRequest:
    """The request with its tools checked, and deprecated ones in their newer place."""
    if request.functions:
        if request.tool_choice not in PLAIN_CHOICES:
            _refuse(TOOL_CHOICE_ALONE, "tool_choice")
        return request.model_copy(
            update={
                "tools": usable_tools(request.functions, "functions[{}]", mended),
                "tool_choice": _choice_of(request.function_call),
                "parallel_tool_calls": False,
            }
        )
    if isinstance(request.function_call, NamedFunction):
        _refuse("'function_call' is only allowed when 'functions' are specified.", "function_call")
    tools = usable_tools(request.offered, "tools[{}].function", mended) or None
    return request.model_copy(update={"tools": tools, "functions": None})


def _choice_of(function_call: str | NamedFunction | None) -> str | NamedToolChoice | None:
    if isinstance(function_call, NamedFunction):
        return NamedToolChoice(type="function", function=function_call)
    return function_call


def _check_choice(request: ChatCompletionRequest) -> None:
    choice = request.tool_choice
    if choice in PLAIN_CHOICES:
        return
    field = "function_call" if request.uses_functions else "tool_choice"
    if not request.tools:
        _refuse(TOOL_CHOICE_ALONE, "tool_choice")
    offered = {function.name for function in request.offered}
    named: list[str] = []
    if isinstance(choice, NamedToolChoice):
        named = [choice.function.name]
    elif isinstance(choice, AllowedToolsChoice):
        named = [tool.function.name for tool in choice.allowed_tools.tools]
        if not named:
            _refuse("'tool_choice' allows no tool: name one, or send 'none'.", "tool_choice")
    for name in named:
        if name not in offered:
            _refuse(f"'{field}' names '{name[:64]}', which is not among the tools.", field)


def _check_format(request: ChatCompletionRequest) -> None:
    wanted = request.response_format
    if not isinstance(wanted, JSONSchemaFormat):
        return
    path = "response_format.json_schema.schema"
    if wanted.json_schema.schema_ is None:
        _refuse(f"Missing required parameter: '{path}'.", path)
    if (fault := check_schema(wanted.json_schema.schema_)) is not None:
        _refuse(f"Invalid schema for '{path}': {fault}", path)


def _refuse(message: str, param: str) -> NoReturn:
    raise RequestError(message, param=param)
