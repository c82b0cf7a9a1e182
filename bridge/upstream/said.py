"""What one event of an upstream's reply says, and calls that come in bits of several events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bridge.turns import UpstreamCall

if TYPE_CHECKING:
    from bridge.turns import TokenCounts, UpstreamFinish


class CallBit(msgspec.Struct, frozen=True):
    """A bit of a call: ``index`` or ``id`` tell to which it belongs, where the server says so."""

    index: int | None = None
    id: str = ""
    name: str = ""
    arguments: str = ""


class Said(msgspec.Struct, frozen=True):
    """What one event says. ``whole``: it tells all of the reply, again if it was told before."""

    text: str = ""
    finish: UpstreamFinish | None = None
    counts: TokenCounts | None = None
    thinking: str = ""
    calls: tuple[CallBit, ...] = ()
    whole: bool = False


NOTHING = Said()


class CallGatherer:
    """Joins the bits of calls; ``calls`` in the order in which they began.

    Servers give every call the index 0, or none; send ids that are empty, or with each bit; repeat
    the name with each bit, or send it in bits, too.
    """

    def __init__(self) -> None:
        self._begun: list[CallBit] = []
        self._arguments: list[list[str]] = []

    @property
    def calls(self) -> tuple[UpstreamCall, ...]:
        """Those that have come so far."""
        return tuple(
            UpstreamCall(begun.name, "".join(arguments))
            for begun, arguments in zip(self._begun, self._arguments, strict=True)
        )

    def add(self, bit: CallBit) -> None:
        """The next bit."""
        place = self._place(bit)
        if place is None:
            self._begun.append(bit)
            self._arguments.append([bit.arguments])
            return
        begun = self._begun[place]
        if bit.name != begun.name:
            self._begun[place] = msgspec.structs.replace(begun, name=begun.name + bit.name)
        self._arguments[place].append(bit.arguments)

    def _place(self, bit: CallBit) -> int | None:
        """Which call a bit belongs to; None when it begins one."""
        for place in reversed(range(len(self._begun))):
            begun = self._begun[place]
            if bit.index is not None and begun.index is not None and bit.index != begun.index:
                continue
            if bit.id and begun.id and bit.id != begun.id:
                continue
            # A name behind arguments, where nothing tells the calls apart, is the next one's.
            unnumbered = bit.index is None and not bit.id
            return None if unnumbered and bit.name and any(self._arguments[place]) else place
        return None
