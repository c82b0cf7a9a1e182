"""Parameters that follow their call as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.raw_text import RawText, first_line, may_become_first_line
from tests.decoding import KEY, characters, split
from tests.properties.mutations import CUTS, SCRAPS

END = f"@end {KEY}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"@a {KEY}\nx", ("a", 14, "\n"), id="plain"),
        pytest.param(f"@a-B_1 {KEY}  \t\r\nx", ("a-B_1", 21, "\r\n"), id="crlf-and-blanks"),
        pytest.param(f"@a {KEY}", None, id="no-line-break"),
        pytest.param(f"@a {KEY}s\n", None, id="another-key"),
        pytest.param("@a\n", None, id="no-key"),
        pytest.param(f"@a b {KEY}\n", None, id="two-words"),
        pytest.param(f"@{'a' * 65} {KEY}\n", None, id="a-long-name"),
        pytest.param(f"@a {KEY}{' ' * 300}\n", None, id="a-long-line"),
    ],
)
def test_first_line(text, expected):
    line = first_line(text, 0, KEY)
    assert (line and (line.name, line.end, line.line_break)) == expected


def test_a_first_line_may_not_be_all_there():
    assert may_become_first_line("x@a amb", 1)
    assert not may_become_first_line("x@a amb\n", 1)
    assert not may_become_first_line("x" * 300, 1)


def read(pieces, line_break="\n"):
    """The text and what follows it; None for what follows when it is not closed."""
    raw = RawText(KEY, line_break)
    out, unread = "", ""
    for number, piece in enumerate(pieces):
        unread += piece
        body, place = raw.read(unread, 0, at_end=number == len(pieces) - 1)
        out += body
        unread = unread[place:]
        if raw.closed:
            return out, unread + "".join(pieces[number + 1 :])
    return out, None


CASES = [
    pytest.param(f"\nx\n{END}\n```", ("x", "\n```"), id="one-line"),
    pytest.param(f"\nx\n\n{END}\n", ("x\n", "\n"), id="a-line-break-at-the-end"),
    pytest.param(f"\n\n{END}\n", ("", "\n"), id="empty-line"),
    pytest.param(f"\n{END}\n", ("", "\n"), id="no-line"),
    pytest.param(f"\nx\n{END}", ("x", ""), id="at-the-end-of-the-reply"),
    pytest.param(f"\nx\n{END}```", ("x", "```"), id="with-a-fence-behind"),
    pytest.param(f"\nx\n{END} \t\n", ("x", "\n"), id="with-blanks-behind"),
    pytest.param(f"\nx\n{END}{' ' * 17}\n", (f"x\n{END}{' ' * 17}", None), id="too-many-blanks"),
    pytest.param(f"\nx\n{END}s\n{END}\n", (f"x\n{END}s", "\n"), id="another-word"),
    pytest.param(f"\nx {END}\n{END}\n", (f"x {END}", "\n"), id="inside-a-line"),
    pytest.param(f"\n {END}\n{END}\r\n", (f" {END}", "\r\n"), id="indented"),
    pytest.param("\nx\n@end\n", ("x\n@end", None), id="without-the-key"),
    pytest.param("\nx\n@end amber", ("x", None), id="half-the-end-line"),
    pytest.param(f"\nx\r\n{END}\n", ("x\r", "\n"), id="a-return-before-the-end"),
    pytest.param("\n", ("", None), id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_reading(text, expected):
    assert read([text]) == read(characters(text)) == expected


RETURNS = [
    pytest.param(f"\r\na\r\nb\r\n{END}\r\n", ("a\r\nb", "\r\n"), id="plain"),
    pytest.param(f"\r\na\r\n\r\n{END}\r\n", ("a\r\n", "\r\n"), id="a-line-break-at-the-end"),
    pytest.param(f"\r\n{END}\r\n", ("", "\r\n"), id="no-line"),
    pytest.param(f"\r\na\n{END}\r\n", ("a", "\r\n"), id="without-a-return-at-the-end"),
    pytest.param("\r\na\r", ("a", None), id="a-return-at-the-end-of-the-reply"),
]


@pytest.mark.parametrize(("text", "expected"), RETURNS)
def test_reading_with_returns(text, expected):
    assert read([text], "\r\n") == read(characters(text), "\r\n") == expected


@given(body=st.lists(st.sampled_from(SCRAPS) | st.text(max_size=4)).map("".join), cuts=CUTS)
def test_any_text_is_kept(body, cuts):
    text = f"\n{body}\n{END}\n"
    if END not in body:
        assert read(split(text, cuts)) == read(characters(text)) == (body, "\n")


@given(text=st.lists(st.sampled_from([END, "\n", "\r\n", " ", "@end", "x", "`"])).map("".join))
def test_any_split_gives_the_same(text):
    for line_break in ("\n", "\r\n"):
        whole = line_break + text
        assert read(characters(whole), line_break) == read([whole], line_break)
