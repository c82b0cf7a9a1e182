from __future__ import annotations

import json
import re
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.json_grammar import FRAGMENT, MAX_DEPTH, SEEN, JsonFault, Token
from bridge.json_tokens import JsonTokens

if TYPE_CHECKING:
    from collections.abc import Callable


def joined(tokens: list[Token]) -> list[Token]:
    """The tokens with neighbouring fragments made one."""
    out: list[Token] = []
    for kind, text in tokens:
        if kind == FRAGMENT and out and out[-1][0] == FRAGMENT:
            out[-1] = (FRAGMENT, out[-1][1] + text)
        else:
            out.append((kind, text))
    return out


def read(pieces: list[str]) -> tuple[list[Token], int, bool, str]:
    """Feed the pieces: tokens, characters taken, repaired, and the fault in words ("" for none)."""
    reader = JsonTokens()
    tokens: list[Token] = []
    taken = 0
    try:
        for piece in pieces:
            read_now, index = reader.feed(piece)
            tokens += read_now
            taken += index
        if not reader.done:
            tokens += reader.close()
    except JsonFault as fault:
        return joined([*tokens, *fault.tokens]), -1, reader.repaired, str(fault)
    return joined(tokens), taken, reader.repaired, ""


def written(tokens: list[Token]) -> str:
    """The tokens as JSON text, with every comma that JSON wants."""
    out = ""
    after_value = False
    for kind, text in tokens:
        if after_value and kind in ('"', "{", "[", "key", "scalar"):
            out += ","
        out += {"key": f'"{text}":', "end": '"'}.get(kind, text or kind)
        after_value = kind in ("}", "]", "end", "scalar")
    return out


def clean(text: str) -> str:
    """The clean JSON of a whole text that can be read; its repair flag checked on the way."""
    tokens, _, _, fault = read([text])
    assert not fault
    return written(tokens)


SPLITS = st.lists(st.integers(0, 200), max_size=8)


def split(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    return [text[a:b] for a, b in pairwise(places)]


MENDED = [
    pytest.param('{"a": "x\ny\tz\x00\x1f"}', '{"a":"x\\ny\\tz\\u0000\\u001f"}', id="raw-controls"),
    pytest.param('{"a": 1, "b": [1, 2, ], }', '{"a":1,"b":[1,2]}', id="trailing-commas"),
    pytest.param("{'a': 'say \"hi\"'}", '{"a":"say \\"hi\\""}', id="single-quotes"),
    pytest.param("{'it\\'s': \"it\\'s\"}", '{"it\'s":"it\'s"}', id="escaped-single-quote"),
    pytest.param("['a\\\"b']", '["a\\"b"]', id="escaped-double-in-single"),
    pytest.param("[True, False, None]", "[true,false,null]", id="python-literals"),
    pytest.param("{name: 1, $x_2: 2, 城市: 3, True: 4}", None, id="identifier-keys"),
    pytest.param('{"a": 1, // one\n"b": 2 # two\n, /* th/r**ee */ "c": 3}', None, id="comments"),
    pytest.param(r'["\d\x41\0\-\(", "\\d"]', r'["\\d\\x41\\0\\-\\(","\\d"]', id="odd-escapes"),
    pytest.param(r'["\u12", "\u12G4", "\u"]', r'["\\u12","\\u12G4","\\u"]', id="short-unicode"),
    pytest.param('["a\\\nb"]', r'["a\\\nb"]', id="backslash-newline"),
    pytest.param('\ufeff{\u00a0"a"\u3000:\x0b1}', '{"a":1}', id="odd-space"),
    pytest.param('["\ud800"]', '["\\ud800"]', id="lone-surrogate"),
    pytest.param("{'a\nb': 1}", '{"a\\nb":1}', id="raw-newline-in-key"),
]

MENDED_TO = {
    "{name: 1, $x_2: 2, 城市: 3, True: 4}": '{"name":1,"$x_2":2,"城市":3,"True":4}',
    '{"a": 1, // one\n"b": 2 # two\n, /* th/r**ee */ "c": 3}': '{"a":1,"b":2,"c":3}',
}


@pytest.mark.parametrize(("text", "expected"), MENDED)
def test_mends_what_has_one_meaning(text, expected):
    expected = expected or MENDED_TO[text]
    for pieces in ([text], list(text)):
        tokens, taken, repaired, fault = read(pieces)
        assert (written(tokens), taken, repaired, fault) == (expected, len(text), True, "")
    json.loads(expected)


KEPT = [
    pytest.param("12345678901234567890", id="big-integer"),
    pytest.param("1.0", id="one-point-zero"),
    pytest.param("1e3", id="exponent"),
    pytest.param("-0", id="minus-zero"),
    pytest.param("-1.50E+07", id="all-parts"),
    pytest.param('"\u2028\u2029\u0085\u200f👩‍💻\u007f北京"', id="unicode"),
    pytest.param(r'"\ud83d\ude00\/\b\f\n\r\t\"\\\u00e9"', id="escapes"),
    pytest.param('{"__proto__":{"constructor":null}}', id="proto"),
    pytest.param('{"":[[],{}]}', id="empty"),
]


@pytest.mark.parametrize("text", KEPT)
def test_keeps_valid_json_as_it_stands(text):
    for pieces in ([text], list(text)):
        tokens, taken, repaired, fault = read(pieces)
        assert (written(tokens), taken, repaired, fault) == (text, len(text), False, "")


FAULTS = [
    pytest.param('{"a": "say "hi""}', "Expected ',' or '}' (a double quote inside", id="quotes"),
    pytest.param('{"a": 1 "b": 2}', "Expected ',' or '}' at character 8, near", id="no-comma"),
    pytest.param("[1 2]", "Expected ',' or ']' at character 3, near '[1 2'", id="no-comma-list"),
    pytest.param('["a" ["b"]]', "Expected ',' or ']'", id="no-comma-bracket"),
    pytest.param('{"a": {"b" 1}}', "Expected ':' after the key", id="no-colon"),
    pytest.param('{"a"::1}', "Expected a value after ':'", id="two-colons"),
    pytest.param("[1,,2]", "Expected a value after ','", id="two-commas"),
    pytest.param("[,]", "Expected a value or ']'", id="only-comma"),
    pytest.param('{,"a":1}', "Expected a key in double quotes or '}'", id="comma-first"),
    pytest.param("{:1}", "Expected a key in double quotes or '}'", id="colon-first"),
    pytest.param("}", "Expected a value at character 0", id="closer-first"),
    pytest.param("[1}", "Expected ',' or ']'", id="wrong-closer"),
    pytest.param('{"a":1]', "Expected ',' or '}'", id="wrong-closer-object"),
    pytest.param('{"a":}', "Expected a value after ':'", id="no-value"),
    pytest.param("{1: 2}", '"1" is no key', id="number-key"),
    pytest.param("{a-b: 2}", '"a-b" is no key', id="dashed-key"),
    pytest.param('{"a": NaN}', '"NaN" is no JSON value at character 9', id="nan"),
    pytest.param("[-Infinity]", '"-Infinity" is no JSON value', id="infinity"),
    pytest.param("[tru]", '"tru" is no JSON value', id="half-literal"),
    pytest.param("[hello world]", '"hello" is no JSON value', id="bare-word"),
    pytest.param("[012]", '"012" is no JSON value', id="leading-zero"),
    pytest.param("[+1]", '"+1" is no JSON value', id="plus"),
    pytest.param("[1.]", '"1." is no JSON value', id="no-fraction"),
    pytest.param("[٣]", '"٣" is no JSON value', id="arabic-digit"),
    pytest.param("[0x1f]", '"0x1f" is no JSON value', id="hex"),
    pytest.param("[“a”]", '"“a”" is no JSON value', id="full-width-quotes"),
    pytest.param("[`a`]", '"`a`" is no JSON value', id="backticks"),
    pytest.param('["""a"""]', "Expected ',' or ']' (a double", id="triple-quotes"),
    pytest.param('{"a": 1, "\\u0061": 2}', 'The key "a" stands twice', id="same-key"),
    pytest.param("{a: 1, 'a': 2}", 'The key "a" stands twice', id="same-key-bare"),
    pytest.param("[1 / 2]", "Expected ',' or ']'", id="lone-slash"),
    pytest.param('["cut', "The JSON ends too early, inside a string,", id="cut-string"),
    pytest.param('["cut\\u00', "The JSON ends too early, inside a string,", id="cut-escape"),
    pytest.param('{"cut', "The JSON ends too early, inside a string,", id="cut-key"),
    pytest.param('{"a": 1', "The JSON ends too early, where ',' or '}' is due,", id="cut-object"),
    pytest.param("[1", "The JSON ends too early, where ',' or ']' is due,", id="cut-number"),
    pytest.param("[] /* cut", "", id="after-the-end"),
    pytest.param("[ /* cut", "The JSON ends too early, where a value or ']'", id="cut-comment"),
    pytest.param("", "The JSON ends too early, where a value is due,", id="nothing"),
    pytest.param("[" * (MAX_DEPTH + 1), "More than 100 nested brackets", id="too-deep"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_does_not_guess(text, message):
    whole = read([text])
    assert whole[3].startswith(message)
    assert bool(whole[3]) == bool(message)
    if message:
        assert read(list(text)) == whole


def test_fault_says_where_and_keeps_what_was_read():
    text = '{"a": "' + "x" * 100 + '", "b" 1}'
    reader = JsonTokens()
    reader.feed(text[:50])
    with pytest.raises(JsonFault) as caught:
        reader.feed("…" + text[50:], 1)
    fault = caught.value
    assert fault.position == text.index("1}")
    assert fault.around == text[: fault.position + 1][-SEEN:]
    assert fault.tokens[-1] == ("key", "b")
    assert str(fault) == f"{fault.message} at character {fault.position}, near {fault.around!r}"


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        pytest.param('{"a": 1} tail', " tail", id="object"),
        pytest.param('"a"b', "b", id="string"),
        pytest.param("12 ", " ", id="number"),
        pytest.param("null,", ",", id="literal"),
        pytest.param("12", "", id="number-at-the-end"),
        pytest.param("[1]]", "]", id="closer"),
    ],
)
def test_takes_nothing_behind_the_value(text, rest):
    for start in (0, 3):
        reader = JsonTokens()
        _, index = reader.feed("\\\\\\"[:start] + text, start)
        if not reader.done:
            reader.close()
        assert ("\\\\\\"[:start] + text)[index:] == rest
        assert reader.done
        assert reader.feed("more") == ([], 0)


def test_tells_depth_and_strings_while_reading():
    reader = JsonTokens()
    seen = []
    for char in '{"k\\n": ["v"]}':
        reader.feed(char)
        seen.append((reader.depth, reader.in_string))
    assert seen == [
        *[(1, False), (1, True), (1, True), (1, True), (1, True), (1, False)],
        *[(1, False), (1, False), (2, False), (2, True), (2, True), (2, False), (1, False)],
        (0, False),
    ]


def test_a_string_comes_out_while_it_is_written():
    reader = JsonTokens()
    assert reader.feed('{"a": "one ')[0][-1] == ("fragment", "one ")
    assert reader.feed("two\\")[0] == [("fragment", "two")]
    assert reader.feed('n"')[0] == [("fragment", "\\n"), ("end", "")]


@pytest.mark.parametrize(
    ("text", "closing"),
    [
        pytest.param('{"a": {"b": [1', "]}}", id="after-a-number"),
        pytest.param('{"a": "x"', "}", id="after-a-string"),
        pytest.param('{"a": {}\n', "}", id="after-an-object"),
        pytest.param('{"a": {', "}}", id="empty-object"),
        pytest.param("[", "]", id="empty-list"),
        pytest.param("[1 // done", "]", id="in-a-line-comment"),
        pytest.param("[]", "", id="whole"),
        pytest.param("12", "", id="top-number"),
    ],
)
def test_closes_open_brackets(text, closing):
    reader = JsonTokens()
    tokens = reader.feed(text)[0]
    tokens += reader.close_open()
    assert written(tokens) == clean(text.partition("//")[0] + closing)
    assert reader.done
    assert reader.repaired == bool(closing)


@pytest.mark.parametrize(
    "text",
    ['{"a": "x', '{"a', '{"a"', '{"a":', '{"a": 1,', "[1,", "[tru", "[1 /* x", "[1 /", "", "{a"],
)
def test_does_not_close_where_more_is_due(text):
    reader = JsonTokens()
    reader.feed(text)
    with pytest.raises(JsonFault):
        reader.close_open()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip

# Letters that meet in broken JSON more often than chance would bring them together.
SCRAPS = st.lists(
    st.sampled_from([*"{}[],:\"'\\/*#u0a1-. \n", "\\u00e9", "True", "null", "1e5", '"k":', "// "]),
    max_size=25,
).map("".join)


@given(JSON_VALUES, st.booleans(), st.sampled_from([None, 1]), SPLITS)
def test_valid_json_comes_through(value, ascii_only, indent, cuts):
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    tokens, _, repaired, fault = read(split(text, cuts))
    assert not fault
    assert json.loads(written(tokens)) == value
    assert not repaired
    numbers = re.findall(r"(?<![\w.+-])-?\d[\d.eE+-]*", re.sub(r'"(?:[^"\\]|\\.)*"', '""', text))
    assert [text for kind, text in tokens if kind == "scalar" and text[0] not in "tfn"] == numbers


@given(st.text() | SCRAPS, SPLITS)
@example('{"a": "b" "c"}', [7])
@example('["\\u12"]', [5])
def test_splits_make_no_difference(text, cuts):
    whole = read([text])
    assert read(split(text, cuts)) == whole
    assert read(list(text)) == whole


@given(st.text(max_size=40) | SCRAPS)
def test_whatever_is_read_is_valid_json(text):
    tokens, _, repaired, fault = read([text])
    if not fault:
        value = json.loads(written(tokens))
        if not repaired:
            assert value == json.JSONDecoder().raw_decode(text.lstrip(" \t\n\r"))[0]


def calls_in(work: Callable[[], object]) -> int:
    """How many functions, Python's and C's, run in ``work``."""
    count = 0

    def tell(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tell)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    ("opening", "body"),
    [
        pytest.param('["', "x" * 20, id="long-string"),
        pytest.param('["', "\\n\n\\q\\u00e9", id="escapes"),
        pytest.param('{"', "key ", id="long-key"),
        pytest.param("[", "1, true, {}, ", id="items"),
        pytest.param("[", "1", id="long-number"),
        pytest.param("[", " ", id="space"),
        pytest.param("[", "/* * */", id="comments"),
        pytest.param("[/*", "* / ", id="long-comment"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 10**9])
def test_ten_times_the_text_costs_ten_times_the_steps(opening, body, size):
    def steps(times: int) -> int:
        text = opening + body * times
        return calls_in(lambda: read([text[at : at + size] for at in range(0, len(text), size)]))

    assert steps(1000) < 10.5 * steps(100) + 200


def test_endless_brackets_fail_at_the_limit():
    assert calls_in(lambda: read(["[" * 10_000])) < 50 * MAX_DEPTH
