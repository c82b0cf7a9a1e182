r"""Regular expressions out of a request, applied without letting one hang the service.

Python's engine backtracks: ``(a+)+$`` takes longer than anyone waits on forty characters. So each
pattern is read first, and the steps are counted that it may take on a text of n characters, as
``times · n^power``: a part takes its steps once for every way in which all before it can match. An
open-ended repetition matches in n ways, in one where the next character ends it (``[^@]+@``);
sequences multiply ways, alternatives add them. A pattern is applied to the texts for which that
stays small. One that repeats a group which itself can match in several ways is applied only if a
character of its own tells its rounds apart (``(-[a-z]+)*``, ``([a-z]+\.)+``). What is not applied
is not checked: the text passes.

Patterns are ECMA 262's by JSON Schema; where Python does not understand one it is not applied.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from itertools import pairwise

import msgspec

MAX_STEPS = 10_000_000
"""For one pattern on one text: about a tenth of a second at the worst."""

MAX_PATTERN = 1000
"""Characters. The longest that schema libraries write (dates, addresses) have about 400."""

MAX_ROUNDS = 20
"""Rounds of a group that can match in several ways: each multiplies the ways."""

KEPT = 1024
"""Patterns kept compiled: those of 128 tools, OpenAI's limit in a request, with eight each."""

_TOKEN = re.compile(
    r"""(?P<open>\((?:\?(?:[:=!]|<[=!]))?(?!\?))
    |(?P<close>\))
    |(?P<either>\|)
    |(?P<repeat>(?:[*+?]|\{(?P<low>[0-9]{1,4})(?P<high>,[0-9]{0,4})?\})[?+]?)
    |(?P<place>[\^$]|\\[bB])
    |(?P<one>\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^0-9kpPxuN])
        |\[\^?\]?(?:[^\]\\]|\\.)*+\]
        |[^\\\[{()*+?|])
    """,
    re.VERBOSE | re.DOTALL,
)
_MAX_POWER = 32
"""Even two characters to this power are past every limit."""
_LOOKING = frozenset({"(?=", "(?!", "(?<=", "(?<!"})
_LITERAL = re.compile(r"\\[^a-zA-Z0-9]|[^\\\[.]", re.DOTALL)


class Count(msgspec.Struct, frozen=True):
    """A number that depends on the length n of a text: at most ``times · n^power``.

    It stops growing where it is past every limit.
    """

    times: int = 1
    power: int = 0

    def __mul__(self, other: Count) -> Count:
        times, power = self.times * other.times, self.power + other.power
        return Count(min(times, MAX_STEPS + 1), min(power, _MAX_POWER))

    def __add__(self, other: Count) -> Count:
        times, power = self.times + other.times, max(self.power, other.power)
        return Count(min(times, MAX_STEPS + 1), power)

    def on(self, length: int) -> int:
        """The number for a text of that length."""
        return self.times * int((length + 1) ** self.power)


_NONE = Count(0)
_ONE = Count()
_N = Count(1, 1)


class _Element(msgspec.Struct, frozen=True):
    """A part of a sequence: ``one`` character, as its pattern, a group of ``parts``, or a place."""

    ways: Count = _ONE
    steps: Count = _ONE
    one: str = ""
    parts: tuple[_Element, ...] = ()
    place: str = ""

    @property
    def literal(self) -> str:
        """The one character that this must be, if it is so."""
        fixed = self.ways == _ONE and _LITERAL.fullmatch(self.one)
        return self.one[-1] if fixed else ""


class _Uncounted(ValueError):
    """The pattern holds what cannot be counted."""


class _Counter:
    """Reads a pattern once and counts its steps."""

    def __init__(self, pattern: str) -> None:
        self._tokens: list[re.Match[str]] = []
        at = 0
        while at < len(pattern):
            token = _TOKEN.match(pattern, at)
            if token is None:
                raise _Uncounted
            self._tokens.append(token)
            at = token.end()
        self._tokens.reverse()

    def _next_is(self, *kinds: str) -> bool:
        return bool(self._tokens) and self._tokens[-1].lastgroup in kinds

    def group(self) -> _Element:
        """Everything up to the closing bracket or the end."""
        group = self._sequence()
        while self._next_is("either"):
            self._tokens.pop()
            other = self._sequence()
            group = _Element(group.ways + other.ways, group.steps + other.steps)
        return group

    def _sequence(self) -> _Element:
        parts: list[_Element] = []
        while self._tokens and not self._next_is("close", "either"):
            parts.append(self._repeated(self._element()))
        ways, steps = _ONE, _NONE
        for part, following in pairwise([*parts, _Element()]):
            steps += ways * part.steps
            if not _is_ended_by(part, following):
                ways *= part.ways
        return _Element(ways, steps + _ONE, parts=tuple(parts))

    def _element(self) -> _Element:
        token = self._tokens.pop()
        if token.lastgroup == "one":
            return _Element(one=token[0])
        if token.lastgroup == "place":
            return _Element(place=token[0])
        if token.lastgroup != "open":
            raise _Uncounted
        group = self.group()
        if not self._next_is("close"):
            raise _Uncounted
        self._tokens.pop()
        # What was seen ahead or behind is not tried in another way later.
        return _Element(steps=group.steps) if token[0] in _LOOKING else group

    def _repeated(self, element: _Element) -> _Element:
        if not self._next_is("repeat"):
            return element
        low, high = _bounds(self._tokens.pop())
        if high is None:
            if element.ways == _ONE:
                return _Element(_N, element.steps * _N, element.one)
            if _rounds_are_told_apart(element.parts):
                return _Element(_N, Count(element.steps.times, 1))
            raise _Uncounted
        if element.ways != _ONE and high > MAX_ROUNDS:
            raise _Uncounted
        ways, steps = _ONE, _NONE
        for _ in range(high if element.ways != _ONE else 0):
            steps += ways * element.steps
            ways *= element.ways
        if element.ways == _ONE:
            steps = element.steps * Count(high)
        return _Element(ways * Count(high - low + 1), steps, element.one)


def _bounds(repeat: re.Match[str]) -> tuple[int, int | None]:
    low, high = repeat["low"], repeat["high"]
    if low is None:
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[repeat[0][0]]
    if high is None:
        return int(low), int(low)
    return int(low), int(high[1:]) if high[1:] else None


def _rounds_are_told_apart(parts: tuple[_Element, ...]) -> bool:
    """Whether a group begins or ends with a character that nothing else in it can be."""
    if (
        not parts
        or not all(part.one for part in parts)
        or sum(part.ways != _ONE for part in parts) > 1
    ):
        return False
    first, last = parts[0].literal, parts[-1].literal
    return not _can_be(first, parts[1:]) or not _can_be(last, parts[:-1])


def _is_ended_by(part: _Element, following: _Element) -> bool:
    """Whether a repeated character can stop in one place only, because of what must follow."""
    return bool(part.one) and (following.place == "$" or not _can_be(following.literal, (part,)))


def _can_be(literal: str, others: tuple[_Element, ...]) -> bool:
    return not literal or any(re.fullmatch(other.one, literal) for other in others)


def steps_of(pattern: str) -> Count | None:
    """The steps that ``pattern`` may take on a text; None when that cannot be told."""
    try:
        whole = _Counter(pattern).group()
    except (_Uncounted, RecursionError, re.error):
        return None
    anchored = whole.parts and whole.parts[0].place == "^"
    return whole.steps if anchored else whole.steps * _N


@lru_cache(maxsize=KEPT)
def _compiled(pattern: str) -> tuple[re.Pattern[str], Count] | None:
    with warnings.catch_warnings():
        # Python warns of spellings that it may read differently one day.
        warnings.simplefilter("ignore")
        steps = steps_of(pattern)
        try:
            return (re.compile(pattern), steps) if steps is not None else None
        except (re.error, RecursionError, OverflowError):
            return None


def _applied(pattern: str, text: str) -> tuple[re.Pattern[str], int] | None:
    # Of a longer one not even the text is to be kept.
    known = _compiled(pattern) if len(pattern) <= MAX_PATTERN else None
    if known is None or (steps := known[1].on(len(text))) > MAX_STEPS:
        return None
    return known[0], steps


def steps_on(pattern: str, text: str) -> int | None:
    """The steps that looking for ``pattern`` in ``text`` may take; None when it is not applied."""
    applied = _applied(pattern, text)
    return applied[1] if applied is not None else None


def found(pattern: str, text: str) -> bool | None:
    """Whether ``pattern`` is found in ``text``; None when it is not applied to this text."""
    applied = _applied(pattern, text)
    return applied[0].search(text) is not None if applied is not None else None
