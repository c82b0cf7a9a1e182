"""Clean JSON out of tolerant tokens, its values led to their schema where nothing is lost.

Output is compact (no white space between tokens): fewer bytes in every delta. Strings keep their
escapes, numbers their spelling, objects their order.

A value is coerced only where the schema at its place forbids what was written and exactly one
lossless reading is left:

    written                    the schema wants           becomes
    "5"  "1.5"  "1.0"  1.0     an integer or a number     5  1.5  1  1
    "true"  "False"            a boolean                  true  false
    "null"  "None"             null                       null
    "Celsius"                  "celsius" or "kelvin"      "celsius"
    5  true                    a string and nothing else  "5"  "true"
    5  true  "a"               an array of such           [5]  [true]  ["a"]
    "{…}"  "[…]" (JSON text)   an object, an array        {…}  […]
    null  ""                   the whole to be an object  {}
    "a": null  "a": "None"     no null, and a is optional (left out)
    (left out)                 a, which has a default     "a": the default
    (left out)                 a, which may be null       "a": null

JSON text in a string is unwrapped once: strings inside it are not unwrapped again, so no text is
read more than twice. A list in words ("1,2,3") and a lone object for an array of objects stay
what they are. A string is held to its end where no string or only a few may stand, and a key until
its value begins; all else streams at once. What members are left out shows when an object closes,
so they are its last ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.coercion import NOTHING, choice_at, scalar_at, string_at, type_of
from bridge.json_grammar import (
    ARRAY,
    END_ARRAY,
    END_OBJECT,
    END_STRING,
    FRAGMENT,
    KEY,
    OBJECT,
    SCALAR,
    JsonFault,
    Kind,
    Token,
    unescaped,
)
from bridge.json_tokens import JsonTokens
from bridge.schema_alternatives import json_of
from bridge.schema_paths import Place, place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.schema_alternatives import Schema

MAX_ADDED = 64 * 1024
"""Characters of members that are written for those left out. Real schemas have a few defaults; a
list of a million empty objects must not become a million times their defaults."""


class _Frame:
    """An open bracket: what may stand inside, and what of it is written."""

    __slots__ = ("count", "is_object", "names", "place")

    def __init__(self, place: Place, *, is_object: bool) -> None:
        self.place = place
        self.is_object = is_object
        self.count = 0
        self.names: set[str] = set()

    def lead(self, key: str, name: str) -> str:
        """What stands before the next value: its comma and its key."""
        comma = "," if self.count else ""
        self.count += 1
        if not self.is_object:
            return comma
        self.names.add(name)
        return f'{comma}"{key}":'


class ArgumentsWriter:
    """Writes one value. ``repaired`` once anything was coerced. Takes any tokens, never raises.

    The last brace of an object waits for ``finish``, since members may follow that are no tokens.
    """

    def __init__(self, schema: Schema | Place | None = None, *, unwrapped: bool = False) -> None:
        """``unwrapped``: the value comes out of a string, so nothing in it is unwrapped again."""
        self.repaired = False
        self._whole = self._place = schema if isinstance(schema, Place) else place_of(schema)
        self._unwrapped = unwrapped
        self._frames: list[_Frame] = []
        self._outermost: _Frame | None = None
        self._begun = False
        self._key = self._name = ""
        self._held: list[str] | None = None
        self._room = MAX_ADDED

    def write(self, tokens: Iterable[Token]) -> str:
        """Take the value's next tokens, give the JSON text that is certain by now."""
        out: list[str] = []
        for kind, text in tokens:
            if kind == FRAGMENT:
                (out if self._held is None else self._held).append(text)
            elif kind == KEY:
                self._key, self._name = text, unescaped(text)
                self._place = self._frames[-1].place.member(self._name)
            elif kind == END_STRING:
                out.append('"' if self._held is None else self._end_held("".join(self._held)))
            elif kind == END_OBJECT:
                frame = self._frames.pop()
                out.append(self._lacking(frame) + kind if self._frames else "")
            elif kind == END_ARRAY:
                self._frames.pop()
                out.append(kind)
            else:
                out.append(self._start_value(kind, text))
        return "".join(out)

    def has(self, name: str) -> bool:
        """Whether the outermost object has this member."""
        return self._outermost is not None and name in self._outermost.names

    def begin_text(self, name: str) -> str:
        """What stands before the text of one more member, behind all tokens."""
        frame, opening = self._open_outermost()
        return f'{opening}{frame.lead(name, name)}"'

    def finish(self) -> str:
        """The value is whole: what is left to write of it."""
        if self._outermost is None and (self._begun or not self._whole.allows("object")):
            return ""
        frame, opening = self._open_outermost()
        return opening + self._lacking(frame) + END_OBJECT

    def _open_outermost(self) -> tuple[_Frame, str]:
        """The object that is the whole value, and the brace to write if it is not there yet."""
        if self._outermost is not None:
            return self._outermost, ""
        self._begun = True
        self._outermost = _Frame(self._whole, is_object=True)
        return self._outermost, OBJECT

    def _start_value(self, kind: Kind, text: str) -> str:
        frame = self._frames[-1] if self._frames else None
        place = self._place
        if frame is not None and not frame.is_object:
            place = self._place = frame.place.item(frame.count)
        if kind in (OBJECT, ARRAY):
            lead = self._lead()
            self._frames.append(_Frame(place, is_object=kind == OBJECT))
            if frame is None and kind == OBJECT:
                self._outermost = self._frames[0]
            return lead + kind
        if kind == SCALAR:
            return self._scalar(place, text)
        if place.allows("string") and place.strings is None:
            return self._lead() + '"'
        self._held = []
        return ""

    def _lead(self) -> str:
        self._begun = True
        return self._frames[-1].lead(self._key, self._name) if self._frames else ""

    def _scalar(self, place: Place, text: str) -> str:
        if place.types is None or type_of(text) in place.types:
            return self._lead() + text
        if text == "null" and self._says_nothing(place):
            return ""
        return self._coerced(scalar_at(place, text), text)

    def _end_held(self, body: str) -> str:
        self._held = None
        place, text = self._place, unescaped(body)
        reading = self._reading(place, body, text)
        if reading is None and self._is_nothing(place, text) and self._says_nothing(place):
            return ""
        return self._coerced(reading, f'"{body}"')

    def _reading(self, place: Place, body: str, text: str) -> str | None:
        """What a held string becomes, if anything."""
        if place.strings is None:
            wrapped = None if self._unwrapped else self._json_text(place, text)
            return wrapped or string_at(place, body)
        if text in place.strings:
            return None
        return choice_at(place, text) or string_at(place, body)

    def _is_nothing(self, place: Place, text: str) -> bool:
        """Whether a string is null in words; an empty one is, where it is all there is."""
        known = place.strings is not None and text in place.strings
        return text in NOTHING and not known and bool(text or not self._frames)

    def _json_text(self, place: Place, text: str) -> str | None:
        """The object or array that ``text`` is the JSON of, when the place wants one."""
        text = text.strip()
        if not place.allows({"{": "object", "[": "array"}.get(text[:1], "string")):
            return None
        inner = ArgumentsWriter(place, unwrapped=True)
        inner._room = self._room
        try:
            value, end, _ = _read(text, inner)
        except JsonFault:
            return None
        self._room = inner._room
        return value if end == len(text) else None

    def _says_nothing(self, place: Place) -> bool:
        """Whether a null that may not stand here is a member left out, or the whole left empty."""
        if not self._frames:
            left_out = not self._unwrapped and place.allows("object")
        else:
            frame = self._frames[-1]
            left_out = frame.is_object and (
                frame.place.is_optional(self._name) or self._name in frame.place.stand_ins
            )
        self.repaired = self.repaired or left_out
        return left_out

    def _lacking(self, frame: _Frame) -> str:
        """The members that an object must have, lacks, and has something to stand in for."""
        added: list[str] = []
        for name, text in frame.place.stand_ins.items():
            if name in frame.names:
                continue
            if len(name) + len(text) > self._room:
                break
            self._room -= len(name) + len(text)
            self.repaired = True
            added.append(frame.lead(_key_of(name), name) + text)
        return "".join(added)

    def _coerced(self, reading: str | None, written: str) -> str:
        if reading is None:
            return self._lead() + written
        self.repaired = True
        return self._lead() + reading


def read_value(text: str, schema: Schema | None = None) -> tuple[str, int, bool]:
    """The first JSON value in ``text``: its clean JSON, the index behind it, whether it was mended.

    Raises ``JsonFault``.
    """
    return _read(text, ArgumentsWriter(schema))


def _read(text: str, writer: ArgumentsWriter) -> tuple[str, int, bool]:
    reader = JsonTokens()
    tokens, end = reader.feed(text)
    if not reader.done:
        tokens += reader.close()
    text = writer.write(tokens) + writer.finish()
    return text, end, reader.repaired or writer.repaired


def _key_of(name: str) -> str:
    """A name as it stands between the quotes of a key."""
    return (json_of(name) or "")[1:-1]
