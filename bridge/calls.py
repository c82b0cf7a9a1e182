"""One call object, read as it is written: ``{"name": …, "arguments": {…}}``.

The names of the two keys vary from model to model; each alias is understood, two for the same
thing are not. Members beside the name are the arguments where there are no others and the schema
lists them; what a call may have beside those (an id, a type) is passed over. Nothing that may have
been meant for an argument is lost: it is a fault. Arguments come out as clean JSON while they are
read.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from bridge import json_grammar as grammar
from bridge.json_grammar import JsonFault, unescaped
from bridge.json_stream import ArgumentsWriter
from bridge.json_tokens import JsonTokens
from bridge.parts import Fault
from bridge.schema_paths import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bridge.json_grammar import Token
    from bridge.schema_paths import Place

    Schema = Mapping[str, Any] | None
    Tools = Mapping[str, Schema]
    """The tools that may be called: name → parameters' schema."""

NAME_KEYS = frozenset({"name", "function", "tool", "tool_name", "function_name"})
ARGUMENT_KEYS = frozenset(
    {"arguments", "parameters", "args", "input", "params", "kwargs", "tool_input", "tool_args"}
)
BESIDE_KEYS = frozenset({"type", "id", "call_id", "tool_call_id", "index"})
"""What vendors' calls have beside their name and arguments."""

CALL_TYPES = frozenset({"function", "function_call", "tool", "tool_call", "tool_use", "call"})
"""What ``type`` says of a call."""

NAME: Final = "name"
ARGUMENTS: Final = "arguments"
SKIPPED: Final = "skipped"
OTHER: Final = "other"
_SLOTS = dict.fromkeys(NAME_KEYS, NAME) | dict.fromkeys(ARGUMENT_KEYS, ARGUMENTS)
_VALUE_ENDS = frozenset({grammar.END_OBJECT, grammar.END_ARRAY, grammar.END_STRING, grammar.SCALAR})
_STEPS: Final = {grammar.OBJECT: 1, grammar.ARRAY: 1, grammar.END_OBJECT: -1, grammar.END_ARRAY: -1}
_PREFIXES = ("functions.", "function.", "default_api.", "tools.")
_SEPARATORS = re.compile(r"[\W_]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def resolve(name: str, tools: Tools) -> str | None:
    """The offered tool that a model means: by its name, else by the only one spelled alike."""
    if name in tools:
        return name
    wanted = _plain(name)
    alike = [tool for tool in tools if _plain(tool) == wanted]
    return alike[0] if len(alike) == 1 else None


def _plain(name: str) -> str:
    """Without separators, case and the namespaces that vendors put before a name."""
    name = name.strip()
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return _SEPARATORS.sub("", name.lower())


def of_object(schema: Schema) -> Mapping[str, Any]:
    """The schema of a tool's parameters, which are an object whether it says so or not."""
    return {**(schema or {}), "type": "object"}


def escaped(text: str) -> str:
    """Text as it stands between the quotes of a JSON string, fit for UTF-8."""
    body = json.dumps(text, ensure_ascii=False)[1:-1]
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", body)


def _stands_beside(key: str, value: Sequence[Token]) -> bool:
    """Whether it is what vendors' calls have beside their name; a ``type`` has to be a call's."""
    if key not in BESIDE_KEYS:
        return False
    text = "".join(text for kind, text in value if kind == grammar.FRAGMENT)
    return key != "type" or not _is_whole(value) or text in CALL_TYPES


def _is_whole(value: Sequence[Token]) -> bool:
    return bool(value) and value[-1][0] in _VALUE_ENDS


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
        self._others: list[tuple[str, list[Token]]] = []
        """The members that are neither name nor arguments, with the tokens of their values."""
        self._flat = self._bare_taken = False
        self.taken = 0
        self.is_object = False
        """Whether the arguments are an object: only then may they stream."""
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
    def is_bare(self) -> bool:
        """Whether the whole object was taken for the arguments of the expected tool."""
        return self._bare_taken

    @property
    def is_flat(self) -> bool:
        """Whether the members beside the name were taken for the arguments."""
        return self._flat

    @property
    def others(self) -> list[str]:
        """The members so far that are neither name nor arguments, nor what stands beside those."""
        return [key for key, value in self._others if not _stands_beside(key, value)]

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
            self._others.append((key, []))
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
            self._others[-1][1].append(token)
        self._nesting += _STEPS.get(kind, 0)
        if not self._nesting and kind in _VALUE_ENDS:
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
        members = [
            (key, value)
            for key, value in self._others
            if place.lists(key) and not (key == "type" and _stands_beside(key, value))
        ]
        if not members or self._strays(place):
            return
        tokens: list[Token] = [(grammar.OBJECT, "{")]
        for key, value in members:
            tokens += [(grammar.KEY, escaped(key)), *value]
        self.is_object = self._flat = True
        self._write([*tokens, (grammar.END_OBJECT, "}")])

    def _strays(self, place: Place) -> list[str]:
        """Members that would be lost, although they may have been meant for arguments."""
        if self._flat:
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
        self._bare_taken = True
        self.name = self.tool = self._named
        self._writer, self._bare = writer, None
        self._keys, self._waiting, self._others = [], [], []
        self._out = ["".join(self._bare_out)]
        self._bare_out = []
        self.is_object = True
