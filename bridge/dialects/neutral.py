r"""Untrusted text cannot speak the protocol.

A look-alike of one of our markers, or of a marker that models are trained on, gets a word joiner
(U+2060, invisible, no width) after its first character. One that already has joiners there gets
one more; on the way out one is removed. So the round trip is exact, whatever the text held.

Both directions look at the same thing: a starter character, any number of joiners, and the rest of
a marker. A joiner never stands inside a rest, so what one direction adds the other finds. Text is
neutralised as it is, but restored inside the JSON of arguments, too, where ``\n`` or a quote shows
as a backslash and the end of a string as a quote: the rests below treat all of these alike.
"""

from __future__ import annotations

import re
from functools import lru_cache

WORD_JOINER = "\u2060"

_TAGS = (
    "tool_call tool_calls tool_code tool_response tool_result tool_results tool_use tools "
    "function_call function_calls function_results function_response function invoke parameter "
    "think thinking thought reasoning system user assistant s start_of_turn end_of_turn eos bos"
)
_NAMES = "|".join(sorted(_TAGS.split(), key=len, reverse=True))
_AFTER_NAME = r'(?:[>\s=/\\"\x00-\x1f\ud800-\udfff]|\Z)'
_FENCED = r" {0,4}tool_(?:call|result)"

RESTS = {
    "<": rf"/?(?:antml:)?(?:{_NAMES}){_AFTER_NAME}|/?\|/?[A-Za-z_]|/?\uff5c|</?SYS>>",
    "[": r"/?(?:INST|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|SYSTEM_PROMPT)\]",
    "`": rf"``{_FENCED}",
    "~": rf"~~{_FENCED}",
}
"""What follows a starter character (and joiners) in a marker; ``tool_call`` and ``tool_result``
are the info strings of ``fence`` and ``raw``, the others what vendors' templates use."""

_LONGEST_REST = 32
"""No rest of ``RESTS`` is longer, so this many characters decide."""


class Neutral:
    """The two directions for one dialect key."""

    def __init__(self, key: str) -> None:
        words = re.escape(key)
        rests = {**RESTS, "@": rf"[A-Za-z0-9_-]{{1,64}} {words}"} if key else RESTS
        self._longest = _LONGEST_REST + (64 + len(key) if key else 0)
        self._rests = {first: re.compile(rest, re.IGNORECASE) for first, rest in rests.items()}
        alternatives = "|".join(
            f"{re.escape(first)}(?={WORD_JOINER}*(?:{rest}))" for first, rest in rests.items()
        )
        self._marker = re.compile(alternatives, re.IGNORECASE)
        self.joined = re.compile(f"[{re.escape(''.join(rests))}]{WORD_JOINER}+")
        """A starter character and joiners: what was perhaps neutralised."""

    def neutralise(self, text: str) -> str:
        """Untrusted text, with every look-alike defused."""
        return self._marker.sub(lambda match: match.group() + WORD_JOINER, text)

    def restore(self, text: str) -> str:
        """The inverse of ``neutralise``, for text that is whole."""
        restorer = Restorer(self)
        return restorer.feed(text) + restorer.close()

    def goes_on(self, starter: str, text: str, place: int, *, at_end: bool) -> bool | None:
        """Whether the rest of a marker stands at ``place``; None while that cannot be told."""
        found = self._rests[starter].match(text, place)
        if at_end or len(text) - place > self._longest:
            return found is not None
        return True if found and found.end() < len(text) else None


class Restorer:
    """The inverse of ``neutralise``, incrementally: ``feed`` and ``close`` give the text back.

    Nothing is held back until a joiner follows a starter character; then no more than it takes to
    see whether the rest of a marker follows.
    """

    def __init__(self, neutral: Neutral) -> None:
        self._neutral = neutral
        self._last = ""
        """The last character given; while something is held back, the starter before it."""
        self._held = ""

    def feed(self, text: str) -> str:
        """Take the next characters, give what is certain."""
        if not self._held and WORD_JOINER not in text:
            self._last = text[-1:] or self._last
            return text
        return self._restored(text, at_end=False)

    def close(self) -> str:
        """The text has ended: give what was held back."""
        return self._restored("", at_end=True)

    def _restored(self, text: str, *, at_end: bool) -> str:
        text = self._last + self._held + text
        given = len(self._last)
        out: list[str] = []
        for found in self._neutral.joined.finditer(text):
            end = found.end()
            verdict = self._neutral.goes_on(text[found.start()], text, end, at_end=at_end)
            if verdict is False:
                continue
            out.append(text[given : end - 1])
            given = end
            if verdict is None:
                # Joiners are all alike: the one that may have to go is the last.
                self._last, self._held = text[found.start()], text[end - 1 :]
                return "".join(out)
        out.append(text[given:])
        self._last, self._held = text[-1:], ""
        return "".join(out)


@lru_cache(maxsize=256)  # a few clients' keys; each costs two compiled patterns
def neutral_for(key: str) -> Neutral:
    """The two directions for one dialect key."""
    return Neutral(key)
