from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.patterns import MAX_PATTERN, MAX_STEPS, found, steps_of

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
    pytest.param("^(?=a)(?<=^)(?<!b)a", "ab", "ba", id="looking-around"),
]


@pytest.mark.parametrize(("pattern", "right", "wrong"), USUAL)
def test_usual_patterns_are_applied(pattern, right, wrong):
    assert found(pattern, right) is True
    assert wrong is None or found(pattern, wrong) is False


NEVER = [
    pytest.param(r"^(a+)+$", id="nested"),
    pytest.param(r"^(a|a)*$", id="alternatives"),
    pytest.param(r"^(a?){50}$", id="many-rounds"),
    pytest.param(r"(x+x+)+y", id="two-in-one"),
    pytest.param(r"^(-[a-]+)*$", id="separator-inside"),
    pytest.param(r"^([a-z]+.)*$", id="separator-of-any-kind"),
    pytest.param(r"^(-?[a-z]+)*$", id="optional-separator"),
    pytest.param(r"^(-[a-z]+[0-9]+)*$", id="two-parts-between-separators"),
    pytest.param(r"^((-[a-z]+)+)*$", id="told-apart-inside-only"),
    pytest.param("((((){999}){999}){999}){999}", id="nothing-many-times"),
    pytest.param("^" + "(" * 80 + "a{0,9999}" + "){20}" * 80, id="beyond-all-numbers"),
    pytest.param("(" * 450 + ")" * 450, id="deep"),
    pytest.param("a" * (MAX_PATTERN + 1), id="long"),
    pytest.param(r"\p{L}+", id="ecma-only"),
    pytest.param(r"(?<year>\d)", id="ecma-named"),
    pytest.param(r"(?i)a", id="flags"),
    pytest.param(r"(a)\1", id="back-reference"),
    pytest.param(r"(?<=a*)b", id="python-refuses"),
    pytest.param("[b-a]", id="bad-class"),
    pytest.param("[b-a]-", id="bad-class-before-a-character"),
    pytest.param("(a", id="open-group"),
    pytest.param("a)", id="closed-group"),
    pytest.param("*a", id="repeat-of-nothing"),
    pytest.param("[a", id="open-class"),
]


@pytest.mark.parametrize("pattern", NEVER)
def test_what_cannot_be_bounded_is_not_applied(pattern):
    assert found(pattern, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!") is None


@pytest.mark.parametrize(
    ("pattern", "power"),
    [
        pytest.param("^abc", 0, id="fixed"),
        pytest.param("abc", 1, id="anywhere"),
        pytest.param("^abc|d", 1, id="half-anchored"),
        pytest.param("^{0,2}abc", 1, id="optional-anchor"),
        pytest.param("^a*b*c", 2, id="two-open-ends"),
        pytest.param("^a*[a-c]*[a-c]*", 3, id="three-open-ends"),
        pytest.param("^(?:a*|b*|c*d*e*)", 3, id="the-worst-alternative"),
        pytest.param("^(a+b+){1,3}", 6, id="rounds"),
    ],
)
def test_counts(pattern, power):
    steps = steps_of(pattern)
    assert steps is not None
    assert steps.power == power


def test_a_slow_pattern_is_applied_to_short_texts_only():
    assert found(".*.*.*=", "a" * 10) is False
    assert found(".*.*.*=", "a" * 1000) is None
    steps = steps_of(".*.*.*=")
    assert steps is not None
    assert steps.on(10) <= MAX_STEPS < steps.on(1000)


PIECES = st.sampled_from(
    [*"ab.-()|*+?^$", "[ab]", "[a-]", "(?:", "{2}", "{1,3}", "{2,}", "(?=", "(?!", "\\.", "\\w"]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_no_pattern_takes_long(pattern):
    # A pattern let through by mistake would take years here: the test's time limit is the check.
    for text in ("a" * 80, "ab" * 40 + "-", "a-" * 40):
        assert found(pattern, text) in {True, False, None}


@given(st.text(alphabet="ab()[]{}*+?|\\.^$-:=!<1,xpéu", max_size=30))
def test_no_text_breaks_the_count(pattern):
    assert found(pattern, "ab") in {True, False, None}
