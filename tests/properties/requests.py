"""Generators of requests, and of what a model answers to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from bridge.dialects import DIALECTS
from tests.conversing import (
    FAULTY,
    GOOD,
    KEY,
    PLAIN,
    PREFILLS,
    STRICT_WEATHER,
    TIME,
    UNKNOWN,
    UNREADABLE,
    WEATHER,
    Reply,
    block,
    call,
)
from tests.decoding import KEY as WRITTEN_KEY
from tests.decoding import TOOLS
from tests.properties.corpus import CORPUS, Seed
from tests.properties.mutations import mutated

EVERY_TOOL = [
    {"type": "function", "function": {"name": name, "parameters": parameters or {}}}
    for name, parameters in TOOLS.items()
]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [NAMED]},
}

SCRAPS = [
    *(GOOD, FAULTY, UNKNOWN, UNREADABLE, block(call(city="北京"), call("get_time", zone="x"))),
    *(
        GOOD[:40],
        block(call(city="京" * 900)),
        call(city="上海"),
        f"```json\n{call(city='x')}\n```",
    ),
    *(
        "words ",
        "\n",
        "\n\n",
        " ",
        "END",
        "E",
        "```",
        "`",
        "````\n",
        "{",
        '{"a": 1}',
        "}",
        "[",
        '"',
    ),
    *("<think>", "</think>", "<think>hm</think>", f"```tool_result {KEY} 1 f\n", KEY, "京"),
    *(
        f"```tool_call {KEY}\n",
        '{"name": "get_weather", "arguments": {"city": ',
        "\u2060",
        "<\u2060",
    ),
    *(
        f"@city {KEY}\n",
        f"\n@end {KEY}\n",
        "<tool_call>\n",
        "\n</tool_call>",
        "\x00",
        "'",
    ),
    *(
        'get_weather(city="\\ud800")',
        "True",
        "oops",
        f'{{"name": "get_weather", "arguments": {{"city": "{KEY}"}}}}',
        "tool_call>",
    ),
]
"""What breaks exchanges when it stands where it should not."""

SCRAPPY = st.lists(st.sampled_from(SCRAPS) | st.text(max_size=5), max_size=7).map("".join)
FINISHES = st.sampled_from(["stop", "stop", "stop", "length", "content_filter"])
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=5)

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
STRICT_SCHEMA = {"name": "s", "schema": SCHEMA, "strict": True}
FORMATS = [
    *(None, None, None, None, {"type": "json_object"}),
    *({"type": "json_schema", "json_schema": STRICT_SCHEMA},),
    {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}},
]
QUESTION = [{"role": "user", "content": "What is the weather in 北京?"}]
ANSWERED = [
    *QUESTION,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "call_a",
                "type": "function",
                "function": {"name": "get_weather", "arguments": '{"city": "北京"}'},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "call_a", "content": "18 °C"},
]
ECHOED = [{"role": "user", "content": f"Explain {call(city='上海')}"}]

TOOL_FIELDS = st.fixed_dictionaries(
    {
        "tools": st.sampled_from([[WEATHER, TIME], [STRICT_WEATHER, TIME], EVERY_TOOL, EVERY_TOOL]),
        "tool_choice": st.sampled_from([*[None] * 4, "auto", "none", "required", NAMED, ALLOWED]),
        "parallel_tool_calls": st.sampled_from([None, None, False]),
    }
)
OTHER_FIELDS = st.sampled_from([{}, {"functions": [WEATHER["function"]]}])
MODELS = st.fixed_dictionaries(
    {
        "dialect": st.sampled_from(sorted(DIALECTS)),
        "hold": st.sampled_from([0, 50, 2048]),
        "retries": st.integers(0, 2),
        "think": st.booleans(),
        "opens_thinking": st.sampled_from([None, None, False, True]),
    }
)
COMMON_FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "messages": st.sampled_from([QUESTION, QUESTION, ANSWERED, ECHOED]),
        "stop": st.sampled_from([*[None] * 4, "END", ["words", "\n\n"]]),
        "response_format": st.sampled_from(FORMATS),
        "model": MODELS,
        "capabilities": st.sampled_from([PLAIN, PREFILLS]),
    }
)
STREAMED = st.sampled_from(
    [
        {"stream": False},
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
    ]
)


@dataclass(frozen=True)
class Conversation:
    """A request, the replies that it gets one after the other, and the sizes of their pieces."""

    fields: dict[str, Any]
    replies: tuple[Reply, ...]
    sizes: tuple[int, ...] = field(default=(7,))


@st.composite
def replies(draw: st.DrawFn, seed: Seed) -> Reply:
    """What a model answers: a real reply with something wrong, or scraps."""
    other = draw(st.sampled_from(CORPUS)).text
    written = draw(mutated(seed.text) | mutated(seed.text) | mutated(other) | SCRAPPY)
    text = written.replace(WRITTEN_KEY, KEY)
    # Without halves of surrogate pairs: no upstream lets these through.
    return Reply(text.encode("utf-8", "replace").decode(), draw(FINISHES))


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    """Any request with replies that are right, wrong and in between."""
    calling = draw(TOOL_FIELDS | TOOL_FIELDS | OTHER_FIELDS)
    fields = {**draw(COMMON_FIELDS), **draw(STREAMED), **calling}
    seed = draw(st.sampled_from(CORPUS))
    if draw(st.sampled_from([True, True, True, False])):
        fields["model"] = {**fields["model"], "dialect": seed.options.get("dialect", "fence")}
    count = draw(st.integers(1, 2))
    return Conversation(
        fields, tuple(draw(replies(seed)) for _ in range(count)), tuple(draw(SIZES))
    )


CONVERSATIONS = conversations()
