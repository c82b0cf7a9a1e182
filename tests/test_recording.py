"""Recording replies: what is asked is valid, and what is written is a case of the table."""

from __future__ import annotations

import asyncio
import tomllib

import pytest

from bridge.turns import Piece
from bridge.upstream.scripted import Scripted
from bridge.validation import Limits, parse_request
from tests.conversing import KEY, PREFILLS, block, call
from tests.recording.__main__ import record, requests
from tests.recording.case_file import string, text
from tests.reply_cases import AS_IT_IS, load

ODD = "It's \"odd\":\r\n\u2028\x07 ''' \\ 北京"


def recorded(folder, request_id, *script, **options):
    """The file of a request that a model answers with these replies."""
    upstream = Scripted(script, **options)
    asyncio.run(record(folder, [request_id], upstream, "a-model"))
    return folder / f"recorded-{request_id}.toml", upstream


@pytest.mark.parametrize("asked", [pytest.param(asked, id=asked.task.id) for asked in requests()])
def test_what_is_asked_is_valid(asked):
    assert parse_request(asked.encoded, Limits()).messages


def test_ids_are_told_apart():
    ids = [asked.task.id for asked in requests()]
    assert len(set(ids)) == len(ids)


def test_a_reply_is_kept_as_it_came(tmp_path):
    reply = block(call(city="北京")) + f"\n{ODD}"
    path, upstream = recorded(tmp_path, "one-tool-chinese", [Piece(reply, "length")])
    assert KEY not in path.read_text("utf-8")
    case = load(path)
    assert [(kept.text, kept.finish) for kept in case.replies_in(AS_IT_IS)] == [(reply, "length")]
    assert case.table["why"].startswith("Recorded: a-model at temperature 0: ")
    (asked,) = upstream.requests
    assert asked.options.temperature == 0
    assert "get_weather" in asked.turns[0].text


def test_a_re_ask_and_what_began_the_replies_are_kept(tmp_path):
    path, _ = recorded(
        tmp_path,
        "required-nothing-fits",
        'nothing", "arguments": {}}\n```',
        'lookup", "arguments": {"q": "x"}}\n```',
        capabilities=PREFILLS,
    )
    case = load(path)
    assert case.table["prefilled"] == f'```tool_call {KEY}\n{{"name": "'
    assert len(case.replies_in(AS_IT_IS)) == 2
    assert case.fields["tool_choice"] == "required"


def test_the_whole_reply_is_kept_although_the_server_would_stop(tmp_path):
    reply = f"{block(call('get_weather', city='Oslo'))}\nIt is sunny."
    path, _ = recorded(tmp_path, "not-parallel", [*reply])
    assert load(path).table["reply"] == reply


@pytest.mark.parametrize("written", ["", "plain", "it's", "a\nb", ODD, "''' '", "ends'", "\r\n"])
def test_texts_survive_their_spelling(written):
    for spelled in (string(written), text(written)):
        assert tomllib.loads(f"x = {spelled}")["x"] == written
