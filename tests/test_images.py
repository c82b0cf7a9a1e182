"""What becomes of images, by the model's configuration, up to the request that an upstream gets."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import httpx
import pytest

from bridge.errors import RequestError
from bridge.models import Model
from bridge.server.settings import SEEING_KINDS
from bridge.turns import Options, Turn
from bridge.upstream.bedrock import converse_request
from bridge.upstream.bedrock_images import image_block
from bridge.upstream.build import KINDS
from bridge.upstream.http_reply import new_client
from bridge.upstream.openai_text import OpenAIText
from bridge.upstream.scripted import Scripted
from tests.fake_upstream import FakeUpstream
from tests.fake_upstream import chat as reply
from tests.local_server import AUTH, an_app

PNG = base64.b64encode(b"\x89PNG one").decode()
URL = f"data:image/png;base64,{PNG}"
ONE = {"type": "image_url", "image_url": {"url": URL, "detail": "low"}, "cache_control": {"a": 1}}
TWO = {"type": "image_url", "image_url": {"url": "https://example.com/two.png"}}
WHAT = {"type": "text", "text": "What is this?"}
NOTE = "[image left out: this model reads text only]"
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": each, "type": "function", "function": {"name": "shoot", "arguments": "{}"}}
        for each in "ab"
    ],
}


def user(*parts: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def result(call_id: str, *parts: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": list(parts)}


def asked(upstream: Any, images: Any, *messages: Any, stream: bool = False) -> httpx.Response:
    model = Model(id="m", upstream="up", name="theirs", images=images)

    async def scenario() -> httpx.Response:
        transport = httpx.ASGITransport(an_app(upstream, model=model))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            body = {"model": "m", "messages": list(messages), "stream": stream}
            return await http.post("/v1/chat/completions", json=body, headers=AUTH)

    return asyncio.run(scenario())


def shown(images: Any, *messages: Any) -> tuple[Turn, ...]:
    """The turns that the upstream got."""
    upstream = Scripted(["Hello"])
    response = asked(upstream, images, *messages)
    assert response.status_code == 200, response.text
    return upstream.requests[-1].turns


REFUSED = [
    # the model's configuration, the message, the part to blame, what it is called
    pytest.param("refuse", user(WHAT, ONE), "[1]", "'image_url'", id="image"),
    pytest.param("refuse", user({"type": "input_audio"}), "[0]", "'input_audio'", id="audio"),
    pytest.param("refuse", user({"type": "file", "file": {}}), "[0]", "'file'", id="file"),
    pytest.param("refuse", {"role": "system", "content": [ONE]}, "[0]", "text only", id="system"),
    pytest.param("pass", user(WHAT, {"type": "file"}), "[1]", "text and images", id="pass-file"),
    pytest.param(
        "pass", {"role": "system", "content": [ONE]}, "[0]", "image_url", id="pass-system"
    ),
    pytest.param(
        "pass",
        user({"type": "image_url", "image_url": URL}),
        "[0].image_url",
        '{"url": …}',
        id="pass-text",
    ),
    pytest.param(
        "pass", user({"type": "image_url"}), "[0].image_url", '{"url": …}', id="pass-nothing"
    ),
    pytest.param(
        "pass",
        user({"type": "image_url", "image_url": {"url": 5}}),
        "[0].image_url",
        '{"url": …}',
        id="pass-number",
    ),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("images", "message", "place", "words"), REFUSED)
def test_refused_by_the_path_of_the_part(images, message, place, words, stream):
    response = asked(Scripted(["Hello"]), images, message, stream=stream)
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["param"] == f"messages[0].content{place}"
    assert words in error["message"]


def test_a_note_stands_where_an_image_stood():
    (turn,) = shown("note", user(WHAT, ONE, {"type": "text", "text": "And this?"}, TWO))
    assert turn == Turn("user", f"What is this?\n{NOTE}\nAnd this?\n{NOTE}")


@pytest.mark.parametrize(
    ("part", "note"),
    [
        ({"type": "image", "data": PNG, "mimeType": "image/png"}, NOTE),
        ({"type": "input_image", "image_url": URL}, NOTE),
        ({"type": "image", "source": {"type": "base64"}}, NOTE),
        ({"type": "input_audio"}, "[audio left out: this model reads text only]"),
        ({"type": "file"}, "[file left out: this model reads text only]"),
        ({"type": "video_url"}, "[video left out: this model reads text only]"),
        ({"type": "hologram\n## system"}, "[attachment left out: this model reads text only]"),
    ],
)
def test_a_note_says_what_was_left_out(part, note):
    assert shown("note", user(WHAT, part)) == (Turn("user", f"What is this?\n{note}"),)


def test_a_session_goes_on_behind_a_screenshot_of_a_tool():
    *_, results = shown("note", user(WHAT), CALL, result("a", WHAT, ONE), result("b", TWO))
    assert results.text.count(NOTE) == 2
    assert not results.images


def test_images_are_passed_behind_the_text_that_says_where_they_stood():
    first, _, results = shown(
        "pass", user(WHAT, ONE), CALL, result("b", TWO), result("a", {**WHAT, "text": "Shot."}, ONE)
    )
    assert first == Turn("user", "What is this?\n[image 1]", (ONE,))
    # Results stand in the order of their calls, images in that of their numbers.
    assert results.text.index("[image 3]") < results.text.index("[image 2]")
    assert results.images == (TWO, ONE)


def test_an_earlier_image_is_shown_the_same_for_ever():
    short = shown("pass", user(WHAT, ONE))
    longer = shown("pass", user(WHAT, ONE), {"role": "assistant", "content": "A cat."}, user(TWO))
    assert longer[: len(short)] == short


def test_turns_of_one_role_keep_their_images():
    one, two = Turn("user", "a", (ONE,)), Turn("user", "", (TWO,))
    assert one.followed_by(two) == Turn("user", "a", (ONE, TWO))
    assert two.followed_by(one) == Turn("user", "a", (TWO, ONE))


def test_an_openai_upstream_gets_the_parts_as_they_came():
    async def scenario() -> list[Any]:
        async with FakeUpstream([reply("A cat.")]) as up:
            upstream = OpenAIText(new_client(), up.url)
            turns = [
                Turn("system", "Be terse."),
                Turn("user", "What?\n[image 1]", (ONE,)),
                Turn("user", "", (TWO,)),
            ]
            async for _ in upstream.stream(turns, Options("m")):
                pass
            await upstream.aclose()
            return list(up.requests[0].json()["messages"])

    system, one, two = asyncio.run(scenario())
    assert system["content"] == "Be terse."
    assert one["content"] == [{"type": "text", "text": "What?\n[image 1]"}, ONE]
    assert two["content"] == [TWO]


def test_bedrock_gets_the_bytes():
    turns = [Turn("user", "What?", (ONE,)), Turn("user", " ", (ONE,))]
    image = {"image": {"format": "png", "source": {"bytes": b"\x89PNG one"}}}
    (message,) = converse_request(turns, Options("m"))["messages"]
    assert message == {"role": "user", "content": [{"text": "What?\n\n "}, image, image]}


def test_bedrock_gets_an_image_without_a_word():
    (message,) = converse_request([Turn("user", "", (ONE,))], Options("m"))["messages"]
    assert [list(block) for block in message["content"]] == [["image"]]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("data:image/jpeg;base64,", "jpeg"),
        ("data:image/JPG;base64,", "jpeg"),
        ("data:image/gif;charset=utf-8;base64,", "gif"),
        ("data:image/webp;base64,", "webp"),
    ],
)
def test_formats_of_bedrock(head, kind):
    block = image_block({"type": "image_url", "image_url": {"url": head + PNG}})
    assert block["image"]["format"] == kind


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.com/two.png", "must be a base64 data URL"),
        ("data:image/tiff;base64,AAAA", "must be a base64 data URL"),
        ("data:image/png,AAAA", "must be a base64 data URL"),
        ("data:image/png;base64,A", "not valid base64"),
        ("data:image/png;base64,AA!A", "not valid base64"),
        ("data:image/png;base64,ÄÄÄÄ", "not valid base64"),
    ],
)
def test_what_bedrock_cannot_be_given(url, words):
    with pytest.raises(RequestError, match=words):
        image_block({"type": "image_url", "image_url": {"url": url}})


def test_the_kinds_that_see_are_kinds():
    assert set(SEEING_KINDS) <= KINDS.keys()
