"""A request as turns: head, history, trailing directive.

Laid out for the upstream's prompt cache. The head (the caller's own words, the protocol, the
tools) is the same in every turn of a conversation; each message is rendered the same for ever; all
that may change from request to request stands in one directive after the last message. So the
prompt of a conversation that is one turn longer extends the earlier one, byte for byte.

All text that the model did not write is neutralised: it cannot forge the protocol's structure.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from bridge.content import RefusalPart, text_of
from bridge.dialects.base import WrittenCall
from bridge.dialects.neutral import neutral_for
from bridge.images import images_of
from bridge.replayed import without_thinking
from bridge.schema import AssistantMessage, JSONSchemaFormat, SystemMessage, ToolMessage
from bridge.signatures import describe
from bridge.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Literal

    from bridge.dialects.base import Dialect, Grammar
    from bridge.images import Image
    from bridge.schema import ChatCompletionRequest, FunctionDefinition, Message
    from bridge.turns import Capabilities, Role

SILENCE = "(The conversation goes on.)"
"""Stands where the user has to speak and did not: many chats take no other order of turns."""

_NOT_IN_NAMES = re.compile(r"[^\w.-]")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_STAYS_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f\ud800-\udfff]')


def has_calls(request: ChatCompletionRequest) -> bool:
    """Whether the history holds calls."""
    return any(
        isinstance(message, AssistantMessage) and message.tool_calls for message in request.messages
    )


def untrusted(request: ChatCompletionRequest) -> list[str]:
    """All that others may have written: a call that stands in these texts is an echo.

    Beside the messages of others, that is what tools say of themselves, which comes from whoever
    runs them, and what earlier calls were given, which may be copied from a page. What the model
    said before is its own: a call that it wrote as text and that was not run may be written again.
    """
    texts = [
        _refused(message) if isinstance(message, AssistantMessage) else _text(message)
        for message in request.messages
    ]
    for message in request.messages:
        if isinstance(message, AssistantMessage):
            texts += [call.function.arguments for call in message.tool_calls or ()]
    for tool in request.offered:
        texts += [tool.description or "", _compact(tool.parameters)]
    if isinstance(request.response_format, JSONSchemaFormat):
        texts.append(_compact(request.response_format.json_schema.schema_))
    return [text for text in texts if text]


class Renderer:
    """Renders requests in one dialect, for one kind of upstream."""

    def __init__(
        self,
        dialect: Dialect,
        capabilities: Capabilities,
        *,
        tools: Literal["signatures", "json-schema"] = "signatures",
    ) -> None:
        self._dialect = dialect
        self._capabilities = capabilities
        self._style = tools
        self._neutral = neutral_for(dialect.grammar.key)

    def turns(self, request: ChatCompletionRequest, directive: str = "") -> list[Turn]:
        """The whole prompt. The directive is our own text and may hold markers."""
        leading = _leading(request.messages)
        turns = self._adapted(self._history(request.messages[leading:]))
        if not turns or turns[-1].role == "assistant":
            directive = directive or SILENCE
        if directive:
            turns = _directed(turns, directive)
        return self._headed(self._head(request.messages[:leading], request.offered), turns)

    def again(self, turns: Sequence[Turn], reply: str, directive: str) -> list[Turn]:
        """The same prompt, a reply that would not do, and what to do about it."""
        quoted = [Turn("assistant", self._quoted(reply))] if reply else []
        return _directed([*turns, *quoted], directive)

    def tool(self, tool: FunctionDefinition) -> str:
        """One tool, as the head describes it."""
        return self.defused(describe(tool, self._style))

    def defused(self, text: str) -> str:
        """Text that others wrote, with none of the protocol's markers in it."""
        return self._neutral.neutralise(text)

    def _defused_json(self, arguments: str) -> str:
        return self._neutral.neutralise(_plain(arguments), json=True)

    # The text of each part ----------------------------------------------------------------------

    def _head(self, system: Sequence[Message], offered: Sequence[FunctionDefinition]) -> str:
        texts = [self.defused(_text(message)) for message in system]
        if offered:
            texts.append(self._dialect.protocol([self.tool(tool) for tool in offered]))
        return _paragraphs(texts)

    def _history(self, messages: Sequence[Message]) -> list[Turn]:
        turns: list[Turn] = []
        results: dict[str, str] = {}
        images: tuple[Image, ...] = ()  # of the results
        calls: dict[str, str] = {}  # id → name, of the latest assistant message
        for message in messages:
            if isinstance(message, ToolMessage):
                results[message.tool_call_id] = _text(message)
                images += images_of(message.content)
                if len(results) == len(calls):
                    turns.append(Turn("user", self._results(calls, results), images))
                    results, images = {}, ()
            elif isinstance(message, AssistantMessage):
                calls = {call.id: call.function.name for call in message.tool_calls or ()}
                turns.append(Turn("assistant", self._assistant(message)))
            else:
                role: Role = "system" if isinstance(message, SystemMessage) else "user"
                text = self.defused(_text(message))
                turns.append(Turn(role, text, images_of(message.content)))
        return [turn for turn in turns if turn.text or turn.role == "user"]

    def _assistant(self, message: AssistantMessage) -> str:
        written = [
            WrittenCall(_name(call.function.name), self._defused_json(call.function.arguments))
            for call in message.tool_calls or ()
        ]
        said = without_thinking(_text(message)) or message.refusal or ""
        words = self.defused(said)
        return _paragraphs([words, self._dialect.calls(written) if written else ""])

    def _results(self, calls: Mapping[str, str], results: Mapping[str, str]) -> str:
        """The results of one turn, in the order of their calls."""
        return _paragraphs(
            self._dialect.result(position, _name(name), self.defused(results[call_id]))
            for position, (call_id, name) in enumerate(calls.items(), 1)
        )

    def _quoted(self, reply: str) -> str:
        """A reply for the model to see again: the markers that it was asked to write stay."""
        pieces = _own_markers(self._dialect.grammar).split(reply)
        pieces[::2] = map(self.defused, pieces[::2])
        return "".join(pieces)

    # As the upstream takes them -----------------------------------------------------------------

    def _adapted(self, turns: list[Turn]) -> list[Turn]:
        if self._capabilities.alternation or not self._capabilities.system:
            turns = [replace(t, role="user") if t.role == "system" else t for t in turns]
        return _merged(turns) if self._capabilities.alternation else turns

    def _headed(self, head: str, turns: list[Turn]) -> list[Turn]:
        """With the head in front; there is at least one turn."""
        first, *others = turns
        if head and not self._capabilities.system:
            if first.role == "user":
                return [Turn("user", head).followed_by(first), *others]
            return [Turn("user", head), *turns]
        if self._capabilities.alternation and first.role != "user":
            turns = [Turn("user", SILENCE), *turns]
        return [Turn("system", head), *turns] if head else turns


def _compact(schema: Mapping[str, Any] | None) -> str:
    return json.dumps(schema, ensure_ascii=False) if schema else ""


def _refused(message: AssistantMessage) -> str:
    """What the model quoted to say that it will not do it."""
    parts = message.content if isinstance(message.content, list) else []
    refusals = [part.refusal for part in parts if isinstance(part, RefusalPart)]
    return "\n".join([message.refusal or "", *refusals]).strip()


def _text(message: Message) -> str:
    return text_of(message.content)


def _paragraphs(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text)


def _name(name: str) -> str:
    """A tool's name in the history, which clients do not check: it stays within its line."""
    return _NOT_IN_NAMES.sub("_", name)


def _plain(arguments: str) -> str:
    """JSON text with every character as itself that can be: an escape could hide a marker."""
    if "\\u" not in arguments and "\\/" not in arguments:
        return arguments
    try:
        json.loads(arguments, parse_int=str)
    except (ValueError, RecursionError):
        return arguments  # the backslashes may mean anything
    return _ESCAPE.sub(_unescaped, arguments)


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return "/" if escape[0] == "\\/" else escape[0]
    char = chr(int(escape[1], 16))
    return escape[0] if _STAYS_ESCAPED.match(char) else char


def _own_markers(grammar: Grammar) -> re.Pattern[str]:
    """The markers that the model was asked to write, as one group."""
    markers = [re.escape(grammar.open), rf"{re.escape(grammar.close)}(?![ \t]*\w)"]
    if grammar.raw:
        markers.append(rf"@[\w-]+ {re.escape(grammar.key)}")
    return re.compile(f"({'|'.join(markers)})")


def _leading(messages: Sequence[Message]) -> int:
    """How many messages the head takes: those of the system before anyone else speaks."""
    for count, message in enumerate(messages):
        if not isinstance(message, SystemMessage):
            return count
    return len(messages)


def _directed(turns: list[Turn], directive: str) -> list[Turn]:
    if turns and turns[-1].role == "user":
        return [*turns[:-1], turns[-1].followed_by(Turn("user", directive))]
    return [*turns, Turn("user", directive)]


def _merged(turns: Iterable[Turn]) -> list[Turn]:
    """No two turns of one role in a row."""
    merged: list[Turn] = []
    for turn in turns:
        if merged and merged[-1].role == turn.role:
            merged[-1] = merged[-1].followed_by(turn)
        else:
            merged.append(turn)
    return merged
