"""A parameter that follows its call object as it is, between two lines that hold the key.

    @content <key>
    any text, nothing escaped
    @end <key>

Only a line that is exactly the end line closes it. The line breaks before and after the text are
framing.
"""

from __future__ import annotations

import re

import msgspec

from bridge.dialects.shown import overlap

_FIRST_LINE = re.compile(r"@([A-Za-z0-9_-]{1,64}) ([^\r\n]*?)[ \t]*(\r?\n)")
_LONGEST_LINE = 256
_AFTER_END = re.compile(r"[ \t]{0,16}(?=[\r\n`]|\Z)")


class FirstLine(msgspec.Struct, frozen=True):
    """The first line of a raw parameter, up to its line break.

    ``name`` is None for an end line where no parameter is open: some models write one behind an
    object that holds all of its parameters. It closes nothing.
    """

    name: str | None
    end: int
    line_break: str


def first_line(text: str, place: int, key: str, *, at_end: bool = False) -> FirstLine | None:
    """The first line of a raw parameter at ``place``."""
    end_line = f"@end {key}"
    if text.startswith(end_line, place):
        rest = _AFTER_END.match(text, place + len(end_line))
        if rest is not None and (at_end or rest.end() < len(text)):
            return FirstLine(None, rest.end(), "")
        return None
    line = _FIRST_LINE.match(text, place, place + _LONGEST_LINE)
    if line is None or line[2] != key:
        return None
    return FirstLine(line[1], line.start(3), line[3])


def may_become_first_line(text: str, place: int) -> bool:
    """Whether the line at ``place`` is not all there."""
    return len(text) - place < _LONGEST_LINE and "\n" not in text[place:]


class RawText:
    """``read`` gives the text of a raw parameter; ``closed`` once its end line was read.

    Reading begins at the line break after the first line.
    """

    def __init__(self, key: str, line_break: str) -> None:
        self._end_line = f"\n@end {key}"
        self._has_return = line_break == "\r\n"
        self._framing = len(line_break)
        self.closed = False

    def read(self, text: str, place: int, *, at_end: bool = False) -> tuple[str, int]:
        """The parameter's text from ``place`` on, and the index where reading stopped."""
        start = place
        while (found := text.find(self._end_line, place)) >= 0:
            rest = _AFTER_END.match(text, found + len(self._end_line))
            if rest is not None:
                body_end = self._body_end(text, start, found)
                if rest.end() == len(text) and not at_end:
                    return self._body(text[start:body_end]), body_end
                self.closed = True
                return self._body(text[start:body_end]), rest.end()
            place = found + 1
        tail = text[max(len(text) - len(self._end_line), place) :]
        end = self._body_end(text, start, len(text) - overlap(tail, self._end_line))
        return self._body(text[start:end]), end

    def _body_end(self, text: str, start: int, end: int) -> int:
        """``end``, or the place before it when the line break there has two characters."""
        return end - (self._has_return and text[max(start, end - 1) : end] == "\r")

    def _body(self, text: str) -> str:
        """The text without the line break before it."""
        framing = min(self._framing, len(text))
        self._framing -= framing
        return text[framing:]
