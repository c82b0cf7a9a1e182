"""What goes to an upstream and what comes back: plain values that every upstream knows."""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["system", "user", "assistant"]
UpstreamFinish = Literal["stop", "length", "content_filter"]


class Turn(msgspec.Struct, frozen=True):
    """One upstream message.

    ``images`` are parts of OpenAI's ``image_url`` form, as the client sent them; they come behind
    the text. There are none but for a model whose configuration passes them on.
    """

    role: Role
    text: str
    images: tuple[dict[str, object], ...] = ()

    def followed_by(self, other: Turn) -> Turn:
        """Both as one turn of this one's role."""
        text = "\n\n".join(text for text in (self.text, other.text) if text)
        return Turn(self.role, text, self.images + other.images)


class Options(msgspec.Struct, frozen=True):
    """What a request asks of the upstream beside its turns; None leaves it to the upstream.

    ``prefill``: the last turn is an unfinished assistant message to be continued. The pieces
    that come back never repeat it.
    """

    model: str
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    prefill: bool = False


class TokenCounts(msgspec.Struct, frozen=True):
    """Tokens as the upstream counted them. ``estimated`` when it did not, and we guessed."""

    prompt: int = 0
    completion: int = 0
    reasoning: int = 0
    cached: int = 0
    estimated: bool = False


class UpstreamCall(msgspec.Struct, frozen=True):
    """A call that the upstream read out of the model's text by itself, and took away from it.

    Nobody asked for that, and nothing of it is certain: ``arguments`` is what it took for JSON.
    """

    name: str
    arguments: str


class Piece(msgspec.Struct, frozen=True):
    """A bit of the upstream's reply, as it came: any of the five may be absent.

    ``finish`` is the upstream's own word, mapped; ``counts`` replaces earlier ones. ``thinking``
    is what came in a field of its own, apart from the text. ``calls`` come when the reply is over.
    """

    text: str = ""
    finish: UpstreamFinish | None = None
    counts: TokenCounts | None = None
    thinking: str = ""
    calls: tuple[UpstreamCall, ...] = ()


class Capabilities(msgspec.Struct, frozen=True):
    """What an upstream kind can do.

    ``prefill``: continues an unfinished assistant turn. ``alternation``: is given user and
    assistant turns in strict alternation, after at most one system turn. ``system``: takes a
    system turn at all.
    """

    prefill: bool = False
    alternation: bool = False
    system: bool = True
