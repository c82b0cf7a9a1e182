"""A chat that speaks the Vercel AI SDK's UI message stream, version 1.

The protocol: https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol ("data stream protocol"): events of
JSON objects told apart by ``type``. Text comes in ``text-delta``, thinking in ``reasoning-delta``;
sources, files, data and the server's own tool calls, which it runs itself, are left out. The
request is the operator's own template, because the protocol leaves it to the application.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from functools import partial
from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from bridge.turns import Capabilities, TokenCounts, Turn
from bridge.upstream.http_errors import cut
from bridge.upstream.http_reply import chat_headers, encoded, replied, with_key
from bridge.upstream.reply import ReplyReader, finish_of
from bridge.upstream.said import NOTHING, Said
from bridge.upstream.timing import DEFAULT_TIMEOUTS, Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    import httpx

    from bridge.turns import Options, Piece
    from bridge.upstream.base import Secret

SystemAs = Literal["role", "merge"]

PLACEHOLDERS = ("model", "max_tokens", "temperature", "top_p", "seed")
"""Options that a template may name, beside ``{messages}`` and ``{id}``."""

DEFAULT_TEMPLATE: Mapping[str, object] = {
    "id": "{id}",
    "messages": "{messages}",
    "trigger": "submit-message",
}
"""What the SDK's own ``DefaultChatTransport`` sends."""

ABSENT = object()


class UIStream:
    """An upstream of kind ``ui_stream``."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        key: Secret | None = None,
        *,
        template: Mapping[str, object] = DEFAULT_TEMPLATE,
        headers: Mapping[str, str] | None = None,
        key_header: str = "Authorization",
        system: SystemAs = "role",
        conversation: str | None = None,
        names: Sequence[str] = (),
        alternation: bool = True,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        """``url`` is posted to as it is; ``template`` is the JSON body.

        A string of the template that is exactly ``{messages}``, ``{id}``, ``{model}``,
        ``{max_tokens}``, ``{temperature}``, ``{top_p}`` or ``{seed}`` is replaced; a field whose
        value the request does not give is left out. ``{id}`` is ``conversation``, or else a UUID
        derived from the turns. ``system="merge"`` puts system turns into the first user turn.
        ``alternation``: no two turns of one role in a row, and no system turn among them.
        ``names`` is what ``models`` answers, since the protocol has no listing. ``client`` is
        closed with the upstream.
        """
        self._client = client
        self._url = url
        self._key = key
        self._template = dict(template)
        self._headers = chat_headers(headers)
        self._key_header = key_header
        self._system = system
        self._conversation = conversation
        self._names = list(names)
        self._alternation = alternation
        self._timeouts = timeouts

    @property
    def capabilities(self) -> Capabilities:
        """No prefill: a chat application starts a new message of its own."""
        return Capabilities(alternation=self._alternation)

    def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        """Send the turns, yield the reply; see ``Upstream.stream``. Counts are mostly absent."""
        build = partial(self._request, turns, options)
        return replied(self._client, build, ReplyReader(read_part), self._timeouts)

    async def models(self) -> list[str]:
        """The configured names."""
        return list(self._names)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _request(self, turns: Sequence[Turn], options: Options) -> httpx.Request:
        return self._client.build_request(
            "POST",
            self._url,
            headers=await with_key(self._headers, self._key, self._key_header),
            content=encoded(self._body(turns, options)),
        )

    def _body(self, turns: Sequence[Turn], options: Options) -> object:
        if self._system == "merge":
            turns = merged(turns)
        chat = self._conversation or derived_id(turns)
        values: dict[str, object] = {
            "{id}": chat,
            "{messages}": [
                {
                    "id": f"{chat}-{position}",
                    "role": turn.role,
                    "parts": [{"type": "text", "text": turn.text}],
                }
                for position, turn in enumerate(turns)
            ],
        }
        values |= {f"{{{name}}}": getattr(options, name) for name in PLACEHOLDERS}
        return filled(self._template, values)


def filled(template: object, values: Mapping[str, object]) -> object:
    """The template with every string that is a key of ``values`` replaced; None takes it out."""
    if isinstance(template, str):
        value = values.get(template, template)
        return ABSENT if value is None else value
    if isinstance(template, dict):
        fields = ((name, filled(value, values)) for name, value in template.items())
        return {name: value for name, value in fields if value is not ABSENT}
    if isinstance(template, list):
        items = (filled(item, values) for item in template)
        return [item for item in items if item is not ABSENT]
    return template


def derived_id(turns: Sequence[Turn]) -> str:
    """A UUID of the whole conversation: two that differ anywhere never share one."""
    text = json.dumps([(turn.role, turn.text) for turn in turns])
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=5))


def merged(turns: Sequence[Turn]) -> list[Turn]:
    """System turns put before the text of the first user turn, or become it."""
    system = "\n\n".join(turn.text for turn in turns if turn.role == "system")
    others = [turn for turn in turns if turn.role != "system"]
    if not system:
        return others
    for position, turn in enumerate(others):
        if turn.role == "user":
            others[position] = replace(turn, text=f"{system}\n\n{turn.text}")
            return others
    return [Turn("user", system), *others]


def read_part(part: Mapping[str, object]) -> Said:
    """What one event says; raises ``UpstreamCut`` for ``abort``."""
    match part.get("type"):
        case "text-delta":
            # ``textDelta`` before version 5 of the SDK.
            delta = part.get("delta", part.get("textDelta"))
            return Said(delta) if isinstance(delta, str) else NOTHING
        case "reasoning-delta":
            delta = part.get("delta")
            return Said(thinking=delta) if isinstance(delta, str) else NOTHING
        case "finish":
            metadata = part.get("messageMetadata")
            usage = part.get("usage")
            if usage is None and isinstance(metadata, dict):
                usage = metadata.get("usage") or metadata.get("totalUsage")
            finish = finish_of(part.get("finishReason")) or "stop"
            return Said(finish=finish, counts=_counts(usage))
        case "abort":
            raise cut()
        case _:
            return NOTHING


def _counts(usage: object) -> TokenCounts | None:
    """The SDK's ``LanguageModelUsage``, where the application chose to send it."""
    if not isinstance(usage, dict):
        return None
    names = ("inputTokens", "outputTokens", "reasoningTokens", "cachedInputTokens")
    prompt, completion, reasoning, cached = (
        value if isinstance(value := usage.get(name), int) else 0 for name in names
    )
    return TokenCounts(prompt, completion, reasoning, cached) if prompt or completion else None
