"""A chat behind an OpenAI-compatible ``/chat/completions``, used for text alone.

The wire is OpenAI's (https://platform.openai.com/docs/api-reference/chat) with the liberties that
other servers take. Reasoning in a field of its own is thinking; calls that the server reads out of
the text by itself are told as such. Refusals in the deltas are left out.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from bridge.errors import UpstreamInvalid
from bridge.turns import Capabilities, TokenCounts
from bridge.upstream.http_errors import BROKEN, for_error
from bridge.upstream.http_reply import chat_headers, encoded, fetched, replied, with_key
from bridge.upstream.message import content_of
from bridge.upstream.reply import ReplyReader, finish_of, parsed
from bridge.upstream.said import NOTHING, Said
from bridge.upstream.timing import DEFAULT_TIMEOUTS, Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    import httpx

    from bridge.turns import Options, Piece, Turn
    from bridge.upstream.base import Secret

MaxTokensField = Literal["max_tokens", "max_completion_tokens"]

SAMPLING = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
"""Options that have the same name on the wire."""

DEFAULT_CAPABILITIES = Capabilities(alternation=True)
"""Chat templates that take the roles in another order are the exception, and no model does worse
for the order that all know: https://huggingface.co/docs/transformers/chat_templating."""


class OpenAIText:
    """An upstream of kind ``openai_text``."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        url: str,
        key: Secret | None = None,
        *,
        capabilities: Capabilities = DEFAULT_CAPABILITIES,
        headers: Mapping[str, str] | None = None,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
        max_tokens_field: MaxTokensField = "max_tokens",
        extra_body: Mapping[str, object] | None = None,
        prefill_body: Mapping[str, object] | None = None,
    ) -> None:
        """``url`` is the base, as in ``https://chat.example.com/v1``.

        ``extra_body`` is laid over every request, ``prefill_body`` over those whose last turn is
        unfinished (vLLM: ``continue_final_message`` and ``add_generation_prompt``). A None in
        either takes the field out. ``client`` is closed with the upstream.
        """
        self._client = client
        self._url = url.rstrip("/")
        self._key = key
        self._capabilities = capabilities
        self._headers = chat_headers(headers)
        self._timeouts = timeouts
        self._max_tokens_field = max_tokens_field
        self._extra_body = dict(extra_body or {})
        self._prefill_body = dict(prefill_body or {})

    @property
    def capabilities(self) -> Capabilities:
        """As configured: the protocol does not tell."""
        return self._capabilities

    def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        """Send the turns, yield the reply; see ``Upstream.stream``."""
        reader = ReplyReader(read_chunk, prefill=turns[-1].text if options.prefill else "")
        build = partial(self._request, turns, options)
        return replied(self._client, build, reader, self._timeouts)

    async def models(self) -> list[str]:
        """The ids that ``GET {url}/models`` lists."""
        headers = await with_key(self._headers, self._key)
        headers["Accept"] = "application/json"
        request = self._client.build_request("GET", f"{self._url}/models", headers=headers)
        try:
            listing = parsed(await fetched(self._client, request, self._timeouts))
        except ValueError as exc:
            raise UpstreamInvalid(BROKEN) from exc
        if (failure := for_error(listing)) is not None:
            raise failure
        entries = listing.get("data") if isinstance(listing, dict) else listing
        if not isinstance(entries, list):
            raise UpstreamInvalid(BROKEN)
        ids = (entry.get("id") for entry in entries if isinstance(entry, dict))
        return [name for name in ids if isinstance(name, str) and name]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _request(self, turns: Sequence[Turn], options: Options) -> httpx.Request:
        return self._client.build_request(
            "POST",
            f"{self._url}/chat/completions",
            headers=await with_key(self._headers, self._key),
            content=encoded(self._body(turns, options)),
        )

    def _body(self, turns: Sequence[Turn], options: Options) -> dict[str, object]:
        body = {
            "model": options.model,
            "messages": [{"role": turn.role, "content": _content(turn)} for turn in turns],
            "stream": True,
            "stream_options": {"include_usage": True},
            self._max_tokens_field: options.max_tokens,
            **{name: getattr(options, name) for name in SAMPLING},
            **self._extra_body,
            **(self._prefill_body if options.prefill else {}),
        }
        return {name: value for name, value in body.items() if value is not None}


def _content(turn: Turn) -> object:
    """A turn's text; as parts, the text first, only where there are images."""
    if not turn.images:
        return turn.text
    text = [{"type": "text", "text": turn.text}] if turn.text else []
    return [*text, *turn.images]


def read_chunk(chunk: Mapping[str, object]) -> Said:
    """What a chunk, or a whole completion, says of its first choice and of usage."""
    counts = counts_of(chunk.get("usage"))
    choice = _first(chunk.get("choices"))
    if choice is None:
        return NOTHING if counts is None else Said(counts=counts)
    text, thinking, calls = content_of(choice.get("delta"))
    whole = not (text or thinking or calls)
    if whole and (message := choice.get("message")) is not None:
        text, thinking, calls = content_of(message)
    return Said(text, finish_of(choice.get("finish_reason")), counts, thinking, calls, whole)


def counts_of(usage: object) -> TokenCounts | None:
    """OpenAI's ``usage`` object, None when it is absent or says nothing."""
    if not isinstance(usage, dict):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt, int) and not isinstance(completion, int):
        return None
    # DeepSeek counts cache hits beside prompt_tokens, not in its details.
    cached = _detail(usage, "prompt_tokens_details", "cached_tokens")
    return TokenCounts(
        prompt=_count(prompt),
        completion=_count(completion),
        reasoning=_detail(usage, "completion_tokens_details", "reasoning_tokens"),
        cached=cached or _count(usage.get("prompt_cache_hit_tokens")),
    )


def _first(choices: object) -> dict[str, object] | None:
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict) and choice.get("index") in (0, None):
                return choice
    return None


def _detail(usage: dict[str, object], group: str, name: str) -> int:
    details = usage.get(group)
    return _count(details.get(name)) if isinstance(details, dict) else 0


def _count(value: object) -> int:
    return max(value, 0) if isinstance(value, int) else 0
