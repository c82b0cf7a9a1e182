"""ReplyDecoder: a reply's text, in any pieces, into parts.

Every character comes out exactly once: as text, as thinking, in a call, or as a marker. States:

    THINKING   what may be thinking (``bridge.thinking``)
    TEXT       answer text; a marker may begin at any time, so a tail that may be one is held back
    BLOCK      inside a block of calls of the model's dialect (``bridge.block``)
    NEAR       inside something that may be a near miss; held until that is decided
    AFTER      a call was read: only white space or another call may follow
    OVER       nothing more can count; the rest of the reply is not read

The decoder holds the one buffer. Each state reads from a place in it and says how far it came;
what is left is read again when more has arrived.
"""

from __future__ import annotations

from enum import Enum, auto

from msgspec.structs import replace

from bridge.block import MAX_CALLS, BlockReader
from bridge.dialects.base import Grammar
from bridge.dialects.expected import Expected
from bridge.dialects.near_miss import Candidate
from bridge.dialects.openings import opens_block
from bridge.dialects.prose import Prose
from bridge.dialects.shown import shown
from bridge.parts import Block, Cut, Part, Text, Thinking
from bridge.scanner import Found, Marker, Scanner
from bridge.thinking import ThinkingReader, Thoughts
from bridge.thought_calls import ThoughtsApart, is_call
from bridge.unread import Unread

NO_PROTOCOL = Grammar("", "", "")
"""For a prompt that held no protocol: there are no markers."""


_NO_BLOCK = BlockReader(NO_PROTOCOL, Expected())
_NO_CANDIDATE = Candidate(NO_PROTOCOL, Expected())
"""Stand where none has begun; they are never read."""


class State(Enum):
    """What the next character belongs to."""

    THINKING = auto()
    TEXT = auto()
    BLOCK = auto()
    NEAR = auto()
    AFTER = auto()
    OVER = auto()


class ReplyDecoder:
    """``feed`` and ``close`` give the parts of one reply.

    ``grammar`` is None when the prompt held no protocol: then only thinking is taken out.
    ``over``: nothing more can count. ``unclosed``: the reply ended inside its thinking.
    """

    def __init__(
        self,
        grammar: Grammar | None,
        expected: Expected,
        *,
        thoughts: Thoughts | None = None,
    ) -> None:
        self._grammar = grammar or NO_PROTOCOL
        self._expected = expected
        thoughts = thoughts or Thoughts()
        self._thinking = thoughts.reader(self._grammar.open)
        self._apart = ThoughtsApart(self._grammar.open)
        near = expected if grammar is not None and expected.tools else None
        self._scanner = Scanner(self._grammar, near, think=thoughts.asked)
        self._prose = Prose(self._grammar.key)
        self._block = _NO_BLOCK
        self._candidate = _NO_CANDIDATE
        self._state = State.THINKING
        self._unread = Unread()
        self._calls = 0
        self.unclosed = False

    @property
    def over(self) -> bool:
        """Whether nothing more can count."""
        return self._state is State.OVER

    def feed(self, text: str, *, thinking: str = "") -> list[Part]:
        """Take the next characters, give the parts that are certain.

        ``thinking`` came before them, apart from the text, which is then surely the answer.
        """
        parts: list[Part] = []
        if thinking:
            self._thinking.settle()
            self._read(parts, at_end=False)
            self._apart.feed(thinking, parts)
        self._unread.add(text)
        self._read(parts, at_end=False)
        return parts

    def close(self, *, finished: bool = True) -> list[Part]:
        """The reply has ended; ``finished`` unless a limit cut it."""
        parts: list[Part] = []
        alone = self._state is State.THINKING and self._thinking.untouched
        self._take_calls(self._apart.rest, parts, finished=finished and alone)
        self._read(parts, at_end=True)
        if self._state is State.NEAR:
            self._decide(parts, finished=finished)
            self._read(parts, at_end=True)
        if self._state is State.BLOCK:
            parts += self._block.close(finished=finished)
        elif self._state is State.THINKING:
            self._end_thinking(parts, finished=finished)
        _put(parts, self._prose.close())
        self._state = State.OVER
        return parts

    def _read(self, parts: list[Part], *, at_end: bool) -> None:
        """Move on, state by state, as far as is certain."""
        unread = self._unread
        state, before = State.OVER, -1
        while self._state is not state or unread.place > before:
            state, before = self._state, unread.place
            if state is State.TEXT:
                self._text(unread, parts, at_end=at_end)
            elif state is State.BLOCK:
                self._in_block(unread, parts, at_end=at_end)
            elif state is State.NEAR:
                self._in_candidate(unread, at_end=at_end)
            elif state is State.THINKING:
                self._think(unread, parts, at_end=at_end)
            elif state is State.AFTER:
                self._after(unread, parts, at_end=at_end)
            else:
                unread.place = len(unread.text)
            if unread.place == len(unread.text) and not at_end:
                return

    # Thinking -----------------------------------------------------------------------------------

    def _think(self, unread: Unread, parts: list[Part], *, at_end: bool) -> None:
        unread.place = self._thinking.read(unread.text, unread.place, parts, at_end=at_end)
        if self._thinking.over:
            if doubted := self._thinking.take_back():
                unread.put_back(doubted)
            self._state = State.TEXT

    def _end_thinking(self, parts: list[Part], *, finished: bool) -> None:
        """Thinking was never closed; calls at its very end are meant all the same.

        Some models forget the closing tag before them; so are those of thinking that came apart, if
        nothing else came.
        """
        self.unclosed = not self._take_calls(self._thinking.kept, parts, finished=finished)

    def _take_calls(self, kept: str, parts: list[Part], *, finished: bool) -> bool:
        """What was ``kept`` goes out as calls, if it is nothing else; or else as thinking."""
        calls: list[Part] = []
        if kept and finished and all(map(is_call, self._decoded(kept, first_only=False))):
            calls = self._decoded(kept, first_only=self._expected.first_only)
        if calls:
            self._leave_text(parts)
        parts += calls or ([Thinking(kept)] if kept else [])
        return bool(calls)

    def _decoded(self, text: str, *, first_only: bool) -> list[Part]:
        decoder = ReplyDecoder(self._grammar, replace(self._expected, first_only=first_only))
        return [*decoder.feed(text), *decoder.close()]

    # Text ---------------------------------------------------------------------------------------

    def _text(self, unread: Unread, parts: list[Part], *, at_end: bool) -> None:
        place = unread.place
        found = self._scanner.find(unread.text, place, near_from=unread.settled, at_end=at_end)
        _put(parts, self._prose.feed(unread.text[place : found.start]))
        unread.place = found.start
        if found.marker is Marker.THINK:
            _put(parts, self._prose.pause())
            self._thinking = ThinkingReader(marker=self._grammar.open)
            self._scanner.skip(begins_line=True)
            self._state = State.THINKING
        elif found.marker is Marker.NEAR:
            self._begin_candidate(unread)
        elif found.marker is Marker.CALL:
            self._call(found, unread, parts, at_end=at_end)
        elif found.marker is Marker.RESULT:
            self._cut(parts)

    def _call(self, found: Found, unread: Unread, parts: list[Part], *, at_end: bool) -> None:
        if self._calls >= MAX_CALLS:
            self._cut(parts, too_many=True)
        elif found.quoted or (self._scanner.fence and not self._prose.has_fence):
            self._quoted_call(found, unread, parts)
        else:
            opens = opens_block(
                unread.text, found.end, begins_line=found.begins_line, at_end=at_end
            )
            if opens:
                self._begin_block(found, unread, parts)
            elif opens is False:
                self._pass_over(found, unread, parts)

    def _quoted_call(self, found: Found, unread: Unread, parts: list[Part]) -> None:
        """Our marker in a quotation or a fence: an example, unless it ends the reply."""
        if found.start >= unread.settled:
            self._begin_candidate(unread)
        else:
            self._pass_over(found, unread, parts)

    def _pass_over(self, found: Found, unread: Unread, parts: list[Part]) -> None:
        """A marker that is text."""
        _put(parts, self._prose.feed(unread.text[found.start : found.end]))
        self._scanner.skip(begins_line=False)
        unread.place = found.end

    def _cut(self, parts: list[Part], *, too_many: bool = False) -> None:
        """From here on the model talks to itself, or there are ``too_many`` calls."""
        self._leave_text(parts)
        parts.append(Block((), cut=True) if too_many else Cut())
        self._state = State.OVER

    def _leave_text(self, parts: list[Part]) -> None:
        _put(parts, self._prose.drop(fenced=self._scanner.fence > 0))

    # Blocks -------------------------------------------------------------------------------------

    def _begin_block(self, found: Found, unread: Unread, parts: list[Part]) -> None:
        self._leave_text(parts)
        opener = unread.text[found.start : found.end]
        room = MAX_CALLS - self._calls
        self._block = BlockReader(self._grammar, self._expected, opener=opener, room=room)
        unread.place = found.end
        self._state = State.BLOCK

    def _in_block(self, unread: Unread, parts: list[Part], *, at_end: bool) -> None:
        block = self._block
        unread.place = block.read(unread.text, unread.place, parts, at_end=at_end)
        if not block.over:
            return
        self._calls += block.calls
        self._scanner.skip(begins_line=False)
        if block.spoiled or (self._expected.first_only and block.good):
            self._state = State.OVER
        else:
            self._state = State.AFTER if block.good else State.TEXT

    def _after(self, unread: Unread, parts: list[Part], *, at_end: bool) -> None:
        found = self._scanner.after_call(unread.text, unread.place, at_end=at_end)
        unread.place = found.start
        if found.marker is Marker.CALL and self._calls < MAX_CALLS:
            self._begin_block(found, unread, parts)
        elif found.marker is not None:
            self._cut(parts, too_many=found.marker is Marker.CALL)

    # Near misses --------------------------------------------------------------------------------

    def _begin_candidate(self, unread: Unread) -> None:
        unread.mark()
        self._candidate = Candidate(self._grammar, self._expected)
        self._state = State.NEAR

    def _in_candidate(self, unread: Unread, *, at_end: bool) -> None:
        unread.place = self._candidate.read(unread.text, unread.place, at_end=at_end)
        if self._candidate.failed:
            unread.go_back(max(self._candidate.taken, 1))
            self._state = State.TEXT

    def _decide(self, parts: list[Part], *, finished: bool) -> None:
        """The reply has ended with what may be near misses."""
        calls = self._candidate.close() if finished else ()
        if calls:
            self._leave_text(parts)
            parts.append(Block(calls[:1] if self._expected.first_only else calls))
            self._state = State.OVER
        elif finished and self._candidate.broken:
            self._unread.go_back(0)
            written = shown(self._unread.text[self._unread.place :], self._grammar.key)
            self._leave_text(parts)
            parts.append(Block((replace(self._candidate.broken, raw=written),)))
            self._state = State.OVER
        else:
            self._unread.go_back(self._candidate.taken + 1)
            self._state = State.TEXT


def _put(parts: list[Part], text: str) -> None:
    if text:
        parts.append(Text(text))
