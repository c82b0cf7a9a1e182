from __future__ import annotations

import json
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.json_backslashes import AMBIGUOUS, MAX_PATH, NEAR
from bridge.json_tokens import JsonTokens
from tests.test_json_tokens import SPLITS, calls_in, read, split, written

FAULT = None
"""The string has two readings."""


def meaning(body, sizes=(10**9, 1, 2, 3)):
    """What a string with this body between its quotes means, however it comes."""
    text = f'["{body}"]'
    came = [read([text[at : at + size] for at in range(0, len(text), size)]) for size in sizes]
    assert all(each == came[0] for each in came)
    tokens, _, repaired, fault = came[0]
    if fault:
        assert fault.startswith(AMBIGUOUS)
        return FAULT
    value = json.loads(written(tokens))[0]
    assert repaired or value == json.loads(text)[0]
    return value


LITERAL = [
    pytest.param(r"C:\Users\ada\new.txt", id="path"),
    pytest.param(r"C:\Program Files\nodejs\node.exe", id="path-with-a-space"),
    pytest.param(r"c:\new\Users\table\readme", id="letter-escapes-first"),
    pytest.param(r"C:\用户\new", id="another-script"),
    pytest.param(r"type C:\Users\ada\notes.txt", id="path-in-a-command"),
    pytest.param(r"copy C:\temp\new.txt D:\Users", id="two-paths"),
    pytest.param(r"src\components\new.tsx", id="relative"),
    pytest.param(r"..\tests\_x\readme", id="upwards"),
    pytest.param(r"%APPDATA%\Roaming\npm", id="variable"),
    pytest.param(r"C:\Users\bob\foo", id="backspace-and-form-feed"),
    pytest.param(r"^\d+\.\w*$", id="regular-expression"),
    pytest.param(r"^\w\t\d", id="regular-expression-with-a-tab"),
    pytest.param(r"\alpha \beta \frac{1}{2}", id="latex"),
    pytest.param("x" * 2 * MAX_PATH + r"\Users\new", id="long-name"),
    pytest.param(r"C:\new\Users" + "x" * 2 * MAX_PATH + r"\Y", id="long-path"),
]


@pytest.mark.parametrize("body", LITERAL)
def test_all_backslashes_are_literal(body):
    assert meaning(body) == body


REAL = [
    pytest.param(r"import re\n\nx = '\d'\n", "import re\n\nx = '\\d'\n", id="code"),
    pytest.param(r"x = '\d'\ny = 1\n", "x = '\\d'\ny = 1\n", id="unknown-first"),
    pytest.param(r"\tif x:\n\t\treturn '\w'", "\tif x:\n\t\treturn '\\w'", id="tabs"),
    pytest.param(r"a\nb\r\n\s", "a\nb\r\n\\s", id="before-an-unknown-one"),
    pytest.param(r"a\n\n'\n\d'", "a\n\n'\n\\d'", id="beside-an-unknown-one"),
    pytest.param(r"echo \$HOME\n", "echo \\$HOME\n", id="at-the-end"),
    pytest.param(r"a\nb \"\d\" c\n", 'a\nb "\\d" c\n', id="quotes"),
    pytest.param(r"a\n\n\w\/b\n/\d\u00e9\\x\"\t", 'a\n\n\\w/b\n/\\dé\\x"\t', id="other-escapes"),
    pytest.param(r"a\n \d, \n", "a\n \\d, \n", id="word-that-ends"),
    pytest.param(r"a\n\n\w\n\n", "a\n\n\\w\n\n", id="real-one-in-the-word"),
    pytest.param("a\\nb c\\n\nd \\d\ne\\nf", "a\nb c\n\nd \\d\ne\nf", id="before-a-raw-line-break"),
    pytest.param(r"C:\temp\new", "C:\temp\new", id="no-unknown-escape"),
    pytest.param(r"D:\n", "D:\n", id="only-a-real-one"),
    pytest.param(r"caf\u00e9 \d", "café \\d", id="unicode"),
    pytest.param(r"\\d+\s", r"\d+\s", id="half-escaped"),
    pytest.param(r"it\'s \d", r"it's \d", id="single-quote"),
    pytest.param(
        rf"a\n{'x' * MAX_PATH} \d, \nb", f"a\n{'x' * MAX_PATH} \\d, \nb", id="long"
    ),
    pytest.param(rf"{'x' * MAX_PATH}\na{'x' * (MAX_PATH - 1)}\n\d",
                 f"{'x' * MAX_PATH}\na{'x' * (MAX_PATH - 1)}\n\\d", id="long-then-beside"),
    pytest.param(rf"a\n\nb\nc{'x' * NEAR}\d", f"a\n\nb\nc{'x' * NEAR}\\d", id="far-in-the-word"),
    pytest.param(r"a\n\n'b\\nc\d", "a\n\n'b\\nc\\d", id="escaped-backslash-in-the-word"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), REAL)
def test_only_unknown_escapes_are_literal(body, expected):
    assert meaning(body) == expected


TWO_READINGS = [
    pytest.param(r"import re\nprint('\d')", id="code-without-a-real-one"),
    pytest.param(r"\alpha \times x", id="letter-escape-elsewhere"),
    pytest.param(r"find . -name \*.py\nls", id="no-name-behind-the-unknown-one"),
    pytest.param(r"C:\Users\ada\new.txt\n", id="path-and-a-line-break"),
    pytest.param(r"C:\Program Files\nodejs\n", id="path-with-a-space-and-a-line-break"),
    pytest.param(r"cd C:\temp\new \d\n", id="drive-and-a-line-break"),
    pytest.param(r"cd C:\Users\ada\ndir\n", id="path-or-line"),
    pytest.param(r"a\n\ncd C:\Users\new", id="path-in-text"),
    pytest.param(r"a\n\ncd C:\new\Users", id="path-in-text-letter-escapes-first"),
    pytest.param(r"a\n\ncd C:\Users\bob", id="path-in-text-with-a-backspace"),
    pytest.param("a\\nb\nc \\d", id="raw-line-break"),
    pytest.param(r"C:\Users\n", id="drive-and-a-line-break-at-the-end"),
    pytest.param(r"C:\n, \Users", id="drive-and-a-real-one-first"),
    pytest.param(r"a\n\n\d\n.b", id="name-with-a-dot"),
    pytest.param(r"a\n\nC:\Users\n\x", id="letter-as-a-name"),
    pytest.param(r"\\server\share\new", id="share"),
    pytest.param(r"\\server\new\share", id="share-letter-escapes-first"),
    pytest.param(r"\\server\docs", id="share-without-letter-escapes"),
    pytest.param(r"caf\u00e9\nb \d", id="unicode"),
]


@pytest.mark.parametrize("body", TWO_READINGS)
def test_two_readings_are_a_fault(body):
    assert meaning(body) is FAULT


def test_a_key_is_read_alike():
    tokens, *_, fault = read([r'{"C:\Users\new": 1}'])
    assert (json.loads(written(tokens)), fault) == ({r"C:\Users\new": 1}, "")
    tokens, *_, fault = read([r'{"a\nb \d": 1}'])
    assert tokens == [("{", "")]
    assert fault.startswith(AMBIGUOUS)


def test_a_string_is_held_while_it_is_in_doubt_and_no_longer():
    def pieces(*texts):
        reader = JsonTokens()
        return [
            "".join(text for kind, text in reader.feed(t)[0] if kind == "fragment") for t in texts
        ]

    assert pieces('["a', r"\n", "bc", r"\n", " d", "e") == ["a", "", "", "", r"\nbc\n d", "e"]
    assert pieces('["a', r"\n", "b" * MAX_PATH, "c") == ["a", "", rf"\n{'b' * MAX_PATH}", "c"]
    assert pieces('["C:', r"\U", "s", r"\n", "w" * 999, '"')[2:] == [
        "s",
        "",
        "",
        rf"\\n{'w' * 999}",
    ]


NAMES = st.text(st.sampled_from("nrtbfuUdé._-1a Z"), min_size=1, max_size=6).map(str.strip)
# A name of one letter cannot be told from a line break, nor u and four digits from a character.
TOLD = NAMES.filter(lambda name: name and not re.match(r"[nrt]( |$)|u[0-9a-f]{4}", name))
PATHS = st.lists(TOLD, min_size=1, max_size=5).map("\\".join)
UNKNOWN = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')


@given(
    st.sampled_from(["C:\\", "..\\", "", "dir C:\\", "--to=D:\\"]),
    PATHS,
    st.sampled_from(["", " /s"]),
)
@settings(max_examples=300)
@example("C:\\", "Users\\ada\\new.txt", "")
def test_no_line_break_comes_into_a_path(before, path, after):
    text = before + path + after
    came = meaning(text)
    if UNKNOWN.search(text):
        assert came in (text, FAULT)
        if before == "C:\\":
            assert came == text
    else:
        assert came == json.loads(f'"{text}"')


@given(
    st.lists(st.sampled_from([*"ab n/: .*", r"\n", r"\t", r"\d", r"\\", r"\"", r"\b", "\n", "C:"])),
    SPLITS,
)
@settings(max_examples=300)
def test_splits_make_no_difference(pieces, cuts):
    text = f'["{"".join(pieces)}"]'
    whole = read([text])
    assert read(split(text, cuts)) == whole
    assert read(list(text)) == whole


@pytest.mark.parametrize("body", [r"\na ", r"\d", r"\d\na ", r"\n \da\n\d", r"\na\d", r"\\a\n\n"])
@pytest.mark.parametrize("size", [1, 7, 10**9])
def test_ten_times_the_text_costs_ten_times_the_steps(body, size):
    def steps(times):
        text = '["' + body * times
        return calls_in(lambda: read([text[at : at + size] for at in range(0, len(text), size)]))

    assert steps(1000) < 10.5 * steps(100) + 500
