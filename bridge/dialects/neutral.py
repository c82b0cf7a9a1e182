r"""Untrusted text cannot speak the protocol.

A look-alike of one of our markers, or of a marker that models are trained on, gets a word joiner
(U+2060, invisible, no width) after its first character. One that already has joiners there gets
one more; on the way out one is removed. So the round trip is exact, whatever the text held.

Both directions look at the same thing: a starter character, any number of joiners, and the rest of
a marker. A joiner never stands inside a rest, so what one direction adds the other finds. What is a
marker is derived: from the grammars of the table of dialects, from the table of thinking tags, and
from ``bridge.dialects.control_tokens``.

Text is read by a model as it is, and written back in the JSON of arguments, where a tab is ``\t``
and a quote the end of a string: for that there is a form of its own of each rest.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from bridge.dialects import DIALECTS
from bridge.dialects.control_tokens import AFTER_NAME, NAMES, ODD, SHAPES
from bridge.dialects.thoughts import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

WORD_JOINER = "\u2060"

_TAG = re.compile(r"</?(?:\w+[:|])?([A-Za-z][\w.-]*)(?=[>\s:*]|\Z)")
_FENCE = re.compile(r"(?:`{3,}|~{3,})[ \t]*([\w-]+)")
_LINE = re.compile(r"@\* ")
_UNUSABLE = re.compile(rf"[{ODD}]")

_BLANKS = r" \xa0\xad\u1680\u2000-\u200f\u202f\u205f\u3000\ufeff"
_TEXT_BLANK = rf"[{_BLANKS}\t\x0b\x0c]"
_JSON_BLANK = (
    rf"(?:[{_BLANKS}]|\\t|\\f|\\u(?:0009|000[bc]|00a[0d]|1680|20(?:0[0-9a-f]|[25]f)|3000|feff))"
)
"""What may stand between a fence and its info string."""

MAX_BLANKS = 120
"""Blanks of the line of a fence: more than it may have to be taken for a call."""

_LONGEST_BLANKS = len(r"\u2003") * MAX_BLANKS

_LONGEST_NAME = 64
_LONGEST_REST = 128


class Neutral:
    """The two directions for one dialect key."""

    def __init__(self, key: str) -> None:
        markers = guarded_markers(key)
        self._longest = max(_LONGEST_REST, *(_LONGEST_NAME + len(marker) for marker in markers))
        self._in_text = _compiled(_rests(markers, _TEXT_BLANK))
        self._in_json = _compiled(_rests(markers, _JSON_BLANK))
        self._marker = _behind_starters(self._in_text)
        self._marker_in_json = _behind_starters(self._in_json)
        self.joined = re.compile(f"[{re.escape(''.join(self._in_text))}]{WORD_JOINER}+")
        """A starter character and joiners: what was perhaps neutralised."""

    def neutralise(self, text: str, *, json: bool = False) -> str:
        """Untrusted text, or its ``json``, with every look-alike defused."""
        marker = self._marker_in_json if json else self._marker
        return marker.sub(lambda match: match.group() + WORD_JOINER, text)

    def restore(self, text: str, *, json: bool = False) -> str:
        """The inverse of ``neutralise``, for text that is whole, or for its ``json``."""
        restorer = Restorer(self, json=json)
        return restorer.feed(text) + restorer.close()

    def goes_on(
        self, starter: str, text: str, place: int, *, json: bool, at_end: bool
    ) -> bool | None:
        """Whether the rest of a marker stands at ``place``; None while that cannot be told."""
        found = (self._in_json if json else self._in_text)[starter].match(text, place)
        longest = self._longest + (_LONGEST_BLANKS if starter in "`~" else 0)
        if at_end or len(text) - place > longest:
            return found is not None
        return True if found and found.end() < len(text) else None


def guarded_markers(key: str) -> set[str]:
    """What the tables say that only the bridge and the model may write."""
    markers = {tag for family in FAMILIES if not family.words for tag in family.tags}
    for dialect in DIALECTS.values():
        markers.update(dialect(key).grammar.guarded)
    return markers


def _rests(markers: Collection[str], blank: str) -> Mapping[str, str]:
    """What follows each starter character in a marker."""
    firsts = {*SHAPES, *(marker[0] for marker in markers)}
    names, infos = set(NAMES), set[str]()
    rests = {first: list(shapes) for first, shapes in SHAPES.items()}
    for marker in sorted(markers):
        if tag := _TAG.match(marker):
            names.add(tag[1])
        elif fence := _FENCE.match(marker):
            infos.add(fence[1])
        elif not _has_shape(marker):
            rests.setdefault(marker[0], []).append(_literal(marker, firsts))
    rests["<"].append(rf"/?(?:\w{{1,24}}[:|])?(?:{_any(names)})(?::\w{{1,24}})?{AFTER_NAME}")
    for tick in "`~":
        rests.setdefault(tick, []).append(
            rf"{tick}{tick}{blank}{{0,{MAX_BLANKS}}}(?:{_any(infos)})"
        )
    return {first: "|".join(options) for first, options in rests.items()}


def _has_shape(marker: str) -> bool:
    shapes = "|".join(SHAPES.get(marker[0], ["(?!)"]))
    return re.match(shapes, marker[1:], re.IGNORECASE) is not None


def _literal(marker: str, firsts: Collection[str]) -> str:
    """The rest of a marker, no further than a character that may begin one: joiners stand there."""
    if _LINE.match(marker):
        return rf"[\w-]{{1,{_LONGEST_NAME}}} {re.escape(marker[3:])}"
    rest = _UNUSABLE.split(marker[1:])[0]
    inner = [place for place, character in enumerate(rest) if character in firsts]
    return re.escape(rest[: inner[0] + 1] if inner else rest)


def _any(words: Collection[str]) -> str:
    """Any of these words; a model may write ``-`` or a space, or nothing, for ``_``."""
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return "|".join(re.escape(word).replace("_", "[ _-]?") for word in longest_first)


def _behind_starters(rests: Mapping[str, re.Pattern[str]]) -> re.Pattern[str]:
    """A starter character with the rest of a marker behind it, whatever joiners stand between."""
    alternatives = (
        f"{re.escape(first)}(?={WORD_JOINER}*(?:{rest.pattern}))" for first, rest in rests.items()
    )
    return re.compile("|".join(alternatives), re.IGNORECASE)


def _compiled(rests: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {first: re.compile(rest, re.IGNORECASE) for first, rest in rests.items()}


class Restorer:
    """The inverse of ``neutralise``, incrementally: ``feed`` and ``close`` give the text back.

    ``json``: the text is JSON. Nothing is held back until a joiner follows a starter character;
    then no more than it takes to see whether the rest of a marker follows.
    """

    def __init__(self, neutral: Neutral, *, json: bool = False) -> None:
        self._neutral = neutral
        self._json = json
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
            verdict = self._neutral.goes_on(
                text[found.start()], text, end, json=self._json, at_end=at_end
            )
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


@lru_cache(maxsize=256)  # a few clients' keys; each costs a few compiled patterns
def neutral_for(key: str) -> Neutral:
    """The two directions for one dialect key."""
    return Neutral(key)
