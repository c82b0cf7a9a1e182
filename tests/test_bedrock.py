"""The Bedrock upstream: the real boto3 client against a server that speaks the real framing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing

import pytest

from bridge.errors import (
    BridgeError,
    ContextTooLong,
    RequestError,
    UpstreamCut,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from bridge.turns import Options, Piece, TokenCounts, Turn, UpstreamFinish
from bridge.upstream.bedrock import OPENING, Bedrock, bedrock_client, converse_request
from bridge.upstream.timing import DEFAULT_TIMEOUTS, Timeouts
from tests.fake_bedrock import (
    Exchange,
    FakeBedrock,
    bedrock_server,
    environment,
    event,
    failure,
    stop,
    text,
    usage,
)

MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
HELLO = [Turn("user", "Hello.")]
HANGING = 60
"""Seconds after which what is waited for will not come; a busy machine takes a tenth of them."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    with bedrock_server() as running:
        for name, value in environment(running).items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture(scope="module", autouse=True)
def _warm_boto3():
    """The first client of a process loads boto3, which is nothing to time."""
    bedrock_client("eu-central-1").close()


def replied(*turns: Turn, timeouts: Timeouts = DEFAULT_TIMEOUTS, **options) -> list[Piece]:
    async def run() -> list[Piece]:
        bedrock = Bedrock(bedrock_client(timeouts=timeouts), timeouts=timeouts)
        try:
            stream = bedrock.stream(turns or HELLO, Options(MODEL, **options))
            return [piece async for piece in stream]
        finally:
            await bedrock.aclose()

    return asyncio.run(run())


async def until(condition) -> None:
    async with asyncio.timeout(HANGING):
        while not condition():
            await asyncio.sleep(0.005)


def threads() -> int:
    return sum(thread.name == "bedrock" for thread in threading.enumerate())


def test_a_reply_comes_piece_by_piece_with_its_finish_and_counts(server: FakeBedrock) -> None:
    server.script = lambda exchange: exchange.stream(
        event("messageStart", role="assistant"),
        event("contentBlockDelta", delta={"reasoningContent": {"text": "hm"}}, contentBlockIndex=0),
        text("Guten "),
        text("Tag 北京"),
        event("contentBlockStop", contentBlockIndex=0),
        stop(),
        usage(10, 5, cacheReadInputTokens=90, cacheWriteInputTokens=3),
    )
    counts = TokenCounts(prompt=103, completion=5, cached=90)
    assert replied() == [
        Piece(thinking="hm"),
        Piece("Guten "),
        Piece("Tag 北京"),
        Piece(finish="stop", counts=counts),
    ]


def test_halves_of_characters_are_joined(server: FakeBedrock) -> None:
    """A lone surrogate can be sent to no client: the answer would end with a server error."""
    server.script = lambda exchange: exchange.stream(
        text("a\ud83d"), text("\ude00"), text("\ude00b\ud83d"), stop()
    )
    assert replied() == [
        Piece("a"),
        Piece("😀"),
        Piece("\ufffdb"),
        Piece("\ufffd", "stop"),
    ]


def test_the_request_holds_text_and_nothing_else(server: FakeBedrock) -> None:
    replied(
        Turn("system", "Be brief."),
        Turn("user", "Hello."),
        max_tokens=100,
        temperature=1.7,
        top_p=0.9,
        seed=7,
    )
    ((path, body),) = server.requests
    assert path == f"/model/{MODEL.replace(':', '%3A')}/converse-stream"
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "Hello."}]}],
        "inferenceConfig": {"maxTokens": 100, "temperature": 1.0, "topP": 0.9},
    }


@pytest.mark.parametrize(
    ("turns", "system", "messages"),
    [
        pytest.param([Turn("user", "a")], [], [("user", "a")], id="plain"),
        pytest.param(
            [Turn("system", "s"), Turn("system", "t"), Turn("user", "a")],
            ["s", "t"],
            [("user", "a")],
            id="leading system turns",
        ),
        pytest.param(
            [Turn("user", "a"), Turn("assistant", "b"), Turn("system", "s"), Turn("user", "c")],
            [],
            [("user", "a"), ("assistant", "b"), ("user", "s\n\nc")],
            id="a system turn in the middle speaks as the user",
        ),
        pytest.param(
            [Turn("user", "a"), Turn("assistant", " \n"), Turn("user", "b")],
            [],
            [("user", "a\n\nb")],
            id="a blank turn is left out and its neighbours merge",
        ),
        pytest.param(
            [Turn("system", "s"), Turn("assistant", "b"), Turn("user", "c")],
            ["s"],
            [("user", OPENING), ("assistant", "b"), ("user", "c")],
            id="the assistant speaks first",
        ),
        pytest.param([Turn("system", "s")], ["s"], [("user", OPENING)], id="only a system turn"),
        pytest.param([Turn("user", "")], [], [("user", OPENING)], id="nothing at all"),
    ],
)
def test_turns_alternate_and_are_not_blank(
    turns: list[Turn], system: list[str], messages: list[tuple[str, str]]
) -> None:
    request = converse_request(turns, Options(MODEL))
    assert request.get("system", []) == [{"text": each} for each in system]
    assert request["messages"] == [
        {"role": role, "content": [{"text": each}]} for role, each in messages
    ]
    assert "inferenceConfig" not in request


def test_an_unfinished_message_ends_without_white_space() -> None:
    turns = [Turn("user", "a"), Turn("assistant", "```tool_call x\n")]
    assert converse_request(turns, Options(MODEL, prefill=True))["messages"][-1] == {
        "role": "assistant",
        "content": [{"text": "```tool_call x"}],
    }


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "stop"),
        ("a_new_one", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
    ],
)
def test_stop_reasons(server: FakeBedrock, reason: str, finish: UpstreamFinish) -> None:
    server.script = lambda exchange: exchange.stream(text("a"), stop(reason))
    assert replied()[-1] == Piece(finish=finish)


REFUSALS = [
    (400, "ThrottlingException", "Too many tokens, please wait", UpstreamRateLimited),
    (429, "ThrottlingException", "Too many requests", UpstreamRateLimited),
    (400, "ServiceQuotaExceededException", "what AWS says", UpstreamRateLimited),
    (403, "AccessDeniedException", "no access to the model", UpstreamRefused),
    (403, "UnrecognizedClientException", "token is invalid", UpstreamRefused),
    (403, "ExpiredTokenException", "expired", UpstreamRefused),
    (404, "ResourceNotFoundException", "Could not resolve", UpstreamInvalid),
    (400, "ValidationException", "The provided model identifier is invalid.", UpstreamInvalid),
    (400, "ValidationException", "Input is too long for requested model.", ContextTooLong),
    (
        400,
        "ValidationException",
        "The model returned the following errors: prompt is too long: 209353 tokens > 199999",
        ContextTooLong,
    ),
    (400, "ValidationException", "temperature and top_p cannot both be given", RequestError),
    (408, "ModelTimeoutException", "what AWS says", UpstreamTimeout),
    (424, "ModelErrorException", "what AWS says", UpstreamUnavailable),
    (429, "ModelNotReadyException", "what AWS says", UpstreamUnavailable),
    (500, "InternalServerException", "what AWS says", UpstreamUnavailable),
    (503, "ServiceUnavailableException", "what AWS says", UpstreamUnavailable),
    (502, "SomethingElse", "what AWS says", UpstreamUnavailable),
    (418, "SomethingElse", "what AWS says", UpstreamError),
]


@pytest.mark.parametrize(
    ("status", "name", "message", "expected"),
    [pytest.param(*each, id=f"{each[1]}-{number}") for number, each in enumerate(REFUSALS)],
)
def test_refusals_are_renamed(
    server: FakeBedrock, status: int, name: str, message: str, expected: type[BridgeError]
) -> None:
    server.script = lambda exchange: exchange.refuse(status, name, message)
    with pytest.raises(expected) as caught:
        replied()
    assert type(caught.value) is expected
    assert message not in caught.value.message
    # Trying again is decided elsewhere, where it can be seen.
    assert len(server.requests) == 1


def test_what_bedrock_may_quote_is_not_logged(
    server: FakeBedrock, caplog: pytest.LogCaptureFixture
) -> None:
    message = "#/messages/0/content: 'use model id c4n4ry' is malformed"
    server.script = lambda exchange: exchange.refuse(400, "ValidationException", message)
    with pytest.raises(UpstreamInvalid):
        replied()
    assert caplog.messages == ["Bedrock: ValidationException: … model id …"]


def test_retry_after_is_passed_on(server: FakeBedrock) -> None:
    server.script = lambda exchange: exchange.refuse(429, "ThrottlingException", retry_after="7")
    with pytest.raises(UpstreamRateLimited) as caught:
        replied()
    assert caught.value.headers == {"Retry-After": "7"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("throttlingException", UpstreamRateLimited),
        ("modelStreamErrorException", UpstreamCut),
        ("internalServerException", UpstreamUnavailable),
        ("serviceUnavailableException", UpstreamUnavailable),
        ("validationException", RequestError),
    ],
)
def test_an_exception_frame_in_the_middle(
    server: FakeBedrock, name: str, expected: type[BridgeError]
) -> None:
    server.script = lambda exchange: exchange.stream(text("Hel"), failure(name), text("lo"))

    async def run() -> list[Piece]:
        bedrock = Bedrock(bedrock_client())
        seen = []
        with pytest.raises(expected) as caught:
            async for piece in bedrock.stream(HELLO, Options(MODEL)):
                seen.append(piece)
        assert type(caught.value) is expected
        await bedrock.aclose()
        return seen

    assert asyncio.run(run()) == [Piece("Hel")]


def breaks_off(exchange: Exchange) -> None:
    exchange.begin()
    exchange.send(text("Hel"))
    exchange.send(text("lo")[:20])
    exchange.close_connection = True


def ends_early(exchange: Exchange) -> None:
    exchange.stream(text("Hel"))


def garbles(exchange: Exchange) -> None:
    good = text("lo")
    exchange.stream(text("Hel"), good[:-1] + bytes([good[-1] ^ 1]))


@pytest.mark.parametrize(
    ("script", "expected"),
    [(breaks_off, UpstreamCut), (ends_early, UpstreamCut), (garbles, UpstreamInvalid)],
)
def test_a_reply_that_does_not_end_well(
    server: FakeBedrock, script, expected: type[BridgeError]
) -> None:
    server.script = script
    with pytest.raises(expected):
        replied()


def test_nothing_listening(server: FakeBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")
    with pytest.raises(UpstreamUnavailable):
        replied()


def test_no_credentials(server: FakeBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(UpstreamRefused):
        replied()
    assert server.requests == []


def test_an_upstream_without_a_head_times_out(server: FakeBedrock) -> None:
    server.script = Exchange.hang

    async def run() -> None:
        bedrock = Bedrock(bedrock_client(), timeouts=Timeouts(first_byte=0.2))
        with pytest.raises(UpstreamTimeout):
            await anext(bedrock.stream(HELLO, Options(MODEL)))
        assert not server.left.is_set()  # as it is when botocore's own limit has passed
        await bedrock.aclose()

    asyncio.run(run())


def test_a_thread_that_waits_for_a_head_ends_with_botocores_own_limit(server: FakeBedrock) -> None:
    server.script = Exchange.hang
    with pytest.raises(UpstreamTimeout):
        replied(timeouts=Timeouts(first_byte=0.2, silence=0.2))
    assert server.left.wait(HANGING)


def test_an_upstream_that_falls_silent_times_out(server: FakeBedrock) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(text("Hel"))
        exchange.hang()

    server.script = script
    pieces = []

    async def run() -> None:
        timeouts = Timeouts(first_byte=10 * HANGING, silence=0.2)
        bedrock = Bedrock(bedrock_client(timeouts=timeouts), timeouts=timeouts)
        with pytest.raises(UpstreamTimeout):
            async for piece in bedrock.stream(HELLO, Options(MODEL)):
                pieces.append(piece)
        await until(server.left.is_set)  # long before botocore's own limit
        await bedrock.aclose()

    asyncio.run(run())
    assert pieces == [Piece("Hel")]


def test_a_slow_stream_does_not_block_the_loop(server: FakeBedrock) -> None:
    """Each piece is written only after the loop has gone on, and has seen the one before."""
    wanted = threading.Semaphore(0)

    def script(exchange: Exchange) -> None:
        exchange.begin()
        for number in range(3):
            assert wanted.acquire(timeout=HANGING)
            exchange.send(text(str(number)))
        exchange.send(stop())
        exchange.end()

    server.script = script

    async def run() -> None:
        bedrock = Bedrock(bedrock_client())
        texts: list[str] = []

        async def beside() -> None:
            for number in range(3):
                await until(lambda: len(texts) == number)  # noqa: B023
                for _ in range(10):
                    await asyncio.sleep(0.001)
                wanted.release()

        beating = asyncio.create_task(beside())
        async for piece in bedrock.stream(HELLO, Options(MODEL)):
            texts.append(piece.text)
        await beating
        await bedrock.aclose()
        assert texts == ["0", "1", "2", ""]

    asyncio.run(run())


def test_many_replies_run_at_once(server: FakeBedrock) -> None:
    meeting = threading.Barrier(40)

    def script(exchange: Exchange) -> None:
        meeting.wait(HANGING)
        exchange.stream(text(exchange.path), stop())

    server.script = script

    async def run() -> None:
        bedrock = Bedrock(bedrock_client())

        async def one(number: int) -> str:
            options = Options(f"model-{number}")
            return "".join([piece.text async for piece in bedrock.stream(HELLO, options)])

        replies = await asyncio.gather(*map(one, range(40)))
        assert replies == [f"/model/model-{number}/converse-stream" for number in range(40)]
        await bedrock.aclose()

    asyncio.run(run())


def test_closing_the_stream_closes_the_socket_and_ends_the_thread(server: FakeBedrock) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(text("Hel"))
        exchange.hang()

    server.script = script

    async def run() -> None:
        await until(lambda: threads() == 0)  # those of the test before
        bedrock = Bedrock(bedrock_client())
        async with aclosing(bedrock.stream(HELLO, Options(MODEL))) as pieces:
            assert await anext(pieces) == Piece("Hel")
            assert threads() == 1
        await until(server.left.is_set)
        await until(lambda: threads() == 0)
        await bedrock.aclose()

    asyncio.run(run())


def test_a_consumer_that_does_not_read_slows_the_upstream(server: FakeBedrock) -> None:
    sent = 0

    def script(exchange: Exchange) -> None:
        nonlocal sent
        exchange.begin()
        while sent < 20_000:
            exchange.send(text("x" * 1000))
            sent += 1

    server.script = script

    async def run() -> None:
        bedrock = Bedrock(bedrock_client())
        async with aclosing(bedrock.stream(HELLO, Options(MODEL))) as pieces:
            await anext(pieces)
            earlier = -1
            while earlier != sent:
                earlier = sent
                await asyncio.sleep(0.1)
            # What the sockets hold is some megabytes; twenty would be all of it.
            assert sent < 15_000
        await until(server.left.is_set)
        await until(lambda: threads() == 0)
        await bedrock.aclose()

    asyncio.run(run())


def test_a_connection_is_used_again(server: FakeBedrock) -> None:
    server.script = lambda exchange: exchange.stream(text("a"), stop())

    async def run() -> None:
        bedrock = Bedrock(bedrock_client())
        for _ in range(3):
            assert [piece async for piece in bedrock.stream(HELLO, Options(MODEL))]
        await bedrock.aclose()

    asyncio.run(run())
    assert len(server.requests) == 3
    assert server.connections == 1


def test_stopping_ends_what_runs(server: FakeBedrock) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.send(text("Hel"))
        exchange.hang()

    server.script = script

    async def run() -> None:
        bedrock = Bedrock(bedrock_client())
        pieces = bedrock.stream(HELLO, Options(MODEL))
        assert await anext(pieces) == Piece("Hel")
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0.01)
        await bedrock.aclose()
        with pytest.raises(UpstreamCut):
            await waiting
        with pytest.raises(UpstreamUnavailable):
            await anext(bedrock.stream(HELLO, Options(MODEL)))
        assert await bedrock.models() == []

    asyncio.run(run())
    assert server.left.wait(HANGING)
