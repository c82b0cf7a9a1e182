"""Finds the next marker in answer text, and says how much of the text is surely none.

It keeps what a marker's meaning depends on: whether a line begins, and which Markdown fence is
open. Linear: each starter character is looked at once, and looks back or ahead no further than a
marker is long.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from bridge.dialects.openings import begins_at, is_info, may_become_name, name_before
from bridge.dialects.thought_tags import tags_in_answers
from bridge.lines import LONGEST_PREFIX, Line

if TYPE_CHECKING:
    from bridge.dialects.base import Grammar
    from bridge.dialects.expected import Expected
    from bridge.tool_names import Tools

EXAMPLE_FENCE = 4
"""Backticks of a fence in which nothing is meant: whoever quotes a block needs so many."""

MAX_NAME = 80
"""Characters of a line on which a tool's name may stand alone; names have 64."""

MAX_RUN = 64
"""Backticks in a row that may be a fence; more are ornament."""

_QUOTED = re.compile(r"[ \t]*>|(?: {4}|\t)[ \t]*\Z")
_LONGEST_INFO = 100
_BACKTICK = re.compile("`")
_RUN = re.compile(r"`*")
_TILDE = re.compile("~")
_TILDES = re.compile(r"~*")
_AFTER_CALL = re.compile(r"[\s~\],;}>*+\-\ufeff]*")


class Marker(Enum):
    """What begins where."""

    CALL = auto()
    RESULT = auto()
    NEAR = auto()
    THINK = auto()
    OTHER = auto()


class Found(msgspec.Struct, frozen=True):
    """A marker from ``start`` to ``end``; None: text up to ``start``, the rest may be one.

    ``begins_line``: nothing but indentation, a quotation or a list mark stands before it.
    ``quoted``: it stands in a quotation, or as far to the right as code does.
    """

    marker: Marker | None
    start: int
    end: int
    begins_line: bool = True
    quoted: bool = False


class Scanner:
    """``find`` gives the next marker from a place on.

    The caller takes the text up to ``Found.start`` before it asks again; ``skip`` tells of text
    that something else has taken. ``near``: near misses count, and call what is expected.
    ``think``: a line that begins with any tag opens thinking. ``fence``: backticks of the Markdown
    fence that is open, 0 for none.
    """

    def __init__(
        self, grammar: Grammar, near: Expected | None = None, *, think: bool = False
    ) -> None:
        markers = ((Marker.CALL, grammar.open), (Marker.RESULT, grammar.result))
        self._exact = [(marker, literal) for marker, literal in markers if literal]
        self._key = grammar.key
        self._near = near is not None
        self._tools: Tools = near.tools if near is not None else {}
        self._named = near is not None and near.named is not None
        self._think = think
        firsts = {literal[0] for _, literal in self._exact} | {"~"}
        firsts |= tags_in_answers(any_tag=think).firsts | set("`" + "<{[](" * self._near)
        self._starters = re.compile(f"[{re.escape(''.join(firsts))}]")
        self._line = Line()
        self._settled = 0
        """Up to here near misses are settled."""
        self._tildes = 0
        """Tildes of a fence that is open: whoever quotes so means none of it."""
        self.fence = 0

    def skip(self, *, begins_line: bool) -> None:
        """Something that is no text ends here."""
        self._line.skip(begins_line=begins_line)

    def find(self, text: str, place: int, *, near_from: int = 0, at_end: bool = False) -> Found:
        """The next marker in ``text``; near misses only from ``near_from`` on."""
        found = Found(None, len(text), len(text))
        self._settled = near_from
        at = place
        while starter := self._next.search(text, at):
            at = starter.start()
            near = self._near and at >= near_from
            look = _LOOKS.get(text[at], Scanner._tag_at)
            verdict = look(self, text, place, at, near=near, at_end=at_end)
            if isinstance(verdict, Found):
                found = verdict
                break
            at = verdict
        else:
            found = self._name_at_end(text, place, at_end=at_end) or found
        self._line.add(text, place, found.start)
        return found

    def exact_at(
        self, text: str, start: int, at: int, *, skipped: int = 0, at_end: bool = False
    ) -> Found | None:
        """An exact marker that begins at ``start``; ``skipped`` characters of it end at ``at``.

        A reply that ends inside the key of one is taken to hold it whole.
        """
        for marker, literal in self._exact:
            rest = literal[skipped:]
            there = text[at : at + len(rest) + 1]
            if there.startswith(rest):
                if not self._key or (at_end and there == rest):
                    return Found(marker, start, at + len(rest))
                if there == rest:
                    return Found(None, start, start)
                if not (there[-1].isalnum() or there[-1] == "_"):
                    return Found(marker, start, at + len(rest))
            elif rest.startswith(there):
                if not at_end:
                    return Found(None, start, start)
                if self._key and len(rest) - len(there) < len(self._key):
                    return Found(marker, start, len(text))
        return None

    def after_call(self, text: str, place: int, *, at_end: bool = False) -> Found:
        """What stands after a call, past white space, brackets and closing marks."""
        while True:
            space = _AFTER_CALL.match(text, place)
            place = space.end() if space else place
            if place == len(text):
                return Found(None, place, place)
            run = _RUN.match(text, place)
            end = run.end() if run else place
            start = max(end - 3, place)
            found = self.exact_at(text, start, start, at_end=at_end)
            if found is not None:
                return found
            if end == place:
                return Found(Marker.OTHER, place, place)
            place = end

    @property
    def _next(self) -> re.Pattern[str]:
        """What the next marker may begin with."""
        if self._tildes:
            return _TILDE
        return _BACKTICK if self._only_fences else self._starters

    @property
    def _only_fences(self) -> bool:
        """Whether nothing but the end of a fence, or an exact marker that is one, may come."""
        return self.fence >= EXAMPLE_FENCE or (self.fence > 0 and bool(self._key))

    # Backticks ----------------------------------------------------------------------------------

    def _fence_at(self, text: str, place: int, at: int, *, near: bool, at_end: bool) -> Found | int:
        run = _RUN.match(text, at)
        end = run.end() if run else at
        if at == place and self._line.text.endswith("`"):
            return end  # goes on a run that was too long to be held
        length = end - at
        if end == len(text) and length < MAX_RUN and not at_end:
            return Found(None, at, at)
        if not 3 <= length < MAX_RUN:
            return end
        if self._key and self.fence < EXAMPLE_FENCE:
            exact = self.exact_at(text, at, end, skipped=3, at_end=at_end)
            if exact is not None:
                line = self._line.before(text, place, at)
                begins_line = self._line.begins_at(text, place, at)
                quoted = begins_line and _QUOTED.match(line) is not None
                return replace(exact, begins_line=begins_line, quoted=quoted)
        if not self._line.begins_at(text, place, at):
            return end
        info = text[end : end + _LONGEST_INFO]
        if "\n" not in info and len(info) < _LONGEST_INFO and not at_end:
            return Found(None, at, at)
        return self._fence_line(at, end, info.partition("\n")[0].strip(), near=near)

    def _fence_line(self, at: int, end: int, info: str, *, near: bool) -> Found | int:
        """A line that begins with a run of backticks opens a fence, or closes one."""
        length = end - at
        if self.fence:
            if not info and length >= self.fence:
                self.fence = 0
        elif near and length == 3 and is_info(info):
            return Found(Marker.NEAR, at, at)
        elif "`" not in info:
            self.fence = length
        return end

    def _tildes_at(
        self, text: str, place: int, at: int, *, near: bool, at_end: bool
    ) -> Found | int:
        """A line that begins with a run of tildes opens a fence, or closes one."""
        del near
        run = _TILDES.match(text, at)
        end = run.end() if run else at
        if at == place and self._line.text.endswith("~"):
            return end
        if end == len(text) and end - at < MAX_RUN and not at_end:
            return Found(None, at, at)
        if 3 <= end - at < MAX_RUN and not self.fence and self._line.begins_at(text, place, at):
            if not self._tildes:
                self._tildes = end - at
            elif end - at >= self._tildes:
                self._tildes = 0
        return end

    # Tags and brackets --------------------------------------------------------------------------

    def _tag_at(self, text: str, place: int, at: int, *, near: bool, at_end: bool) -> Found | int:
        line = self._line.before(text, place, at)
        if line.endswith("`") and not line.endswith("```"):
            return at + 1  # in a code span
        if not self._key and (exact := self.exact_at(text, at, at, at_end=at_end)):
            return exact
        if self.fence:
            return at + 1
        blank = len(line) <= LONGEST_PREFIX and not line.strip()
        if opener := self._opener_at(text, at, blank=blank, at_end=at_end):
            return opener
        if not near:
            return at + 1
        begins_line = self._line.begins_at(text, place, at)
        if self._named and begins_line and text[at] == "{":
            return Found(Marker.NEAR, at, at)
        begins = begins_at(text, at, self._key, self._tools, begins_line=begins_line, at_end=at_end)
        if begins is False:
            return at + 1
        return Found(Marker.NEAR if begins else None, at, at)

    def _opener_at(self, text: str, at: int, *, blank: bool, at_end: bool) -> Found | None:
        """A tag that opens thinking, or what may become one; ``blank``: the line begins with it."""
        tags = tags_in_answers(any_tag=self._think and blank)
        if not at_end and tags.begins(text, at):
            return Found(None, at, at)
        opener = tags.pattern.match(text, at)
        return Found(Marker.THINK, at, opener.end()) if opener else None

    # Names ------------------------------------------------------------------------------------

    def _name_before(
        self, text: str, place: int, at: int, *, near: bool, at_end: bool
    ) -> Found | int:
        """A tool's name that is all that stands on the line before a bracket."""
        start = text.rfind("\n", place, at) + 1 or place
        whole_line = start > place or not self._line.text.strip()
        if near and not self.fence and whole_line and at - start <= MAX_NAME:
            name = name_before(text[start:at], self._tools)
            begins = at - len(name or "")
            if name is not None and begins >= self._settled:
                return Found(Marker.NEAR, begins, at)
        return at + 1

    def _name_at_end(self, text: str, place: int, *, at_end: bool) -> Found | None:
        """What may become such a name, if the text so far ends with it."""
        if at_end or not self._near or self.fence or self._tildes:
            return None
        start = max(text.rfind("\n") + 1, place)
        whole_line = start > place or not self._line.text.strip()
        line = text[start:]
        begins = len(text) - len(line.lstrip())
        if begins < self._settled or len(line) > MAX_NAME or not whole_line:
            return None
        return Found(None, begins, begins) if may_become_name(line, self._tools) else None


_LOOKS: Final = {"`": Scanner._fence_at, "~": Scanner._tildes_at, "(": Scanner._name_before}
