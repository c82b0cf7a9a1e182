"""One attempt at an answer: a reply of the upstream, as far as it may leave at once.

Text of a first attempt leaves as it comes, calls when they are longer than the hold limit. All
else is held, so that a fault further on can be mended: short calls up to the end of the reply, what
follows a doubtful call, text that a promised call has yet to follow, and all of a later attempt,
since the earlier one may have said it already. What is held is judged by ``bridge.promises`` when
the reply has ended; then it leaves, or another attempt is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.decoder import ReplyDecoder
from bridge.held import UNUSABLE, Held, empty_fence
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Cut, Malformed, Text
from bridge.structured import JsonAnswer
from bridge.upstream_calls import block_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.answers import ChatCompletionChunk
    from bridge.completion import ChunkWriter
    from bridge.figures import Figures
    from bridge.parts import Fault, Part
    from bridge.terms import Terms
    from bridge.turns import UpstreamCall


class Attempt:
    """``feed`` and ``close`` give the chunks that may leave, ``leave`` what was held.

    ``cut``: a call was not whole. ``refused``: a call came where none may. ``broken``: a call
    became unreadable when part of it had left.
    """

    def __init__(
        self, terms: Terms, writer: ChunkWriter, figures: Figures, *, first: bool = True
    ) -> None:
        self._terms = terms
        self._writer = writer
        self._figures = figures
        self._first = first
        self._decoder = ReplyDecoder(terms.grammar, terms.expected, thoughts=terms.thoughts)
        self._answer = JsonAnswer(terms.json.schema, terms.expected.checks) if terms.json else None
        self._gathered: tuple[str, list[str]] | None = None
        """Name and arguments of a call that streams behind a doubtful one."""
        self.apart: list[UpstreamCall] = []
        """Calls that the upstream read by itself; they count when the reply is over."""
        self._thought = False
        self.fence = ""
        """A fence with nothing in it, if that was all of the answer."""
        self.held = Held(terms.answered if first else frozenset())
        self.cut = False
        self._begun: str | None = None
        """The tool of a call that was held when the reply ended inside it."""
        self.refused = False
        self.broken = False
        self._talked_on = False

    @property
    def done(self) -> bool:
        """Whether nothing more that the upstream may send can count."""
        return self._decoder.over or self.stopped

    @property
    def stopped(self) -> bool:
        """Whether a stop string ended the reply; text before a promised call is only shortened."""
        return self._writer.stopped and not self._terms.promised

    @property
    def unclosed(self) -> bool:
        """Whether the reply ended inside its thinking."""
        return self._decoder.unclosed

    @property
    def only_begun(self) -> bool:
        """Whether the reply ended when its answer was about to begin, or had barely begun."""
        return self._thought or self._decoder.unclosed

    @property
    def made_up(self) -> bool:
        """Whether a made-up result stands in the place of a call, and not behind an answer."""
        answers = self.has_words and self._terms.has_results
        return self._talked_on and not (answers or self.wants_json)

    @property
    def has_words(self) -> bool:
        """Whether there is any text, held or gone."""
        return self._writer.said or self.held.has_words

    @property
    def wants_json(self) -> bool:
        """Whether text has to be JSON."""
        return self._answer is not None

    @property
    def json_fault(self) -> Fault | None:
        """What is wrong with the structured output, after ``close``."""
        return self._answer.fault if self._answer is not None else None

    # What comes ---------------------------------------------------------------------------------

    def feed(self, text: str, *, thinking: str = "") -> list[ChatCompletionChunk]:
        """Take the next characters of the reply, and what came before them of ``thinking``."""
        return self._take(self._decoder.feed(text, thinking=thinking))

    def close(self, *, finished: bool = True) -> list[ChatCompletionChunk]:
        """The reply has ended; ``finished`` unless something cut it."""
        parts = self._decoder.close(finished=finished)
        if self._blank and not self.apart and (fence := empty_fence(parts)):
            self.fence = fence
            parts = [part for part in parts if not isinstance(part, Text)]
        chunks = self._take(parts)
        if self.apart and not self._writer.calls:
            expected, held = self._terms.expected, self.held.calls
            chunks += self._block(block_of(self.apart, expected, held, finished=finished))
        # Beside calls there need be no JSON; what of it has left must be whole all the same.
        called = self._writer.calls or self.held.calls
        if self._answer is not None and (self._writer.said or not called):
            chunks += self._say(self._answer.close())
        return chunks

    def _take(self, parts: Iterable[Part]) -> list[ChatCompletionChunk]:
        chunks: list[ChatCompletionChunk] = []
        for part in parts:
            if self.stopped:
                break
            match part:
                case Text(text):
                    chunks += self._text(text)
                case Block():
                    chunks += self._block(part)
                case CallStart(name):
                    chunks += self._call_start(name)
                case CallArguments(json):
                    chunks += self._call_arguments(json)
                case CallEnd(whole, fault):
                    self._call_end(fault, whole=whole)
                case Cut():
                    self._figures.cut += 1
                    self._talked_on = True
                case _:  # thinking goes no further
                    self._thought = True
        return chunks

    @property
    def _blank(self) -> bool:
        """Whether nothing of an answer has come where a block might."""
        left = self._first and (self._writer.said or self._writer.calls)
        came = left or self.held or self.refused or self._answer is not None
        return self._terms.grammar is not None and not came

    # Text ---------------------------------------------------------------------------------------

    def _text(self, text: str) -> list[ChatCompletionChunk]:
        if self.refused and not self.has_words:
            text = text.lstrip()  # it stood behind the call
        return self._say(text if self._answer is None else self._answer.feed(text))

    def _say(self, text: str) -> list[ChatCompletionChunk]:
        if not self._waits:
            return self._writer.text(text)
        if text:
            self.held.add_words(text)
        return []

    @property
    def _waits(self) -> bool:
        terms = self._terms
        return terms.promised or terms.holds_json or not self._first or bool(self.held)

    # Calls --------------------------------------------------------------------------------------

    def _block(self, block: Block) -> list[ChatCompletionChunk]:
        if self._terms.refuses:
            self.refused = True
            return []
        self.cut = self.cut or block.cut
        self._begun = block.begun
        self._figures.malformed += sum(isinstance(call, Malformed) for call in block.calls)
        self.held.add_calls(*block.calls)
        if self.held.doubtful or self.held.written < self._terms.expected.hold:
            return []
        return self.leave()

    def _call_start(self, name: str) -> list[ChatCompletionChunk]:
        if self.held.doubtful:
            self._gathered = (name, [])
            return []
        chunks = self.leave(calling=True)
        if self.stopped:
            return chunks
        self._figures.calls += 1
        return chunks + self._writer.call_start(name)

    def _call_arguments(self, json: str) -> list[ChatCompletionChunk]:
        if self._gathered is not None:
            self._gathered[1].append(json)
            return []
        return self._writer.call_arguments(json)

    def _call_end(self, fault: Fault | None, *, whole: bool) -> None:
        self.cut = self.cut or not (whole or fault)
        if self._gathered is None:
            self.broken = fault is not None
        elif whole or fault:
            name, json = self._gathered[0], "".join(self._gathered[1])
            unread = fault and Malformed(f"{name} {json}", fault, name)  # as far as it was read
            self.held.add_calls(unread or Call(name, json))
        self._gathered = None

    # What was held ------------------------------------------------------------------------------

    def leave(self, *, faulty: bool = True, calling: bool = False) -> list[ChatCompletionChunk]:
        """What is held goes out, words before calls; calls with a fault only if ``faulty``.

        ``calling``: one more call is about to follow.
        """
        unusable = self.held.unusable and faulty
        texts, calls = self.held.take(faulty=faulty)
        if unusable and not (calls or self._writer.said or "".join(texts).strip()):
            texts = [UNUSABLE]
        chunks = self._words([self.fence] if self.fence else texts, calling=calling or bool(calls))
        if self.stopped:
            return chunks
        for call in calls[:1] if self._terms.expected.first_only else calls:
            self._figures.calls += 1
            self._figures.repairs += call.repaired
            self._figures.near_misses += call.near_miss
            chunks += self._writer.call_start(call.name)
            chunks += self._writer.call_arguments(call.arguments)
        return chunks

    def leave_begun(self) -> list[ChatCompletionChunk]:
        """A call that was held and cut goes out as what no client can take for a whole one.

        An agent has to learn that its call was cut. Some clients complete half a JSON text and run
        it, so nothing more than a brace leaves, and only where that is against the schema.
        """
        name = self._begun
        expected = self._terms.expected
        if name is None or self.stopped or (expected.first_only and self._writer.calls):
            return []
        if not (expected.tools[name] or {}).get("required"):
            return []
        self._figures.calls += 1
        self._figures.cut_calls += 1
        return self._writer.call_start(name) + self._writer.call_arguments("{")

    def _words(self, texts: list[str], *, calling: bool) -> list[ChatCompletionChunk]:
        if self._writer.calls or (calling and self.wants_json):
            # Behind a call that has left, words can only be an unreadable one; around a call they
            # are no JSON, which is all that such content may be.
            return []
        if self._writer.said and not self._first:
            # What has left is not said again by a later attempt; before its calls, it was enough.
            texts = [] if calling else [*map(self._writer.unsaid, texts[:1]), *texts[1:]]
        chunks: list[ChatCompletionChunk] = []
        for text in texts:
            if self._writer.said and text.strip():
                chunks += self._writer.separate() + self._writer.text(text.lstrip("\n"))
            elif not self._writer.said:
                chunks += self._writer.text(text)
        return chunks
