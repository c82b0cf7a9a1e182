"""What an upstream has sent in one attempt, apart from what it means: its words, finish, tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.decoder import ReplyDecoder
from bridge.dialects.expected import Expected
from bridge.parts import Text
from bridge.turns import TokenCounts
from bridge.upstream_calls import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.thinking import Thoughts
    from bridge.turns import Piece, Turn, UpstreamFinish

MAX_KEPT = 256 * 1024
"""Characters of a reply that are kept to be shown to the model again."""

MAX_QUOTED = 16_000
"""Characters that are shown: the end of the reply, where its calls stand."""

TURN_TOKENS = 4
"""What a chat template adds to each turn."""


class Received:
    """Takes the pieces of one reply. ``prefill`` is what the reply was made to begin with."""

    def __init__(self, prefill: str = "") -> None:
        self._kept = [prefill]
        self._room = MAX_KEPT
        self._counts: TokenCounts | None = None
        self._quarters = 0
        self.finish: UpstreamFinish | None = None

    def take(self, piece: Piece) -> None:
        """The next piece."""
        self._counts = piece.counts or self._counts
        self.finish = piece.finish or self.finish
        text = "\n".join([piece.text, *map(written, piece.calls)])
        self._quarters += quarter_tokens(text) + quarter_tokens(piece.thinking)
        if self._room > 0:
            self._kept.append(text[: self._room])
            self._room -= len(text)

    def counts(self, turns: Sequence[Turn]) -> TokenCounts:
        """The tokens of the reply and of the turns that it answers, estimated if not counted."""
        if self._counts is not None:
            return self._counts
        if not self._quarters:
            return TokenCounts()  # nothing has come: perhaps nothing was asked
        prompt = sum(quarter_tokens(turn.text) // 4 + TURN_TOKENS for turn in turns)
        return TokenCounts(prompt, -(-self._quarters // 4), estimated=True)

    def quotable(self, thoughts: Thoughts) -> str:
        """The end of the reply; its thinking only if there is nothing else."""
        if not self._quarters:
            return ""
        written = "".join(self._kept)
        decoder = ReplyDecoder(None, Expected(), thoughts=thoughts)
        parts = decoder.feed(written) + decoder.close()
        said = "".join(part.text for part in parts if isinstance(part, Text))
        return (said.strip() or written.strip())[-MAX_QUOTED:]


def quarter_tokens(text: str) -> int:
    """A guess at the tokens of a text, in quarters: four ASCII characters or one other a token."""
    plain = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    return plain + 4 * (len(text) - plain)
