"""Thinking at the start of a reply, taken out of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dialects.thoughts import FAMILIES
from bridge.thinking import MAX_SPACE, ThinkingReader
from bridge.thought_calls import MAX_KEPT
from tests.decoding import characters, split
from tests.properties.mutations import CUTS

MARKER = "```tool_call amber otter"


def read(pieces, **options):
    """The thinking, the answer (None when thinking is not over), and what is kept."""
    reader = ThinkingReader(marker=MARKER, **options)
    parts: list = []
    unread = ""
    for piece in pieces:
        unread += piece
        place = reader.read(unread, 0, parts)
        unread = (reader.take_back() if reader.over else "") + unread[place:]
    place = reader.read(unread, 0, parts, at_end=True)
    rest = reader.take_back() + unread[place:]
    thought = "".join(part.text for part in parts)
    return thought, None if reader.inside else rest, reader.kept


def opened(text, **options):
    return read([text], opened=True, **options)


CASES = [
    pytest.param("Hello", {}, ("", "Hello"), id="none"),
    pytest.param(" \n Hello", {}, ("", " \n Hello"), id="white-space-stays-before-an-answer"),
    pytest.param("<think>a</think>b", {}, ("a", "b"), id="closed"),
    pytest.param(" \ufeff<think>a</think> \n b", {}, ("a", "b"), id="white-space-around-tags"),
    pytest.param("<THINK>a</Thinking>b", {}, ("a", "b"), id="any-case-and-any-closer"),
    pytest.param("<think></think><thought>a</thought>b", {}, ("a", "b"), id="twice"),
    pytest.param("</think></think>b", {}, ("", "b"), id="stray-closers"),
    pytest.param("<think>a<think>b</think>c</think>d", {}, ("a<think>bc", "d"), id="nested"),
    pytest.param("<think> <think>a</think>b", {}, (" <think>a", "b"), id="opened-twice"),
    pytest.param("<think>a<think>b</think>c", {}, ("a<think>b", "c"), id="closed-once"),
    pytest.param("<think>`</think>`</think>b", {}, ("`</think>`", "b"), id="code-span"),
    pytest.param("<think>`x</think>b", {}, ("`x", "b"), id="no-code-span"),
    pytest.param("<think>```\nx\n```</think>b", {}, ("```\nx\n```", "b"), id="after-a-fence"),
    pytest.param("<think>a</think", {}, ("a</think", None), id="never-closed"),
    pytest.param("<think", {}, ("", "<think"), id="half-a-tag"),
    pytest.param("<thinker>", {}, ("", "<thinker>"), id="other-tag"),
    pytest.param("a</think>b", {}, ("", "a</think>b"), id="closer-in-an-answer"),
    pytest.param("a</think>b", {"unsure": True}, ("a", "b"), id="unopened"),
    pytest.param("a", {"unsure": True}, ("", "a"), id="unopened-and-never-closed"),
    pytest.param("`</think>` a", {"unsure": True}, ("", "`</think>` a"), id="unopened-code-span"),
    pytest.param("a `</think>", {"unsure": True}, ("a `", ""), id="unopened-at-the-end"),
    pytest.param("a\n<think>b", {"unsure": True}, ("", "a\n<think>b"), id="words-before"),
    pytest.param(
        "a <think>b</think>c", {"unsure": True}, ("a <think>b", "c"), id="words-on-the-line"
    ),
    pytest.param(f"a {MARKER}</think>", {"unsure": True}, ("", f"a {MARKER}</think>"), id="call"),
    pytest.param(f"a</think>{MARKER}", {"unsure": True}, ("a", MARKER), id="call-after-a-closer"),
    pytest.param("a</think> b", {"opened": True}, ("a", "b"), id="opened"),
    pytest.param("<think>a</think>b", {"opened": True}, ("<think>a", "b"), id="opened-again"),
    pytest.param("a", {"opened": True}, ("a", None), id="opened-and-never-closed"),
    pytest.param(" " * MAX_SPACE + "<think>a</think>b", {}, ("a", "b"), id="much-space"),
    pytest.param(
        " " * (MAX_SPACE + 1) + "<think>",
        {},
        ("", " " * (MAX_SPACE + 1) + "<think>"),
        id="too-much-space",
    ),
    pytest.param("<think>a</think>" + " " * 2000 + "b", {}, ("a", "b"), id="much-space-behind"),
    pytest.param("x" * 9000 + "</think>b", {"unsure": True}, ("x" * 9000, "b"), id="late"),
    pytest.param(
        "<think>run `ls`</think>`ls` lists", {}, ("run `ls`", "`ls` lists"), id="between-two-spans"
    ),
    pytest.param(
        "<think>``a`b``</think>`c`", {}, ("``a`b``", "`c`"), id="between-spans-of-more-backticks"
    ),
    pytest.param(
        "<think>an odd `\nand `x`</think>`y`",
        {},
        ("an odd `\nand `x`", "`y`"),
        id="odd-line-before",
    ),
    pytest.param(
        "<think>a ``</think>`` b</think>c",
        {},
        ("a ``</think>`` b", "c"),
        id="span-of-two-backticks",
    ),
    pytest.param(
        "`x`</think>`y`", {"unsure": True}, ("`x`", "`y`"), id="unopened-between-two-spans"
    ),
    pytest.param("<think>a<channel|></think>b", {}, ("a<channel|>", "b"), id="a-closer-of-others"),
    pytest.param("[think]a[/think]b", {}, ("a", "b"), id="other-case"),
    pytest.param("[THINK]a</think>b", {}, ("a", "b"), id="alike-families-close-each-other"),
    pytest.param("◁think▷a◁think▷b◁/think▷c", {}, ("a◁think▷b", "c"), id="tokens-do-not-nest"),
    pytest.param(
        "<think>a<think>b</think><|channel>c", {}, ("a<think>b", "<|channel>c"), id="deep"
    ),
    pytest.param("a<|inner_suffix|>b", {"opened": True}, ("a", "b"), id="opened-by-any-family"),
    pytest.param("a<|end|>b", {"opened": True}, ("a<|end|>b", None), id="an-end-closes-its-own"),
    pytest.param("a<|end|>", {"unsure": True}, ("", "a<|end|>"), id="an-end-tells-nothing"),
    pytest.param("analysisA.assistantfinalB.", {}, ("analysisA.", "B."), id="words"),
    pytest.param("analysis of it", {}, ("", "analysis of it"), id="words-of-an-answer"),
    pytest.param(
        "<think>a</think>analysis assistantfinal",
        {},
        ("aanalysis ", ""),
        id="words-behind-thinking",
    ),
    pytest.param(f"analysis\n{MARKER}", {}, ("", f"analysis\n{MARKER}"), id="words-before-a-call"),
    pytest.param(
        "Here is my thought process: a\nHere is my response: b",
        {},
        ("Here is my thought process: a\n", "b"),
        id="phrases",
    ),
    pytest.param("a <|think|>b", {"unsure": True}, ("", "a <|think|>b"), id="token-behind-words"),
    pytest.param("<|channel|>final<|message|>b", {}, ("", "b"), id="a-header-alone"),
    pytest.param(
        "<|channel|>final <|constrain|>json<|message|>\nanalysis",
        {},
        ("", "analysis"),
        id="words-behind-a-header",
    ),
    pytest.param(
        "<|channel|>final 北<|message|>", {}, ("", "<|channel|>final 北<|message|>"), id="no-header"
    ),
]


@pytest.mark.parametrize(("text", "options", "expected"), CASES)
def test_reading(text, options, expected):
    assert read([text], **options)[:2] == expected
    assert read(characters(text), **options)[:2] == expected


def settled(pieces, **options):
    """As ``read``, when thinking came apart from the text before it."""
    reader = ThinkingReader(**options)
    parts: list = []
    reader.read("", 0, parts)
    reader.settle()
    text = "".join(pieces)
    place = reader.read(text, 0, parts, at_end=True)
    return "".join(part.text for part in parts), reader.take_back() + text[place:]


@pytest.mark.parametrize("options", [{}, {"unsure": True}, {"opened": True}])
def test_thinking_that_came_apart_settles_what_the_text_is(options):
    assert settled("a", **options) == ("", "a")
    assert settled("a</think>b", **options) == ("", "a</think>b")
    assert settled("<think>a</think>b", **options) == ("a", "b")


def test_thinking_that_comes_apart_behind_words_settles_them():
    reader = ThinkingReader(unsure=True)
    assert reader.read("ab", 0, []) == 1
    assert not reader.over
    reader.settle()
    assert reader.over
    assert reader.take_back() == "a"
    assert reader.take_back() == ""


def test_thinking_that_was_read_stays_thinking():
    reader = ThinkingReader(opened=True)
    reader.read("ab", 0, [])
    reader.settle()
    assert reader.inside


def test_thinking_leaves_as_it_comes():
    reader = ThinkingReader()
    parts: list = []
    assert reader.read("<think>abc", 0, parts) == len("<think>ab")
    assert [part.text for part in parts] == ["ab"]


def test_nothing_is_read_once_it_is_over():
    reader = ThinkingReader()
    assert reader.read("b", 0, []) == 0
    assert reader.over
    assert reader.read("<think>", 0, []) == 0


def test_what_a_marker_opens_is_kept():
    text = f"a{MARKER}\nb"
    for pieces in ([text], characters(text)):
        assert read(pieces, opened=True) == ("a", None, f"{MARKER}\nb")


def test_what_is_kept_is_thinking_once_that_is_closed():
    assert opened(f"a{MARKER}\nb</think>c") == (f"a{MARKER}\nb", "c", "")


def test_only_so_much_is_kept():
    text = f"a{MARKER}" + "x" * MAX_KEPT
    for pieces in ([text], split(text, list(range(0, len(text), 5000)))):
        assert read(pieces, opened=True) == (text, None, "")


def test_without_a_marker_nothing_is_kept():
    reader = ThinkingReader(opened=True)
    parts: list = []
    reader.read("a```tool_call amber otter", 0, parts, at_end=True)
    assert "".join(part.text for part in parts) == "a```tool_call amber otter"
    assert reader.kept == ""
    assert reader.inside


SCRAPS = st.sampled_from(
    [
        *(tag.replace("*", " x") for f in FAMILIES for tag in (*f.openers, *f.closers, *f.headers)),
        *(end for family in FAMILIES for end in family.ends),
        *("<think>", "<think>", "</think>", "</think>", "</think>", "<THINK>", "<", "</", "think>"),
        *("<|", "|>", "`", "``", "\n", " ", "a", MARKER, MARKER[:9]),
    ]
)


@given(
    text=st.lists(SCRAPS, max_size=12).map("".join),
    cuts=CUTS,
    unsure=st.booleans(),
    opened=st.booleans(),
)
def test_any_split_gives_the_same(text, cuts, unsure, opened):
    whole = read([text], unsure=unsure, opened=opened)
    assert read(characters(text), unsure=unsure, opened=opened) == whole
    assert read(split(text, cuts), unsure=unsure, opened=opened) == whole
