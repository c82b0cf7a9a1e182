r"""What the backslashes of a string mean that has an escape JSON does not know.

``C:\Users\ada\new.txt``, written as it is between quotes, has two escapes that are none, ``\U`` and
``\a``: whoever wrote it escapes no backslash, so ``\n`` is none either. But in ``"import re\n\nx =
'\d'"`` only one is none, and the line breaks are meant. What tells them apart:

- Without an unknown escape the string is JSON, and means what JSON says.
- ``\n``, ``\r`` or ``\t`` is a real one before the end, an escape, and what no name begins with.
  In a string with a real one, the others are real, too. (A name of one such letter is told wrong.)
- Without a real one, all backslashes stand for themselves if the string begins with a drive, or if
  each letter escape is in one word with an unknown one or behind a drive.
- What is left can mean two things: letter escapes elsewhere; in a string with a real one, a drive
  at its beginning, or letter escapes in one word with an unknown one; ``\\server\share``. That is
  a fault.

So a string is held from its first letter escape until one is real, or for as long as a path can be:
when no unknown escape has come by then, it is text whose author escapes, and streams.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

MAX_PATH = 260
"""Characters of a path on Windows, as most programs have it."""

NEAR = 64
"""Characters of a settled text that are looked back on for the beginning of a word."""

AMBIGUOUS: Final = (
    "The string has backslashes that are not escaped (a backslash must be written \\\\)"
)

_LETTERS = frozenset("bfnrt")
_BREAKS = frozenset("nrt")
# What is kept of a string to find its words has one character for each escape.
_LETTER = "\x01"
_NEVER = "\x02"  # a backspace or form feed, which no one means
_UNKNOWN = "\x03"
_BACKSLASH = "\x04"
_MARKS = {"b": _NEVER, "f": _NEVER, "\\": _BACKSLASH, '"': '"', "/": "/", "u": "u"}
_IN_WORDS = rf"\w.$~%@:{_LETTER}{_NEVER}{_UNKNOWN}{_BACKSLASH}-"
_WORD = re.compile(f"[{_IN_WORDS}]+")
_PATH = re.compile(rf"[A-Za-z]:[{_LETTER}{_NEVER}{_UNKNOWN}]|.*{_UNKNOWN}\w")
_DRIVE = re.compile(rf"[A-Za-z]:[{_LETTER}{_NEVER}{_UNKNOWN}]")
_HOST = re.compile(rf"{_BACKSLASH}\w[\w.-]+")
_NAME = re.compile(r"[\w.$~%@-]")
_ENDS_IN_LETTERS = re.compile(
    rf"(?<!\\)(?:\\\\)*+(?:\\[nrt]|{_LETTER})(?=[\w.$~%@-])"
    rf"(?:[{_IN_WORDS}]|\\[nrt](?=[\w.$~%@-])|\\(?:[\\bf]|u[0-9a-fA-F]{{4}}))*+$"
)
"""A settled text whose last word holds a letter escape that may begin a name."""


class _State(Enum):
    """What is known of the string by now."""

    FRESH = auto()
    """No letter escape has come."""
    DOUBT = auto()
    """One has, and all is held that came since."""
    SETTLED = auto()
    """Letter escapes are real."""
    GUARDED = auto()
    """They are, but not in this word, which has an unknown one."""


class Backslashes:
    """The pieces of one string go in, what is certain of its clean text is ``out``.

    ``slow``: each escape has to be told, and not only unknown ones. ``fault``: the string has two
    readings; what follows is passed over.
    """

    __slots__ = (
        *("_asking", "_both", "_head", "_held", "_length", "_state", "_tail", "_unknown"),
        *("fault", "out", "slow"),
    )

    def __init__(self) -> None:
        self.out: list[str] = []
        self.slow = True
        self.fault = False
        self._state = _State.FRESH
        self._unknown = False
        self._asking = ""
        """The last escape, if what comes next decides whether it is a real one."""
        self._head = ""
        self._tail = ""
        """What came last, no longer than a path."""
        self._both: list[tuple[str, str]] = []
        """What is held, in its two readings: real escapes, literal backslashes."""
        self._held: list[str] = []
        """The same as marks, behind what came before."""
        self._length = 0

    def text(self, text: str) -> None:
        """Clean text; known escapes may be in it where they need not be told."""
        if not (self.slow or self.fault):
            self.out.append(text)  # as nearly all text of long strings
            self._tail = (self._tail + text)[-NEAR:]
            return
        self._answer(real=_NAME.match(text) is None)
        if self._state is _State.GUARDED and not _WORD.fullmatch(text):
            self._leave_word()
        self._put(text, text, text)

    def mended(self, escaped: str) -> None:
        """A character that JSON wants escaped and that was not."""
        self._answer(real=True)
        self._leave_word()
        self._put(escaped, escaped, " ")

    def known(self, escape: str) -> None:
        """An escape of JSON."""
        self._answer(real=True)
        if self._state is _State.SETTLED:
            self._put(escape, escape, escape)
            return
        letter = escape[1]
        if letter not in _LETTERS:
            if letter in '"/':
                self._leave_word()
            self._put(escape, escape, _MARKS[letter])
            return
        if self._state is _State.FRESH:
            self._state, self._held = _State.DOUBT, [self._tail]
        self._asking = escape if letter in _BREAKS else ""
        if self._state is _State.GUARDED:
            self.fault = self.fault or not self._asking
            return
        self._put(escape, f"\\\\{letter}", _MARKS.get(letter, _LETTER))

    def unknown(self) -> None:
        """A backslash that begins no escape of JSON."""
        self._answer(real=False)
        self._settle_if_long()
        self._unknown = True
        if self._state is _State.SETTLED:
            self._state, self.slow = _State.GUARDED, True
            ends_in_letters = _ENDS_IN_LETTERS.search(self._tail[-NEAR:])
            self.fault = self.fault or self._is_path or ends_in_letters is not None
        elif self._state is _State.FRESH and _HOST.fullmatch(self._tail):
            self.fault = True
        self._put("\\\\", "\\\\", _UNKNOWN)

    def close(self) -> None:
        """The string is over."""
        self._answer(real=True)
        if self._state is not _State.DOUBT or self.fault:
            return
        if not self._unknown:
            self._settle()
            return
        literal = self._is_path or all(map(_PATH.match, self._words()))
        if literal and not _HOST.match(self._head):
            self.out += [reading for _, reading in self._both]
        else:
            self.fault = True

    def _answer(self, *, real: bool) -> None:
        """What follows the last letter escape is known."""
        if not self._asking:
            return
        escape, self._asking = self._asking, ""
        if self._state is _State.GUARDED:
            self.fault = self.fault or not real
            self._leave_word()
            self._put(escape, escape, escape)
        elif real:
            self._held[-1] = "\n"
            if self._unknown:
                self.fault = self._is_path or any(map(_PATH.match, self._words()))
            self._settle()

    @property
    def _is_path(self) -> bool:
        """Whether the string begins with a drive."""
        return _DRIVE.match(self._head) is not None

    def _words(self) -> list[str]:
        """The words with a letter escape among what is held."""
        return [word for word in _WORD.findall("".join(self._held)) if _LETTER in word]

    def _leave_word(self) -> None:
        if self._state is _State.GUARDED:
            self._state, self.slow = _State.SETTLED, False

    def _settle_if_long(self) -> None:
        """Who has written so much without an unknown escape knows how to escape."""
        doubt = self._state is _State.DOUBT and not (self._unknown or self._asking)
        if doubt and self._length > MAX_PATH:
            self._settle()

    def _settle(self) -> None:
        self._state, self.slow = _State.SETTLED, False
        self._tail = "".join(self._held)[-MAX_PATH:]
        if not self.fault:
            self.out += [reading for reading, _ in self._both]
        self._both, self._held = [], []

    def _put(self, real: str, literal: str, seen: str) -> None:
        """One piece, in its two readings, and its mark."""
        if self.fault:
            return
        if len(self._head) < 3:
            self._head = (self._head + seen)[:3]
        if self._state is not _State.DOUBT:
            self.out.append(real)
            self._tail = (self._tail + seen[-MAX_PATH:])[-MAX_PATH:]
            return
        self._both.append((real, literal))
        self._held.append(seen)
        self._length += len(seen)
        self._settle_if_long()
