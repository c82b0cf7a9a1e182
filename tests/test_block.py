"""A block of calls, from its opening marker to its end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.block import MAX_CALLS, BlockReader
from bridge.dialects import DIALECTS
from bridge.dialects.expected import Expected
from bridge.parts import Block, CallEnd
from tests.decoding import KEY, TOOLS, calls, characters, coalesced, malformed, split
from tests.properties.mutations import CUTS, SCRAPS

OPENERS = {"fence": "```tool_call amber otter", "raw": "```tool_call amber otter"}
PING = '{"name": "ping"}'
FILE = '{"name": "write_file", "arguments": {"path": "a"}}'


def block(dialect="fence", *, opener=None, room=MAX_CALLS, **expected):
    return BlockReader(
        DIALECTS[dialect](KEY).grammar,
        Expected(TOOLS, **{"hold": 2048, **expected}),
        opener=OPENERS.get(dialect, "<tool_call>") if opener is None else opener,
        room=room,
    )


def read(pieces, dialect="fence", *, finished=True, **options):
    """The parts, what follows the block (None if the reply ended in it), and how it went."""
    reader = block(dialect, **options)
    parts: list = []
    unread = ""
    for number, piece in enumerate(pieces):
        unread += piece
        at_end = number == len(pieces) - 1
        unread = unread[reader.read(unread, 0, parts, at_end=at_end) :]
        if reader.over:
            rest = unread + "".join(pieces[number + 1 :])
            return coalesced(parts), rest, (reader.calls, reader.good, reader.spoiled)
    parts += reader.close(finished=finished)
    return coalesced(parts), None, (reader.calls, reader.good, reader.spoiled)


def outline(parts):
    """Calls, kinds of fault of what is malformed, and whether it was cut."""
    cut = any(isinstance(part, Block) and part.cut for part in parts)
    return [name for name, _ in calls(parts)], [m.fault.kind for m in malformed(parts)], cut


CASES = [
    pytest.param(f"\n{PING}\n```\nx", {}, (["ping"], [], False), "\nx", id="one"),
    pytest.param(f"\n{PING}{PING},\n[{PING}]\n```", {}, (["ping"] * 3, [], False), "", id="three"),
    pytest.param(f" {PING}", {}, (["ping"], [], False), None, id="on-the-opening-line"),
    pytest.param(f"\n{PING}\nSo", {}, (["ping"], [], False), "So", id="no-closing-marker"),
    pytest.param(f"\n{PING}\n``", {}, (["ping"], [], False), "``", id="half-of-it"),
    pytest.param("\n```x", {}, ([], ["shape"], False), "x", id="empty"),
    pytest.param("\n", {}, ([], ["shape"], False), None, id="nothing"),
    pytest.param("", {}, ([], ["shape"], False), None, id="not-even-a-line"),
    pytest.param(f"\n{PING}\n{PING[:-3]}", {}, (["ping"], [], True), None, id="cut"),
    pytest.param("\nwords\n```x", {}, ([], ["shape"], False), "x", id="words"),
    pytest.param("\nwords", {}, ([], ["shape"], False), "", id="words-to-the-end"),
    pytest.param('\n{"name" 1}\n```x', {}, ([], ["json"], False), "x", id="unreadable"),
    pytest.param(
        f'\n{PING}\n{{"name" 1}}\n```x', {}, (["ping"], ["json"], False), "x", id="then-unreadable"
    ),
    pytest.param('\n{"name": "ping"\n```x', {}, (["ping"], [], False), "x", id="missing-brace"),
    pytest.param('\n{"name": "ping",\n```x', {}, ([], ["json"], False), "x", id="missing-more"),
    pytest.param(
        f"\n{PING}\n```", {"first_only": True}, (["ping"], [], False), "\n```", id="first"
    ),
    pytest.param(f"\n{PING}{PING}", {"room": 1}, (["ping"], [], True), PING, id="no-room-for-more"),
    pytest.param(
        f"\n{PING}\n````x", {"opener": "````x"}, (["ping"], [], False), "x", id="longer-fence"
    ),
    pytest.param(
        f"\n{PING}\n```x", {"opener": "````x"}, (["ping"], [], False), "x", id="shorter-fence"
    ),
    pytest.param(
        '\n{"city": "x"}', {"named": "get_weather"}, (["get_weather"], [], False), None, id="named"
    ),
    pytest.param(
        ' get-weather\n{"city": "x"}',
        {},
        (["get_weather"], [], False),
        None,
        id="named-on-the-line",
    ),
    pytest.param(
        ' ping\n{"city": "x"}',
        {"named": "get_weather"},
        (["get_weather"], [], False),
        None,
        id="named-twice",
    ),
    pytest.param(f" pong\n{PING}", {}, (["ping"], [], False), None, id="words-on-the-line"),
    pytest.param(
        f"{PING[:-1]}</tool_call>x", {"dialect": "hermes"}, (["ping"], [], False), "x", id="hermes"
    ),
    pytest.param(
        f"{PING}</tool_", {"dialect": "hermes"}, (["ping"], [], False), "</tool_", id="hermes-half"
    ),
]


@pytest.mark.parametrize(("text", "options", "expected", "rest"), CASES)
def test_reading(text, options, expected, rest):
    for pieces in ([text], [*characters(text), ""]):
        parts, follows, _ = read(pieces, **options)
        assert outline(parts) == expected
        assert follows == rest


RAW = [
    pytest.param(
        f"\n{FILE}\n@content {KEY}\nx\n@end {KEY}\n```z",
        {},
        (["write_file"], [], False),
        "z",
        id="one",
    ),
    pytest.param(f"\n{FILE}\n```z", {}, (["write_file"], [], False), "z", id="none"),
    pytest.param(f"\n{FILE}\n", {}, (["write_file"], [], False), None, id="not-closed"),
    pytest.param(
        f"\n{FILE}\n", {"finished": False}, ([], [], True), None, id="cut-behind-the-object"
    ),
    pytest.param(f"\n{FILE}\n@cont", {}, ([], [], True), None, id="cut-in-the-first-line"),
    pytest.param(f"\n{FILE}\n@content {KEY}\nx", {}, ([], [], True), None, id="cut-in-the-text"),
    pytest.param(
        f"\n{FILE}\n@content\nx", {}, (["write_file"], [], False), "@content\nx", id="no-key"
    ),
    pytest.param(f"\n@content {KEY}\nx\n```z", {}, ([], ["shape"], False), "z", id="no-object"),
    pytest.param(
        f"\n{FILE}\n@path {KEY}\nx\n@end {KEY}\n```z", {}, ([], ["shape"], False), "z", id="twice"
    ),
    pytest.param(
        f"\n{FILE}\n@end {KEY}\n```z", {}, (["write_file"], [], False), "z", id="only-an-end-line"
    ),
    pytest.param(
        f"\n{FILE}\n@end {KEY}", {}, (["write_file"], [], False), None, id="an-end-line-at-the-end"
    ),
    pytest.param(
        f"\n{FILE}\n@content {KEY}\nx\n@end {KEY}\n{PING}",
        {},
        (["write_file", "ping"], [], False),
        None,
        id="another-call",
    ),
    pytest.param(
        f"\n{FILE}\n```", {"first_only": True}, (["write_file"], [], False), "```", id="first"
    ),
]


@pytest.mark.parametrize(("text", "options", "expected", "rest"), RAW)
def test_reading_raw_parameters(text, options, expected, rest):
    for hold in (2048, 0):
        for pieces in ([text], [*characters(text), ""]):
            parts, follows, _ = read(pieces, "raw", **{"hold": hold, **options})
            if hold or not expected[2]:
                assert outline(parts)[:2] == expected[:2] or hold == 0
            if hold:
                assert outline(parts) == expected
                assert follows == rest


def test_a_call_leaves_with_its_closing_marker_however_that_goes_on():
    reader = block(opener="````x")
    parts: list = []
    reader.read(f"\n{PING}\n```", 0, parts)
    assert parts == []
    reader.read("```\n", 0, parts)
    assert [name for name, _ in calls(parts)] == ["ping"]
    assert reader.over


def test_a_call_that_may_go_on_ends_with_the_fence():
    reader = block("raw", opener="````x", first_only=True)
    parts: list = []
    reader.read(f"\n{FILE}\n```", 0, parts)
    assert [name for name, _ in calls(parts)] == ["write_file"]
    assert reader.over


@pytest.mark.parametrize(
    ("dialect", "text", "kind"),
    [
        pytest.param("fence", '\n{"name": "ping", "arguments": {"a" 1', "json", id="unreadable"),
        pytest.param(
            "fence", '\n{"name": "ping", "arguments": {}, "args": {}}', "shape", id="two-arguments"
        ),
        pytest.param("raw", f"\n{FILE}\n@path {KEY}\nx", "shape", id="raw-parameter-twice"),
    ],
)
def test_a_call_that_breaks_while_it_streams(dialect, text, kind):
    parts, _, (_, _, spoiled) = read([text], dialect, hold=0)
    assert spoiled
    end = parts[-1]
    assert isinstance(end, CallEnd)
    assert not end.whole
    assert end.fault.kind == kind


def test_a_raw_text_is_held_up_to_a_bound():
    start = f'\n{{"name": "write_file"}}\n@content {KEY}\n'
    pieces = [start, *["x" * 65536] * 20, f"\n@end {KEY}\n```"]
    strict = frozenset({"write_file"})
    parts, _, _ = read(pieces, "raw", strict=strict)
    assert [broken.fault.message for broken in malformed(parts)] == ["The call is too long."]
    assert read(["".join(pieces)], "raw", strict=strict)[0] == parts
    assert read(pieces, "raw", hold=100)[0] == read(["".join(pieces)], "raw", hold=100)[0]


def test_nothing_is_read_once_it_is_over():
    reader = block()
    parts: list = []
    reader.read(f"\n{PING}\n```\n", 0, parts)
    assert reader.over
    assert reader.read(PING, 0, parts) == 0
    assert reader.close(finished=True) == []


PIECES = [PING, FILE, f"\n@content {KEY}\n", f"\n@end {KEY}\n", "\n```", "````", '{"name": "x"}']


@given(
    text=st.lists(st.sampled_from([*PIECES, *SCRAPS]), max_size=12).map("".join),
    cuts=CUTS,
    dialect=st.sampled_from(list(DIALECTS)),
    hold=st.sampled_from([0, 30, 2048]),
    finished=st.booleans(),
    options=st.sampled_from([{}, {"first_only": True}, {"named": "ping"}, {"opener": "`````"}]),
)
def test_any_split_reads_the_same(text, cuts, dialect, hold, finished, options):
    options = {"hold": hold, "finished": finished, **options}
    whole = read([text, ""], dialect, **options)
    assert read([*characters(text), ""], dialect, **options) == whole
    assert read([*split(text, cuts), ""], dialect, **options) == whole
