"""A tolerant, incremental JSON tokenizer: what a model writes in, clean tokens out.

Two things are known at any time: what the grammar expects next, and which reader has the next
character: between tokens, in a string, in a word, in a comment. A reader takes what it can in one
regex match and says where it stopped. Nothing is read twice, and any split of a text gives the
same tokens (``FRAGMENT`` may come in more pieces).

Mended, because it can mean one thing only: control characters in strings, trailing commas, single
quotes, Python's literals, unquoted identifier keys, comments, escapes that JSON does not know, odd
white space. Everything else (inner quotes, missing commas, bare words, NaN, a cut string, a key
that stands twice, backslashes with two readings) is a ``JsonFault``: a guess could change the
meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bridge import json_grammar as grammar
from bridge import json_lexemes as lexemes
from bridge.json_backslashes import AMBIGUOUS
from bridge.json_grammar import JsonFault, Kind, Token
from bridge.json_strings import StringBody

__all__ = ["JsonFault", "JsonTokens", "Token"]

_Reader = Callable[["JsonTokens", str, int], int]


class JsonTokens:
    """Reads one JSON value. ``done`` once it is whole; after a ``JsonFault`` it is spent."""

    def __init__(self) -> None:
        self.done = False
        self._read: _Reader | None = None
        """Who has the next character; None between tokens, where the character tells."""
        self._nesting = grammar.Nesting()
        self._tokens: list[Token] = []
        self._string = StringBody()
        self._comment = lexemes.Comment("")
        self._word: list[str] = []
        self._is_key = False
        self._after_string = False
        self._mended = False
        self._locator = grammar.Locator()

    @property
    def depth(self) -> int:
        """How many brackets are open."""
        return self._nesting.depth

    @property
    def in_string(self) -> bool:
        """Whether the next character belongs to a string or a grammar.quoted key."""
        return self._read is JsonTokens._in_string

    @property
    def repaired(self) -> bool:
        """Whether anything was mended: the input so far is no JSON as it stands."""
        return self._mended or self._string.repaired

    def feed(self, text: str, start: int = 0) -> tuple[list[Token], int]:
        """Read ``text`` from ``start`` until it is used up or the value is whole.

        Gives the tokens and the index of the first character not taken; raises ``JsonFault``.
        """
        self._tokens = []
        self._locator.begin(start)
        index, end = start, len(text)
        try:
            while index < end and not self.done:
                reader = self._read or _READERS.get(text[index], JsonTokens._start_word)
                index = reader(self, text, index)
        except JsonFault as fault:
            fault.tokens = tuple(self._tokens)
            raise
        if self._read is JsonTokens._in_string and not self._is_key:
            self._put_fragment()
        self._locator.leave(text, index)
        return self._tokens, index

    def close(self) -> list[Token]:
        """Say that the input has ended; raises ``JsonFault`` when the value is not whole."""
        self._tokens = []
        if self._read is JsonTokens._in_word and not self.depth:
            self._end_word("", 0)
        if not self.done:
            raise self._cut()
        return self._tokens

    def close_open(self) -> list[Token]:
        """Close every open bracket, as if the model had; the value is whole then.

        Only where a closing bracket may stand: never inside a string or a block comment, after a
        key or after a comma. Raises ``JsonFault`` there.
        """
        self._tokens = []
        if self._read is JsonTokens._in_word and not self._is_key:
            self._end_word("", 0)
        if self.done:
            return self._tokens
        resting = self._read is None or (
            self._read is JsonTokens._in_comment and self._comment.may_end
        )
        if not resting or self._nesting.trailing or not self._nesting.closing:
            raise self._cut()
        self._mended = True
        while bracket := self._nesting.closing:
            self._close_bracket(bracket)
        return self._tokens

    # Readers: each takes the text and an index inside it, and gives the index where it stopped.

    def _space(self, text: str, index: int) -> int:
        return lexemes.past_space(text, index)

    def _open_bracket(self, text: str, index: int) -> int:
        self._start_value(text, index)
        bracket: Kind = grammar.OBJECT if text[index] == grammar.OBJECT else grammar.ARRAY
        if not self._nesting.open(bracket):
            raise self._locator.fault(f"More than {grammar.MAX_DEPTH} nested brackets", text, index)
        self._tokens.append((bracket, ""))
        return index + 1

    def _end_bracket(self, text: str, index: int) -> int:
        bracket = self._nesting.closing
        if bracket != text[index]:
            raise self._unexpected(text, index)
        self._mended = self._mended or self._nesting.trailing
        self._close_bracket(bracket)
        return index + 1

    def _separator(self, text: str, index: int) -> int:
        if not self._nesting.separate(text[index]):
            raise self._unexpected(text, index)
        return lexemes.past_space(text, index + 1)

    def _start_string(self, text: str, index: int) -> int:
        self._is_key = self._nesting.wants_key
        if self._is_key:
            if member := lexemes.whole_member(text, index):
                self._end_key(member[1], text, member.end(1))
                self._nesting.separate(":")
                return member.end()
        else:
            self._start_value(text, index)
            self._tokens.append((grammar.STRING, ""))
            if string := lexemes.whole_string(text, index):
                if string[1]:
                    self._tokens.append((grammar.FRAGMENT, string[1]))
                self._end_string()
                return string.end()
        self._string.open(text[index])
        self._read = JsonTokens._in_string
        return self._in_string(text, index + 1)

    def _in_string(self, text: str, index: int) -> int:
        index = self._string.take(text, index)
        if self._string.closed:
            if self._string.ambiguous:
                if not self._is_key:
                    self._put_fragment()
                raise self._locator.fault(AMBIGUOUS, text, index - 1)
            if self._is_key:
                self._end_key(self._string.taken(), text, index - 1)
            else:
                self._put_fragment()
                self._end_string()
        return index

    def _start_word(self, text: str, index: int) -> int:
        past = lexemes.past_odd_space(text, index)
        if past > index:
            self._mended = True
            return past
        self._is_key = self._nesting.wants_key
        if not self._is_key:
            self._start_value(text, index)
            if scalar := lexemes.whole_scalar(text, index):
                self._tokens.append((grammar.SCALAR, scalar.group()))
                self._end_value()
                return scalar.end()
        self._read = JsonTokens._in_word
        return self._in_word(text, index)

    def _in_word(self, text: str, index: int) -> int:
        end = lexemes.past_word(text, index)
        self._word.append(text[index:end])
        if end < len(text):
            self._end_word(text, end)
        return end

    def _start_comment(self, text: str, index: int) -> int:
        self._mended = True
        self._comment = lexemes.Comment(text[index])
        self._read = JsonTokens._in_comment
        return index + 1

    def _in_comment(self, text: str, index: int) -> int:
        past = self._comment.take(text, index)
        if past == index:
            raise self._unexpected(text, index)
        if self._comment.closed:
            self._read = None
        return past

    # What the readers have in common.

    def _start_value(self, text: str, index: int) -> None:
        if not self._nesting.start_value():
            raise self._unexpected(text, index)

    def _end_value(self, *, string: bool = False) -> None:
        self._after_string = string
        self._read = None
        self.done = self._nesting.expect is grammar.Expect.END

    def _end_string(self) -> None:
        self._tokens.append((grammar.END_STRING, ""))
        self._end_value(string=True)

    def _close_bracket(self, bracket: Kind) -> None:
        self._nesting.close()
        self._tokens.append((bracket, ""))
        self._end_value()

    def _end_key(self, key: str, text: str, index: int) -> None:
        name = grammar.unescaped(key)
        if not self._nesting.add_key(name):
            message = f"The key {grammar.quoted(name)} stands twice in one object"
            raise self._locator.fault(message, text, index)
        self._tokens.append((grammar.KEY, key))
        self._read = None

    def _end_word(self, text: str, index: int) -> None:
        word = "".join(self._word)
        self._word.clear()
        value = lexemes.word_as_key(word) if self._is_key else lexemes.word_as_scalar(word)
        if value is None:
            what = "key" if self._is_key else "JSON value"
            raise self._locator.fault(f"{grammar.quoted(word)} is no {what}", text, index)
        if self._is_key:
            self._mended = True
            self._end_key(value, text, index)
        else:
            self._mended = self._mended or value != word
            self._tokens.append((grammar.SCALAR, value))
            self._end_value()

    def _put_fragment(self) -> None:
        if clean := self._string.taken():
            self._tokens.append((grammar.FRAGMENT, clean))

    def _unexpected(self, text: str, index: int) -> JsonFault:
        message = f"Expected {self._nesting.expect}"
        if self._after_string and self._nesting.after_value:
            message += ' (a double quote inside a string must be written \\")'
        return self._locator.fault(message, text, index)

    def _cut(self) -> JsonFault:
        place = "inside a string" if self.in_string else f"where {self._nesting.expect} is due"
        return self._locator.fault(f"The JSON ends too early, {place},", "", 0)


_READERS: Final[dict[str, _Reader]] = {
    **dict.fromkeys(" \t\n\r", JsonTokens._space),
    **dict.fromkeys("{[", JsonTokens._open_bracket),
    **dict.fromkeys("}]", JsonTokens._end_bracket),
    **dict.fromkeys("\"'", JsonTokens._start_string),
    **dict.fromkeys("/#", JsonTokens._start_comment),
    **dict.fromkeys(",:", JsonTokens._separator),
}
