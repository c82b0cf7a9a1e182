"""The configuration comes to upstreams of every kind, or to one line that says what is wrong."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from bridge.configuration import SettingsError, Table
from bridge.errors import UpstreamUnavailable
from bridge.server.auth import EnvironmentKeys
from bridge.turns import Capabilities, Options, Turn
from bridge.upstream.build import KINDS, build_upstreams, read_upstream
from bridge.upstream.retrying import Retrying
from bridge.upstream.scripted import Scripted
from tests.fake_upstream import FakeUpstream, chat, json_answer, sse

EXAMPLE = Path(__file__).parent.parent / "bridge.toml"
TURNS = [Turn("system", "Be brief."), Turn("user", "hi")]
KEYS = EnvironmentKeys([], {"house": "s3cret"})


def table(**values: object) -> Table:
    return Table(values, ("bridge.toml", "upstreams", "house"))


def built(**values: object):
    return build_upstreams({"house": table(**values)}, KEYS, {})["house"]


async def texts_of(upstream) -> str:
    options = Options(model="theirs", max_tokens=5)
    return "".join([piece.text async for piece in upstream.stream(TURNS, options)])


async def used(upstream) -> str:
    try:
        return await texts_of(upstream)
    finally:
        await upstream.aclose()


def test_openai_text_is_built_as_configured():
    async def scenario():
        async with FakeUpstream([json_answer({}, status=503), chat("Hello")]) as up:
            upstream = built(
                url=f"{up.url}/v1",
                key="house",
                headers={"X-Team": "tools"},
                max_tokens_field="max_completion_tokens",
                extra_body={"top_k": 1},
                prefill=True,
                alternation=True,
                system=False,
                timeouts={"connect": 1, "first_byte": 2, "silence": 2},
                attempts=2,
            )
            assert upstream.capabilities == Capabilities(True, True, False)
            return await used(upstream), up.requests

    text, (_, request) = asyncio.run(scenario())
    assert text == "Hello"
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer s3cret"
    assert request.headers["x-team"] == "tools"
    body = request.json()
    assert (body["max_completion_tokens"], body["top_k"], body["model"]) == (5, 1, "theirs")


@pytest.mark.parametrize("kind", ["openai_text", "ui_stream"])
def test_roles_alternate_unless_the_operator_says_otherwise(kind):
    for given, alternation in (({}, True), ({"alternation": False}, False)):
        upstream = built(kind=kind, url="http://h", **given)
        assert upstream.capabilities.alternation == alternation
        asyncio.run(upstream.aclose())


def test_one_attempt_is_one():
    async def scenario():
        async with FakeUpstream([json_answer({}, status=503), chat("Hello")]) as up:
            with pytest.raises(UpstreamUnavailable):
                await used(built(url=up.url, attempts=1))
            return len(up.requests)

    assert asyncio.run(scenario()) == 1


def test_ui_stream_is_built_as_configured():
    reply = sse({"type": "text-delta", "delta": "Hello"}, {"type": "finish"})

    async def scenario():
        async with FakeUpstream([reply]) as up:
            upstream = built(
                kind="ui_stream",
                url=f"{up.url}/chat",
                key="house",
                key_header="X-Api-Key",
                system="merge",
                alternation=False,
                names=["site"],
                body={"history": "{messages}", "bot": "{model}"},
            )
            assert await upstream.models() == ["site"]
            assert not upstream.capabilities.alternation
            return await used(upstream), up.requests[0]

    text, request = asyncio.run(scenario())
    assert text == "Hello"
    assert request.path == "/chat"
    assert request.headers["x-api-key"] == "s3cret"
    assert request.json()["bot"] == "theirs"
    assert [message["role"] for message in request.json()["history"]] == ["user"]


def test_ui_stream_has_a_body_of_its_own():
    async def scenario():
        async with FakeUpstream([sse({"type": "finish"})]) as up:
            await used(built(kind="ui_stream", url=up.url))
            return up.requests[0].json()

    assert asyncio.run(scenario()).keys() == {"id", "messages", "trigger"}


def test_scripted_reads_its_file(tmp_path):
    script = tmp_path / "replies.toml"
    script.write_text('replies = ["Hello!"]')
    upstream = built(kind="scripted", file=str(script))
    assert isinstance(upstream, Scripted)
    assert asyncio.run(used(upstream)) == "Hello!"


@pytest.fixture
def aws(monkeypatch):
    """Credentials and nothing else, so that botocore looks for nothing outside."""
    pytest.importorskip("boto3")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")


@pytest.mark.usefixtures("aws")
def test_bedrock_is_built_with_a_region():
    upstream = built(kind="bedrock", region="eu-central-1", prefill=True)
    assert isinstance(upstream, Retrying)
    assert upstream.capabilities == Capabilities(prefill=True, alternation=True)
    asyncio.run(upstream.aclose())


WRONG = [
    pytest.param({}, "bridge.toml: upstreams.house.url: is needed", id="no-url"),
    pytest.param({"url": "chat.example.com"}, "house.url: must be a URL that begins", id="scheme"),
    pytest.param({"url": "https://"}, "house.url: must be a URL", id="no-host"),
    pytest.param({"url": "https://[::1"}, "house.url: ", id="broken-url"),
    pytest.param(
        {"url": "https://me:canary@h/v1"}, "house.url: must not hold a key", id="key-in-url"
    ),
    *(
        pytest.param({"url": url}, f"house.url: {words}", id=f"url-{name}")
        for name, url, words in (
            ("port", "http://h:99999", "has a port that is none"),
            ("port-0", "http://h:0/v1", "has a port that is none"),
            ("port-in-words", "http://h:canary", "is no URL that a request"),
            ("line-break", "http://h/v1\ncanary", "is no URL that a request"),
            ("tab", "http://h/\tv1", "is no URL that a request"),
            ("zero", "http://h/\0", "is no URL that a request"),
            ("escape", "http://h\x1b[31m/", "is no URL that a request"),
            ("idn", "http://\u2603\u200d.example", "is no URL that a request"),
            ("idn-prefix", "http://xn--canary-\xfc.example", "is no URL that a request"),
            ("empty-label", "http://a..example", "is no URL that a request"),
            ("long-label", f"http://{'a' * 64}.example", "is no URL that a request"),
            ("long", "http://h/" + "a" * 70_000, "is no URL that a request"),
            ("query", "http://h/v1?api-version=canary", "must not have a query"),
            ("empty-query", "http://h/v1?", "must not have a query"),
            ("fragment", "http://h/v1#canary", "must not have a fragment"),
            ("space-host", "http://a b/v1", "is no URL that a request"),
        )
    ),
    pytest.param(
        {"url": "http://h", "key": "sk-" + "canary" * 12},
        "key: must be the name of",
        id="key-too-long-for-a-name",
    ),
    pytest.param({"url": "http://h", "key": "my canary"}, "key: must be the name of", id="no-name"),
    pytest.param(
        {"url": "http://h", "headers": {"X-A": "a\ncanary"}},
        "headers.X-A: is nothing that a header",
        id="header-line-break",
    ),
    pytest.param(
        {"url": "http://h", "headers": {"X-A": "ü"}},
        "headers.X-A: is nothing",
        id="header-not-ascii",
    ),
    pytest.param({"url": "http://h", "headers": {"X A": "a"}}, 'headers."X A"', id="header-name"),
    pytest.param(
        {"kind": "ui_stream", "url": "http://h", "key_header": "X:"},
        "key_header: string should",
        id="key-header",
    ),
    pytest.param({"kind": "openai"}, "did you mean 'openai_text'?", id="kind"),
    pytest.param({"kind": 5}, "house.kind: must be one of", id="kind-number"),
    pytest.param(
        {"url": "http://h", "body": {}}, "house.body: unknown key", id="key-of-another-kind"
    ),
    pytest.param({"url": "http://h", "headers": {"a": 1}}, "house.headers.a: should", id="header"),
    pytest.param(
        {"url": "http://h", "timeouts": {"silense": 1}},
        "house.timeouts.silense: unknown key; did you mean 'silence'?",
        id="timeout-name",
    ),
    pytest.param(
        {"url": "http://h", "timeouts": {"silence": 0}}, "silence: should be greater", id="timeout"
    ),
    pytest.param({"kind": "scripted", "file": "none.toml"}, "none.toml", id="no-script"),
    pytest.param({"kind": "llama", "path": "none.gguf"}, "house: ", id="no-model"),
]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434/v1",
        "https://[::1]:8443",
        "http://münchen.example/v1/",
        "https://xn--mnchen-3ya.example",
        "http://my_service:80/v1",
        "http://h./v1",
    ],
)
def test_a_url_that_is_taken(url):
    assert read_upstream(table(url=url)).model_dump()["url"] == url


def test_a_url_that_is_posted_to_may_have_a_query():
    url = "https://h/chat?team=a"
    assert read_upstream(table(kind="ui_stream", url=url)).model_dump()["url"] == url


@pytest.mark.parametrize(("values", "words"), WRONG)
def test_a_wrong_table_is_named(values, words):
    with pytest.raises(SettingsError) as caught:
        built(**values)
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("aws")
def test_a_region_is_needed_somewhere():
    with pytest.raises(SettingsError, match="house: You must specify a region"):
        built(kind="bedrock")


def test_the_example_shows_every_kind():
    lines = [line.removeprefix("# ") for line in EXAMPLE.read_text("utf-8").splitlines()]
    example = tomllib.loads("\n".join(line for line in lines if not line.startswith("#")))
    tables = {name: Table(values) for name, values in example["upstreams"].items()}
    assert {read_upstream(each).kind for each in tables.values()} == set(KINDS)
