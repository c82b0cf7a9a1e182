"""The calls of a block on their way out: held all together, or streaming one by one.

Calls are held until the block is over. When one is written that makes the block longer than the
hold limit, the calls before it leave, and it streams from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from bridge.dialects.shown import Shown, shown
from bridge.parts import ECHO, Block, Call, CallArguments, CallEnd, CallStart, Fault, Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.calls import CallReader
    from bridge.dialects.expected import Expected
    from bridge.parts import Part


class Batch:
    """The calls of one block; ``leave`` gives the parts that may leave by now.

    ``held`` counts the characters of the block that are held. ``good``: there was a call to an
    offered tool. ``spoiled``: a call broke after it had begun to stream, or one too many was begun.
    """

    def __init__(self, expected: Expected, key: str) -> None:
        self._expected = expected
        self._key = key
        self._shown = Shown(key, json=True)
        self._written: list[str] = []
        self._calls: list[Call | Malformed] = []
        self._parts: list[Part] = []
        self.held = 0
        self.streaming = False
        self.good = False
        self.spoiled = False

    def leave(self) -> list[Part]:
        """What leaves."""
        parts, self._parts = self._parts, []
        return parts

    def write(self, text: str) -> None:
        """The next characters of the block, as the model wrote them."""
        if text and not self.streaming:
            self._written.append(text)
            self.held += len(text)

    def stream(self, reader: CallReader) -> None:
        """Let go what may leave of the call being read."""
        if not self.streaming and reader.tool is not None and self._may_stream(reader, reader.tool):
            self.release()
            self._written.clear()
            self._parts.append(CallStart(reader.tool))
            self.streaming = self.good = True
        if self.streaming:
            self._put(self._shown.feed(reader.take()))

    def end(self, reader: CallReader) -> bool:
        """The call is whole, with all that belongs to it. Gives whether it is good as it is."""
        reader.finish()
        arguments = self._shown.feed(reader.take()) + self._shown.close()
        if self.streaming:
            meant = reader.meant()
            self._put(arguments)
            self._end_stream(meant if isinstance(meant, Fault) else None)
            return not self.spoiled
        call = self._checked(reader, arguments or "{}")
        self._calls.append(call)
        self.good = self.good or isinstance(call, Call)
        return call.fault is None

    def break_off(self, reader: CallReader, fault: Fault) -> None:
        """The call that streams turned out to be unreadable."""
        self._put(self._shown.feed(reader.take()))
        self._end_stream(fault)

    def add(self, calls: Sequence[Call]) -> bool:
        """Calls that were read by others out of what was written; gives whether there are any."""
        written = self._take_written() if calls else ""
        self._calls += [replace(call, raw=written) for call in calls[:1]]
        self._calls += [replace(call, raw="") for call in calls[1:]]
        self.good = self.good or bool(calls)
        return bool(calls)

    def add_malformed(self, fault: Fault, name: str | None = None) -> None:
        """What was written since the last call cannot be understood."""
        self._calls.append(Malformed(self._take_written(), fault, name))

    def close(self, *, cut: bool = False) -> None:
        """The block is over; what closes it belongs to the text of its last call.

        ``cut``: what was to follow is one call too many.
        """
        self.spoiled = self.spoiled or cut
        tail = self._take_written()
        if self._calls:
            self._calls[-1] = replace(self._calls[-1], raw=self._calls[-1].raw + tail)
        self.release(cut=cut)

    def cut(self, reader: CallReader | None) -> None:
        """The reply ended inside the block."""
        if self.streaming and reader is not None:
            self._put(self._shown.feed(reader.take()))
            self._parts.append(CallEnd(whole=False))
        else:
            self.release(cut=True, begun=reader.tool if reader is not None else None)

    def release(self, *, cut: bool = False, begun: str | None = None) -> None:
        """Let the calls go that are held."""
        if self._calls or cut:
            self._parts.append(Block(tuple(self._calls), cut, begun))
        self._calls = []
        self.held = 0

    def _may_stream(self, reader: CallReader, tool: str) -> bool:
        return (
            self.held >= self._expected.hold
            and reader.is_object
            and tool not in self._expected.strict
            and not self._expected.echoes.marked
            and all(isinstance(call, Call) and call.fault is None for call in self._calls)
        )

    def _put(self, arguments: str) -> None:
        if arguments:
            self._parts.append(CallArguments(arguments))

    def _end_stream(self, fault: Fault | None) -> None:
        self._parts.append(CallEnd(whole=fault is None, fault=fault))
        self.streaming, self.spoiled = False, fault is not None

    def _checked(self, reader: CallReader, arguments: str) -> Call | Malformed:
        raw, meant = self._take_written(), reader.meant()
        if isinstance(meant, Fault):
            return Malformed(raw, meant, reader.name)
        if not arguments.startswith("{"):
            fault = Fault("shape", f'The arguments of "{meant}" must be a JSON object.')
            return Malformed(raw, fault, reader.name)
        if self._expected.echoes.hold_block(meant, arguments):
            return Malformed(raw, ECHO, meant)
        schema = self._expected.tools[meant]
        fault_found = self._expected.checks.fault_of(arguments, schema)
        return Call(meant, arguments, raw, fault_found, repaired=reader.repaired)

    def _take_written(self) -> str:
        text, self._written = "".join(self._written), []
        return shown(text, self._key)
