"""Calls on their way out of a block."""

from __future__ import annotations

import pytest

from bridge.batch import Batch
from bridge.calls import CallReader
from bridge.dialects.expected import Expected
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Fault, Malformed
from tests.decoding import KEY, TOOLS

CALL = '{"name": "get_weather", "arguments": {"city": "x"}}'


def batch(**expected):
    return Batch(Expected(TOOLS, **{"hold": 1000, **expected}), KEY)


def add(out, text, *, whole=True):
    """A call object on its way through."""
    reader = CallReader(TOOLS)
    out.write(text)
    reader.feed(text)
    out.stream(reader)
    return reader, whole and out.end(reader)


def test_calls_are_held_until_the_block_is_over():
    out = batch()
    out.write("```tool_call amber otter\n")
    assert add(out, CALL)[1]
    out.write("\n")
    assert add(out, '{"name": "ping"}')[1]
    out.write("\n```")
    assert out.leave() == []
    assert out.good
    out.close()
    first = Call("get_weather", '{"city":"x"}', "```tool_call \n" + CALL)
    assert out.leave() == [Block((first, Call("ping", "{}", '\n{"name": "ping"}\n```')))]
    assert out.leave() == []


def test_a_long_call_streams_and_those_before_it_leave():
    out = batch(hold=60)
    add(out, '{"name": "ping"}')
    reader, _ = add(out, CALL, whole=False)
    block, *rest = out.leave()
    assert [call.name for call in block.calls] == ["ping"]
    assert rest == [CallStart("get_weather"), CallArguments('{"city":"x"')]
    assert out.end(reader)
    assert out.leave() == [CallArguments("}"), CallEnd(whole=True)]
    out.write("\n")
    assert out.held == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"name": "get_weather", "arguments": {', {}, id="it-may"),
        pytest.param('{"name": "get_weather", "arguments": {', {"hold": 39}, id="not-yet"),
        pytest.param('{"name": "get_weather", "arguments": "{', {}, id="no-object"),
        pytest.param('{"name": "get_weather", ', {}, id="nothing-to-stream"),
        pytest.param('{"name": "pong", "arguments": {', {}, id="unknown"),
        pytest.param(
            '{"name": "get_weather", "arguments": {',
            {"strict": frozenset({"get_weather"})},
            id="strict",
        ),
    ],
)
def test_what_may_stream(request, text, expected):
    out = batch(**{"hold": 38, **expected})
    out.write(text[:0])
    add(out, text.ljust(38), whole=False)
    assert out.streaming is (request.node.callspec.id == "it-may")


def test_nothing_streams_behind_a_faulty_call():
    for text in ('{"name": "get_weather"}', '{"name": "pong"}'):
        out = batch(hold=0)
        add(out, text)
        add(out, CALL, whole=False)
        assert not out.streaming


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param('{"name": "pong"}', "name", id="unknown"),
        pytest.param('{"name": "ping", "arguments": [1]}', "shape", id="list"),
        pytest.param('{"a": 1}', "shape", id="no-name"),
    ],
)
def test_what_is_no_call(text, kind):
    out = batch()
    assert not add(out, text)[1]
    assert not out.good
    out.close()
    (block,) = out.leave()
    (broken,) = block.calls
    assert isinstance(broken, Malformed)
    assert (broken.raw, broken.fault.kind) == (text, kind)


def test_a_call_against_its_schema_is_one():
    out = batch()
    assert not add(out, '{"name": "get_weather", "arguments": {"town": "x"}}')[1]
    assert out.good
    out.close()
    (block,) = out.leave()
    assert block.calls[0].fault.kind == "schema"


def test_a_call_that_breaks_while_it_streams():
    out = batch(hold=0)
    reader, _ = add(out, CALL[:-2], whole=False)
    fault = Fault("json", "broken")
    out.break_off(reader, fault)
    assert out.spoiled
    assert out.leave()[-1] == CallEnd(whole=False, fault=fault)


def test_a_fault_at_the_end_of_a_streaming_call():
    out = batch(hold=0)
    assert not add(out, CALL[:-1] + ', "args": {}}')[1]
    assert out.spoiled
    assert out.leave()[-1].fault.kind == "shape"


def test_cut():
    out = batch()
    add(out, CALL)
    out.cut(CallReader(TOOLS))
    (block,) = out.leave()
    assert block.cut
    assert len(block.calls) == 1


def test_cut_while_it_streams():
    out = batch(hold=0)
    reader, _ = add(out, CALL[:-2], whole=False)
    out.cut(reader)
    assert out.leave()[-1] == CallEnd(whole=False)


def test_what_cannot_be_understood():
    out = batch()
    out.write("@x amber otter y")
    out.add_malformed(Fault("shape", "words"), "ping")
    out.close()
    assert out.leave() == [Block((Malformed("@x  y", Fault("shape", "words"), "ping"),))]


def test_a_block_without_calls_leaves_nothing():
    out = batch()
    out.write("x")
    out.close()
    assert out.leave() == []


def test_joiners_are_taken_out_and_the_key_is_left_out():
    for hold in (0, 1000):
        out = batch(hold=hold)
        add(out, '{"name": "ping", "arguments": {"a": "<\u2060think>", "b": "@b amber otter"}}')
        out.close()
        parts = out.leave()
        text = "".join(part.json for part in parts if isinstance(part, CallArguments))
        assert (text or parts[0].calls[0].arguments) == '{"a":"<think>","b":"@b "}'
