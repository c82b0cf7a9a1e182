from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.patterns import MAX_COST, MAX_PATTERN, matcher


def found(pattern, text):
    compiled = matcher(pattern)
    return compiled.found(text) if compiled is not None else None


USUAL = [
    pytest.param(r"^\d{4}-\d{2}-\d{2}$", "2024-02-30", "2024-2-3", id="date"),
    pytest.param(r"^[a-z0-9]+(?:-[a-z0-9]+)*$", "a-b-c1", "a--b", id="slug"),
    pytest.param(r"^(\d+)(\.\d+)*$", "1.20.3", "1..2", id="version"),
    pytest.param(r"^[^@\s]+@[^@\s]+\.[^@\s]+$", "a@b.c", "a@b", id="address"),
    pytest.param(
        r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$",
        "ab.c@mail.example.org",
        "ab..c@example.org",
        id="address-of-zod",
    ),
    pytest.param(
        r"^(?:\d\d[2468][048]-02-29|\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])))"
        r"T(?:(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z))$",
        "2024-01-31T10:20:30.123Z",
        "2024-01-32T10:20:30Z",
        id="time-of-zod",
    ),
    pytest.param(
        r"^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$",
        "192.168.0.255",
        "192.168.0",
        id="ip",
    ),
    pytest.param(r"^(([0-9a-f]{2}):){5}[0-9a-f]{2}$", "00:1a:2b:3c:4d:5e", "00:1a", id="mac"),
    pytest.param(r"^([a-z]+\.)*[a-z]+$", "a.bc.d", "a..d", id="separator-behind"),
    pytest.param(r"^(?:[\w+/]{4})*(?:[\w+/]{2}==|[\w+/]{3}=)?$", "YWJjZA==", "YWJj=", id="base64"),
    pytest.param(r"b+?c|\bx", "abbc", "abb", id="anywhere"),
    pytest.param(r"^[]a]{2,}}$", "]a]}", "]}", id="bare-brackets"),
    pytest.param(r"^[[]x$", "[x", "x", id="a-class-that-python-warns-of"),
    pytest.param("", "a", None, id="empty"),
    pytest.param(r"^\p{L}+$", "北京é", "a1", id="letters"),
    pytest.param(r"^[\p{Script=Greek}\s]+$", "α β", "ab", id="script"),
    pytest.param(r"^[\u4e00-\u9fa5\u{1f600}]+$", "北京\U0001f600", "ab", id="by-number"),
    pytest.param(r"^\cA[^]\/\-$", "\x01\n/-", "\x01", id="ecma-only-escapes"),
    pytest.param(r"^\S+\s\S+$", "a\u00a0b", "ab", id="ecma-spaces"),
    pytest.param(r"^[\S]+[\s]b$", "a\u3000b", "ab", id="ecma-spaces-in-a-class"),
    pytest.param(r"^a$", "a", "a\n", id="the-end-is-the-end"),
    pytest.param(r"^\d\w$", "1a", "١a", id="ascii-only"),
    pytest.param(r"^(?=.*[A-Z])(?=.*\d)[\w|(]{8,}$", "abcdefG1", "abcdefgh", id="password"),
    pytest.param(r"^(?=a|b)(?!.*(?:x|[)])).+$", "bc", "ax", id="looking-ahead-with-brackets"),
    pytest.param(r"(?<year>\d{4})", "in 2024", "in 24", id="named-group"),
    pytest.param(r"^(a+)+$", "a" * 50, "a" * 50 + "!", id="nested"),
    pytest.param(r"(x+x+)+y", "x" * 50 + "y", "x" * 50, id="two-in-one"),
    pytest.param(".*.*.*=", "a" * 5000 + "=", "a" * 5000, id="three-in-a-row"),
    pytest.param("^.$", "\ud800", "ab", id="half-a-surrogate-pair"),
]


@pytest.mark.parametrize(("pattern", "right", "wrong"), USUAL)
def test_usual_patterns_are_applied(pattern, right, wrong):
    assert found(pattern, right) is True
    assert wrong is None or found(pattern, wrong) is False


NEVER = [
    pytest.param("((((){999}){999}){999}){999}", id="nothing-many-times"),
    pytest.param("^(a{0,999}){20}", id="too-large-compiled"),
    pytest.param("a" * (MAX_PATTERN + 1), id="long"),
    pytest.param(r"(a)\1", id="back-reference"),
    pytest.param("^(?=a)(?<=^)(?<!b)a", id="looking-behind"),
    pytest.param("^(?=a)*b", id="looking-ahead-repeated"),
    pytest.param("^(?=a)b|(c)", id="looking-ahead-in-one-alternative"),
    pytest.param("a(?=b)", id="looking-ahead-later"),
    pytest.param("^(?=a", id="looking-ahead-without-end"),
    pytest.param("^(?!a(", id="looking-ahead-with-an-open-group"),
    pytest.param("[b-a]", id="bad-class"),
    pytest.param("(a", id="open-group"),
    pytest.param("a)", id="closed-group"),
    pytest.param("*a", id="repeat-of-nothing"),
    pytest.param("[a", id="open-class"),
    pytest.param(r"\u{110000}", id="beyond-unicode"),
]


@pytest.mark.parametrize("pattern", NEVER)
def test_what_re2_does_not_know_is_not_applied(pattern, capfd):
    assert found(pattern, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!") is None
    assert capfd.readouterr() == ("", "")


def test_a_large_pattern_is_applied_to_short_texts_only():
    pattern = "^.{1,500}$"
    compiled = matcher(pattern)
    assert compiled is not None
    assert compiled.cost("a" * 500) < MAX_COST < compiled.cost("a" * 5000)
    assert found(pattern, "a" * 500) is True
    assert found(pattern, "a" * 5000) is None
    assert compiled.cost("é" * 10) > compiled.cost("a" * 10)


PIECES = st.sampled_from(
    [*"ab.-()|*+?^$", "[ab]", "[a-]", "(?:", "{2}", "{1,3}", "{2,}", "(?=", "(?!", "\\.", "\\w"]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_no_pattern_takes_long(pattern):
    for text in ("a" * 80, "ab" * 40 + "-", "a-" * 40):
        assert found(pattern, text) in {True, False, None}


@given(st.text(alphabet="ab()[]{}*+?|\\.^$-:=!<1,xpéuscP\ud800", max_size=30), st.text(max_size=9))
def test_no_text_breaks_it(pattern, text):
    assert found(pattern, text) in {True, False, None}
