"""One call object, read as it is written: ``{"name": …, "arguments": {…}}``.

The names of the two keys vary from model to model; each alias is understood, two for the same
thing are not. Members beside the name are the arguments where there are no others and the schema
lists them; what a call may have beside those (an id, a type) is passed over. Nothing that may have
been meant for an argument is lost: it is a fault. Arguments come out as clean JSON while they are
read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bridge import json_grammar as grammar
from bridge.call_members import OtherMembers, escaped
from bridge.json_grammar import JsonFault, unescaped
from bridge.json_stream import ArgumentsWriter
from bridge.json_tokens import JsonTokens
from bridge.parts import Fault
from bridge.schema_paths import place_of
from bridge.tool_names import resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bridge.json_grammar import Token
    from bridge.schema_paths import Place
    from bridge.tool_names import Schema, Tools

NAME_KEYS = frozenset({"name", "function", "tool", "tool_name", "function_name"})
ARGUMENT_KEYS = frozenset(
    {"arguments", "parameters", "args", "input", "params", "kwargs", "tool_input", "tool_args"}
)
NAME: Final = "name"
ARGUMENTS: Final = "arguments"
SKIPPED: Final = "skipped"
OTHER: Final = "other"
_SLOTS = dict.fromkeys(NAME_KEYS, NAME) | dict.fromkeys(ARGUMENT_KEYS, ARGUMENTS)
_STEPS: Final = {grammar.OBJECT: 1, grammar.ARRAY: 1, grammar.END_OBJECT: -1, grammar.END_ARRAY: -1}


def of_object(schema: Schema) -> Mapping[str, Any]:
    """The schema of a tool's parameters, which are an object whether it says so or not."""
    return {**(schema or {}), "type": "object"}


class CallReader:
    """Reads one call object. ``feed`` until ``done``; ``take`` gives arguments as they come.

    ``feed`` and ``close_open`` raise ``JsonFault``. ``taken`` counts the characters read, ``name``
    is what the model wrote, ``tool`` the offered tool that it means. ``named`` is the one expected
    tool, if there is one: an object without a name is then taken for its arguments.
    """

    def __init__(self, tools: Tools, *, named: str | None = None) -> None:
        self._tools = tools
        self._tokens = JsonTokens()
        self._slot: str | None = None
        self._nesting = 0
        self._keys: list[str] = []
        self._spelled: list[str] = []
        self._waiting: list[Token] = []
        self._writer: ArgumentsWriter | None = None
        self._out: list[str] = []
        self._named = named
        self._bare = ArgumentsWriter(of_object(tools[named])) if named is not None else None
        self._bare_out: list[str] = []
        self._others = OtherMembers()
        self.taken = 0
        self.is_object = False
        """Whether the arguments are an object: only then may they stream."""
        self.is_bare = False
        """Whether the whole object was taken for the arguments of the expected tool."""
        self.is_flat = False
        """Whether the members beside the name were taken for the arguments."""
        self.name: str | None = None
        self.tool: str | None = None

    @property
    def done(self) -> bool:
        """Whether the object is whole."""
        return self._tokens.done

    @property
    def in_string(self) -> bool:
        """Whether the next character belongs to a string."""
        return self._tokens.in_string

    @property
    def repaired(self) -> bool:
        """Whether anything had to be mended or coerced."""
        return self._tokens.repaired or (self._writer is not None and self._writer.repaired)

    @property
    def has_arguments(self) -> bool:
        """Whether a member holds the arguments."""
        return any(_SLOTS.get(key) == ARGUMENTS for key in self._keys)

    @property
    def others(self) -> list[str]:
        """The members so far that are neither name nor arguments, nor what stands beside those."""
        return self._others.names

    def feed(self, text: str) -> int:
        """Read on; gives the index of the first character not taken."""
        try:
            tokens, end = self._tokens.feed(text)
        except JsonFault as fault:
            self._read(fault.tokens)
            raise
        self._read(tokens)
        self.taken += end
        return end

    def close_open(self) -> None:
        """Close what the model left open, where the grammar allows it."""
        self._read(self._tokens.close_open())

    def take(self) -> str:
        """The arguments' JSON text since the last ``take``.

        The last brace waits for ``finish``, since raw parameters may follow the object.
        """
        text = "".join(self._out)
        self._out.clear()
        return text

    def finish(self) -> None:
        """Nothing more belongs to this call."""
        if self._writer is not None:
            self._out.append(self._writer.finish())

    def begin_parameter(self, name: str) -> Fault | None:
        """A parameter follows the object as it is; gives what is wrong with that."""
        if self._writer is None:
            return None  # there is no such tool
        if self._writer.has(name):
            return Fault("shape", f'The parameter "{name}" stands twice.')
        if not self.is_object and (text := self.take()):
            return Fault("shape", f"The arguments must be a JSON object, not {text[:40]}.")
        self._out.append(self._writer.begin_text(name))
        self.is_object = True
        return None

    def parameter_text(self, text: str) -> None:
        """The next characters of the parameter."""
        self._out.append(escaped(text))

    def end_parameter(self) -> None:
        """The parameter is whole."""
        self._out.append('"')

    def meant(self) -> str | Fault:
        """The offered tool that a whole object calls, or what keeps it from being a call."""
        for slot in (NAME, ARGUMENTS):
            if sum(_SLOTS.get(key) == slot for key in self._keys) > 1:
                return Fault("shape", f"The call has its {slot} twice.")
        if self.tool is not None:
            return self._stray(self.tool) or self.tool
        if self.name is None:
            return Fault("shape", 'The call has no "name".')
        return Fault("name", f'There is no tool named "{self.name}".')

    def _read(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            if self._bare is not None:
                self._bare_out.append(self._bare.write([token]))
            if self._slot is not None:
                self._value(token)
            elif token[0] == grammar.KEY:
                self._begin_value(unescaped(token[1]))
        if not self.done:
            return
        if self._bare is not None and self._is_bare:
            self._take_for_arguments(self._bare)
        elif self.tool is not None and not self.has_arguments:
            self._take_others(of_object(self._tools[self.tool]))

    def _begin_value(self, key: str) -> None:
        slot = _SLOTS.get(key, OTHER)
        if slot == ARGUMENTS and any(_SLOTS.get(seen) == ARGUMENTS for seen in self._keys):
            slot = SKIPPED  # a fault; what is written already stays as it is
        elif slot == OTHER:
            self._others.begin(key)
        self._keys.append(key)
        self._slot = slot

    def _value(self, token: Token) -> None:
        kind, text = token
        if self._slot == NAME and not self._nesting:
            if kind == grammar.OBJECT:
                # {"function": {"name": …, "arguments": …}}: the call is one level down.
                self._slot = None
                self._keys.pop()
                return
            if kind == grammar.FRAGMENT and self.name is None:
                self._spelled.append(text)
        elif self._slot == ARGUMENTS:
            self._argument(token)
        elif self._slot == OTHER:
            self._others.add(token)
        self._nesting += _STEPS.get(kind, 0)
        if not self._nesting and kind in grammar.VALUE_ENDS:
            if self._slot == NAME and kind == grammar.END_STRING and self.name is None:
                self._take_name(unescaped("".join(self._spelled)))
            self._slot = None

    def _argument(self, token: Token) -> None:
        if not self._nesting:
            self.is_object = token[0] == grammar.OBJECT
        if self.name is None:
            self._waiting.append(token)
        else:
            self._write([token])

    def _take_name(self, name: str) -> None:
        self.name = name
        self.tool = resolve(name, self._tools)
        self._write(self._waiting)
        self._waiting = []

    def _write(self, tokens: Iterable[Token]) -> None:
        if self.tool is None:
            return
        if self._writer is None:
            self._writer = ArgumentsWriter(of_object(self._tools[self.tool]))
        if text := self._writer.write(tokens):
            self._out.append(text)

    @property
    def _is_bare(self) -> bool:
        """Whether the whole object is the arguments of the one tool that is expected.

        It has no name, or what looks like one is a parameter of that tool.
        """
        if self.tool is not None or self._named is None:
            return False
        place = place_of(of_object(self._tools[self._named]))
        named = [key for key in self._keys if _SLOTS.get(key) in (NAME, ARGUMENTS)]
        return not any(_SLOTS[key] == NAME for key in named) or all(map(place.lists, named))

    def _take_others(self, schema: Mapping[str, Any]) -> None:
        """The members beside the name are the arguments, if they are all parameters."""
        place = place_of(schema)
        if self._strays(place) or not (tokens := self._others.as_arguments(place)):
            return
        self.is_object = self.is_flat = True
        self._write(tokens)

    def _strays(self, place: Place) -> list[str]:
        """Members that would be lost, although they may have been meant for arguments."""
        if self.is_flat:
            return []
        if self.has_arguments:
            writer = self._writer
            return [
                key
                for key in self.others
                if place.lists(key) and not (writer is not None and writer.has(key))
            ]
        return [key for key in self.others if not place.lists(key)]

    def _stray(self, tool: str) -> Fault | None:
        strays = self.others and self._strays(place_of(of_object(self._tools[tool])))
        if not strays:
            return None
        return Fault("shape", f'"{strays[0]}" must stand in the "arguments", not beside the name.')

    def _take_for_arguments(self, writer: ArgumentsWriter) -> None:
        """The whole object is the arguments of the one tool that was expected."""
        self.is_bare = True
        self.name = self.tool = self._named
        self._writer, self._bare = writer, None
        self._keys, self._waiting, self._others = [], [], OtherMembers()
        self._out = ["".join(self._bare_out)]
        self._bare_out = []
        self.is_object = True
