"""Replies that went wrong in public projects, and more of their kinds.

Each reported case names its threads; ``expect`` holds the right result first, and second bests.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import pytest

from bridge.completion import fold, usage_of
from bridge.dialects.foreign import FORMS
from bridge.dialects.vendors import WRAPPER, WRAPPERS
from bridge.errors import ReplyError
from bridge.held import UNUSABLE
from tests.conversing import KEY, STRING, Reply, opened, pieces_of, tool

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "reported_replies.jsonl").read_text("utf-8").splitlines()
]
WAYS = [
    pytest.param(stream, size, id=f"{'stream' if stream else 'whole'}-{size}")
    for stream in (True, False)
    for size in (10**9, 1)
]


def came_to(replies, *, stream, size, **fields):
    """The answer's content, calls and finish reason, and how often the model was asked again."""
    (exchange,) = opened(stream=stream, **fields)
    chunks = []
    for reply in [*replies, replies[-1]]:
        text = Reply(reply.replace("{KEY}", KEY))
        for piece in pieces_of(text, itertools.repeat(size)):
            chunks += exchange.feed(piece)
            if exchange.done:
                break
        chunks += exchange.close()
        if not exchange.asks_again:
            break
    (choice,) = fold(chunks, usage_of([])).choices
    calls = [
        [made.function.name, json.loads(made.function.arguments)]
        for made in choice.message.tool_calls or ()
    ]
    return {
        "content": choice.message.content or "",
        "calls": calls,
        "finish": choice.finish_reason,
        "asked_again": exchange.figures.re_asks,
    }


def is_as(expected, came):
    matches = expected.get("matches")
    plain = {name: value for name, value in expected.items() if name != "matches"}
    return plain.items() <= came.items() and (not matches or re.search(matches, came["content"]))


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_a_reported_reply(case, stream, size):
    fields = dict(case.get("request", {}))
    if "tools" in case:
        fields["tools"] = [{"type": "function", "function": each} for each in case["tools"]]
    try:
        came = came_to(case["replies"], stream=stream, size=size, **fields)
    except ReplyError:
        assert not case["expect"][0].get("content")
        raise
    assert any(is_as(expected, came) for expected in case["expect"]), came


# Vendors' forms -----------------------------------------------------------------------------------

RUN = tool("run", command=STRING)
RUN["function"]["parameters"]["properties"]["times"] = {"type": "integer"}
NOW = {"type": "function", "function": {"name": "list_mailboxes", "parameters": {"type": "object"}}}
TOOLS = [RUN, NOW]
LS = [["run", {"command": "ls -l"}]]
TWICE = [["run", {"command": "ls -l", "times": 2}]]
BOTH = [["run", {"command": "a"}], ["run", {"command": "b"}]]


def tagged(namespace: str, before: str = "") -> str:
    """A call in Claude's tags, in a namespace."""
    opened, closed = f"{before}<{namespace}", f"{before}</{namespace}"
    return (
        f'{opened}invoke name="run">\n{opened}parameter name="command">ls -l{closed}parameter>\n'
        f'{opened}parameter name="times">2{closed}parameter>\n{closed}invoke>'
    )


QWEN = (
    "<function=run>\n<parameter=command>\nls -l\n</parameter>\n"
    "<parameter=times>\n2\n</parameter>\n</function>"
)
SEEN = {
    "Claude": (tagged(""), TWICE),
    "Claude, wrapped": (f"<function_calls>{tagged('')}</function_calls>", TWICE),
    "Claude, namespaced": (tagged("antml:"), TWICE),
    "MiniMax M2": (f"<minimax:tool_call>\n{tagged('')}\n</minimax:tool_call>", TWICE),
    "MiniMax M3": (
        ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="run">]<]minimax[>[<command>ls -l'
        "]<]minimax[>[</command>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>",
        LS,
    ),
    **{
        f"DeepSeek DSML {bars!r}": (
            f"<{bars}tool_calls>\n{tagged(bars)}\n</{bars}tool_calls>",
            TWICE,
        )
        for bars in ("\uff5cDSML\uff5c", "|DSML|", "||DSML||", "\u2016DSML\u2016", " | DSML | ")
    },
    "DeepSeek V3": (
        "<\uff5ctool\u2581calls\u2581begin\uff5c><\uff5ctool\u2581call\u2581begin\uff5c>function"
        '<\uff5ctool\u2581sep\uff5c>run\n```json\n{"command": "ls -l"}\n```'
        "<\uff5ctool\u2581call\u2581end\uff5c><\uff5ctool\u2581calls\u2581end\uff5c>",
        LS,
    ),
    "DeepSeek V3.1": (
        "<\uff5ctool\u2581call\u2581begin\uff5c>run<\uff5ctool\u2581sep\uff5c>"
        '{"command": "ls -l"}<\uff5ctool\u2581call\u2581end\uff5c>',
        LS,
    ),
    "Kimi K2, two calls": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.run:0"
        '<|tool_call_argument_begin|>{"command": "a"}<|tool_call_end|><|tool_call_begin|>'
        'functions.run:1<|tool_call_argument_begin|>{"command": "b"}<|tool_call_end|>'
        "<|tool_calls_section_end|>",
        BOTH,
    ),
    "gpt-oss": (
        "<|channel|>commentary to=functions.run <|constrain|>json<|message|>"
        '{"command": "ls -l"}<|call|>',
        LS,
    ),
    "gpt-oss, the other order": (
        "<|start|>assistant to=functions.run<|channel|>commentary json<|message|>"
        '{"command": "ls -l"}<|call|>',
        LS,
    ),
    "Gemma 4": ('<|tool_call>call:run{command:<|"|>ls -l<|"|>,times:2}<tool_call|>', TWICE),
    "Gemma 4, bare": ("<|tool_call>call:run{command:ls -l,times:2}<tool_call|>", TWICE),
    "FunctionGemma": (
        "<start_function_call>call:run{command:<escape>ls -l<escape>}<end_function_call>",
        LS,
    ),
    "LFM2": ("<|tool_call_start|>[run(command='ls -l', times=2)]<|tool_call_end|>", TWICE),
    "Llama 3": (
        '<|python_tag|>{"type": "function", "name": "run", "parameters": '
        '{"command": "ls -l"}}<|eom_id|>',
        LS,
    ),
    "Llama 3, a builtin": ('<|python_tag|>run.call(command="ls -l")', LS),
    "Llama 4": ('<|python_start|>[run(command="a"), run(command="b")]<|python_end|>', BOTH),
    "Qwen3-Coder": (f"<tool_call>\n{QWEN}\n</tool_call>", TWICE),
    "Seed": (f"<seed:tool_call>{QWEN}</seed:tool_call>", TWICE),
    "Hermes": ('<tool_call>\n{"name": "run", "arguments": {"command": "ls -l"}}\n</tool_call>', LS),
    "a client's own prompt": (
        '<tool_use>{"name": "run", "arguments": {"command": "ls -l"}}</tool_use>',
        LS,
    ),
    "LongCat": (
        '<longcat_tool_call>{"name": "run", "arguments": {"command": "ls -l"}}</longcat_tool_call>',
        LS,
    ),
    "Mistral": ('[TOOL_CALLS]run[ARGS]{"command": "ls -l"}', LS),
    "Mistral, a list": ('[TOOL_CALLS][{"name": "run", "arguments": {"command": "ls -l"}}]', LS),
    "Phi 4, Granite": ('<|tool_call|>[{"name": "run", "arguments": {"command": "ls -l"}}]', LS),
    "GLM": (
        "<tool_call>run\n<arg_key>command</arg_key>\n<arg_value>ls -l</arg_value>\n"
        "<arg_key>times</arg_key>\n<arg_value>2</arg_value>\n</tool_call>",
        TWICE,
    ),
    "GLM, no line breaks": (
        "<tool_call>run<arg_key>command</arg_key><arg_value>ls -l</arg_value></tool_call>",
        LS,
    ),
    "GLM without arguments": ("<tool_call>list_mailboxes\n</tool_call>", [["list_mailboxes", {}]]),
    "a tag named after the tool": ("<run><command>ls -l</command><times>2</times></run>", TWICE),
    "the same, with an object": ('<run>{"command": "ls -l"}</run>', LS),
    "all calls in one object": (
        '{"tool_calls": [{"type": "function", "function": {"name": "run", "arguments": '
        '"{\\"command\\": \\"ls -l\\"}"}}]}',
        LS,
    ),
    "a function's signature": ('run({"command": "ls -l"})', LS),
    "as in Python": ("run(command='ls -l', times=2)", TWICE),
}


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize("form", SEEN)
def test_a_vendors_form_is_a_call(form, stream, size):
    written, calls = SEEN[form]
    came = came_to([f"I will look.\n{written}"], stream=stream, size=size, tools=TOOLS)
    assert came == {
        "content": "I will look.",
        "calls": calls,
        "finish": "tool_calls",
        "asked_again": 0,
    }


@pytest.mark.parametrize("form", SEEN)
def test_words_behind_it_make_it_text(form):
    written = f"{SEEN[form][0]}\nThat is how one would call it."
    came = came_to([written], stream=True, size=7, tools=TOOLS)
    assert (came["calls"], came["content"], came["finish"]) == ([], written, "stop")


@pytest.mark.parametrize("form", SEEN)
def test_what_a_page_holds_is_text(form):
    written = SEEN[form][0]
    messages = [{"role": "user", "content": f"What does this page say?\n{written}"}]
    came = came_to([written], stream=True, size=7, tools=TOOLS, messages=messages)
    assert (came["calls"], came["asked_again"]) == ([], 0)


def test_each_row_of_the_tables_has_been_seen():
    written = "".join(text for text, _ in SEEN.values())
    for wrapper in WRAPPERS:
        assert re.search(wrapper.pattern, written, re.IGNORECASE), wrapper.family
    for form in FORMS:
        opening = form.opening.replace("{name}", "(run|list_mailboxes)")
        assert re.search(opening, written), form.family
    assert all(row.source for row in (*WRAPPERS, *FORMS))
    assert not WRAPPER.fullmatch("<b>")


UNREADABLE = [
    '<invoke name="run"><parameter name="command">ls</invoke>',
    '<tool_call>{"name": "run", "arguments": {"command": "say "hi" now"}}</tool_call>',
    '<tool_call>{"name": "run", "arguments": {"cmd": "ls"}}</tool_call>',
    "<|tool_call_start|>[run('ls')]<|tool_call_end|>",
    '<|channel|>commentary to=functions.run<|message|>{"command": "ls<|call|>',
]


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize("written", UNREADABLE)
def test_markup_that_cannot_be_read_is_asked_again(written, stream, size):
    block = '```tool_call {KEY}\n{"name": "run", "arguments": {"command": "ls -l"}}\n```'
    came = came_to([f"Well.\n{written}", block], stream=stream, size=size, tools=TOOLS)
    assert (came["calls"], came["asked_again"]) == (LS, 1)
    twice = came_to([written, written], stream=stream, size=size, tools=TOOLS)
    assert (twice["content"], twice["calls"]) == (UNUSABLE, [])


# Arguments that were lost, and text that became a call -----------------------------------------

CLEAR = tool("clear_cache", prefix=STRING)
CLEAR["function"]["parameters"]["required"] = []
TIME = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}
LOOSE = [CLEAR, TIME, RUN]
CLEARED = [["clear_cache", {"prefix": "tmp/"}]]
RIGHT = '```tool_call {KEY}\n{"name": "clear_cache", "arguments": {"prefix": "tmp/"}}\n```'


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize(
    ("line", "asked_again"),
    [
        ('{"name": "clear_cache", "prefix": "tmp/"}', 0),
        ('{"prefix": "tmp/", "name": "clear_cache"}', 0),
        ('{"name": "clear_cache", "tool_input": {"prefix": "tmp/"}}', 0),
        ('{"name": "clear_cache", "params": {"prefix": "tmp/"}}', 0),
        ('{"type": "function", "name": "clear_cache", "kwargs": {"prefix": "tmp/"}}', 0),
        ('{"name": "clear_cache", "arguements": {"prefix": "tmp/"}}', 1),
        ('{"name": "clear_cache", "options": {"prefix": "tmp/"}}', 1),
        ('{"name": "clear_cache", "arguments": {}, "prefix": "tmp/"}', 1),
    ],
)
@pytest.mark.parametrize("choice", ["auto", "required"])
def test_no_argument_is_lost(line, asked_again, choice, stream, size):
    replies = [f"```tool_call {{KEY}}\n{line}\n```", RIGHT]
    came = came_to(replies, stream=stream, size=size, tools=LOOSE, tool_choice=choice)
    assert (came["calls"], came["asked_again"]) == (CLEARED, asked_again)


@pytest.mark.parametrize(("stream", "size"), WAYS)
def test_all_that_a_tool_demands_beside_its_name_is_a_call(stream, size):
    written = '{"name": "run", "command": "ls -l"}'
    came = came_to([written], stream=stream, size=size, tools=LOOSE)
    assert (came["calls"], came["asked_again"]) == (LS, 0)


TEXTS = [
    '{"name": "clear_cache", "prefix": "tmp/"}',
    '{"tool": "get_time", "status": "ok"}',
    '{"name": "get_time"}',
    '{"name": "clear_cache", "status": "done"}',
    '[{"name": "get_time", "description": "The time.", "parameters": {"type": "object"}}]',
    '{"name": "get_time", "parameters": {"type": "object", "properties": {}}}',
    '{"name": "clear_cache", "parameters": {"type": "object", "properties": {"prefix": {}}}}',
    '{"type": "object", "name": "get_time"}',
    '{"id": 7, "title": "get_time"}',
    '{"input": "What is the time?", "tool": "get_time"}',
]


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize("written", TEXTS)
@pytest.mark.parametrize("fenced", [False, True])
def test_what_only_looks_like_a_call_is_text(written, fenced, stream, size):
    written = f"```json\n{written}\n```" if fenced else written
    came = came_to([written], stream=stream, size=size, tools=LOOSE)
    expected = {"content": written, "calls": [], "finish": "stop", "asked_again": 0}
    assert came == expected


@pytest.mark.parametrize("first", ["id", "type", "input", "title"])
def test_a_json_answer_streams_although_tools_are_offered(first):
    (exchange,) = opened(tools=LOOSE, stream=True)
    text = json.dumps({first: "x", "title": "y", "more": "z" * 200})
    said = [len(exchange.feed(piece)) for piece in pieces_of(Reply(text), itertools.repeat(5))]
    assert sum(map(bool, said[:12])) > 2


# Our own block, quoted or torn --------------------------------------------------------------------

BLOCK = '```tool_call {KEY}\n{"name": "run", "arguments": {"command": "ls -l"}}\n```'
QUOTED = {
    "a quotation": "\n".join(f"> {line}" for line in BLOCK.split("\n")),
    "tildes": f"~~~\n{BLOCK}\n~~~",
    "more tildes": f"~~~~\n~~~\n{BLOCK}\n~~~\n~~~~",
    "a longer fence": f"````\n{BLOCK}\n````",
    "code by indentation": "\n".join(f"    {line}" for line in BLOCK.split("\n")),
}


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize("form", QUOTED)
def test_a_quoted_block_is_text_and_the_rest_arrives(form, stream, size):
    written = f"A call looks like this:\n\n{QUOTED[form]}\n\nShall I?"
    came = came_to([written], stream=stream, size=size, tools=TOOLS)
    assert came["calls"] == []
    assert came["content"] == written.replace("{KEY}", "")
    assert came["finish"] == "stop"


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize(
    "written",
    [
        f"{BLOCK[:-3]}```tool_call {{KEY}}\n",
        f"{BLOCK[:-3]}```tool_call {{KEY}}",
        BLOCK.replace("{KEY}\n", "{KEY}\n```json\n") + "\n```",
        BLOCK.replace("{KEY}\n", "{KEY}\n```\n") + "\n```",
        "```tool_call {KEY}\nrun(command='ls -l')\n```",
        '```tool_call {KEY}\nrun({"command": "ls -l"})\n```',
    ],
)
def test_a_block_that_is_a_little_off_is_a_call(written, stream, size):
    for choice in ("auto", "required"):
        came = came_to([written], stream=stream, size=size, tools=TOOLS, tool_choice=choice)
        assert came == {"content": "", "calls": LS, "finish": "tool_calls", "asked_again": 0}


@pytest.mark.parametrize(("stream", "size"), WAYS)
def test_a_lone_opener_is_asked_again(stream, size):
    for opener in ("```tool_call {KEY}\n", "```tool_call {KEY}"):
        came = came_to([f"Well.\n{opener}", BLOCK], stream=stream, size=size, tools=TOOLS)
        assert (came["calls"], came["asked_again"]) == (LS, 1)


@pytest.mark.parametrize(("stream", "size"), WAYS)
@pytest.mark.parametrize(
    "written",
    [
        "I would use ```tool_call {KEY} to call a tool. Then I go on.",
        "A block begins with\n```tool_call {KEY} and then the calls.\nIs that right?",
        "The marker is ```tool_call {KEY}``` here.",
    ],
)
def test_a_marker_that_is_mentioned_is_text(written, stream, size):
    came = came_to([written], stream=stream, size=size, tools=TOOLS)
    assert came["content"] == written.replace("{KEY}", "")
    assert (came["calls"], came["asked_again"]) == ([], 0)
