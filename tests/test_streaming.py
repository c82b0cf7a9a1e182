"""The pump over real sockets: early bytes, kept alive, cut, cancelled, out of time."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import httpx
import pytest

from bridge.dialects.key import key_for
from bridge.errors import (
    UpstreamCut,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from bridge.keys import hashed
from bridge.models import Model
from bridge.server.pace import Pace
from bridge.turns import Capabilities, Piece, TokenCounts
from bridge.upstream.http_reply import new_client
from bridge.upstream.openai_text import OpenAIText
from bridge.upstream.scripted import Delay, Scripted
from tests.clock import run
from tests.fake_upstream import FakeUpstream, Hang, Pause, Reset, chunk, sse
from tests.local_server import AUTH, KEY, LocalServer, an_app, chat, serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

PATH = "/v1/chat/completions"
STREAM = chat(stream=True)


class Gated:
    """An upstream whose pieces come when the test says so; it knows what became of it."""

    capabilities = Capabilities()

    def __init__(self, *pieces: Piece) -> None:
        self.pieces = pieces or (Piece("Hello"), Piece(", world", finish="stop"))
        self.gate = asyncio.Semaphore(0)
        self.asked = 0
        self.given = 0
        self.open = 0
        self.closed = asyncio.Event()
        self.farewell = 0.0
        """Seconds that closing takes."""

    async def stream(self, turns, options):
        self.asked += 1
        self.open += 1
        try:
            for piece in self.pieces:
                await self.gate.acquire()
                self.given += 1
                yield piece
        finally:
            await asyncio.sleep(self.farewell)
            self.open -= 1
            self.closed.set()

    async def models(self):
        return ["theirs"]

    async def aclose(self):
        pass


def events_of(text: str) -> list[Any]:
    """The data of all events; comments are left out."""
    blocks = [block for block in text.split("\n\n") if block.startswith("data: ")]
    datas = [block.removeprefix("data: ") for block in blocks]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


def content_of(events: list[Any]) -> str:
    return "".join(
        choice["delta"].get("content") or ""
        for event in events
        if event != "[DONE]" and "choices" in event
        for choice in event["choices"]
    )


async def until(condition: Callable[[], object], seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


class Reading:
    """A streamed answer as it comes: its head, and the text so far."""

    def __init__(self, response: httpx.Response, texts: AsyncGenerator[str]) -> None:
        self.response = response
        self.seen = ""
        self._texts = texts

    async def until(self, condition: Callable[[str], object]) -> None:
        while not condition(self.seen):
            self.seen += await anext(self._texts)

    async def rest(self) -> None:
        async for text in self._texts:
            self.seen += text


@asynccontextmanager
async def reading(server: LocalServer) -> AsyncGenerator[Reading]:
    """A streamed answer; leaving the block closes the connection."""
    async with (
        httpx.AsyncClient(base_url=server.url, headers=AUTH) as http,
        http.stream("POST", PATH, json=STREAM) as response,
        # httpx says less of its generator than it is.
        aclosing(cast("AsyncGenerator[str]", response.aiter_text())) as texts,
    ):
        yield Reading(response, texts)


async def answered(app: Any, body: object) -> httpx.Response:
    async with serving(app) as server:
        return await server.http.post(PATH, json=body)


def test_each_piece_arrives_before_the_next_one_is_written():
    async def scenario():
        upstream = Gated(Piece("Hello"), Piece(", world"), Piece("!", finish="stop"))
        async with serving(an_app(upstream)) as server:
            upstream.gate.release()
            async with reading(server) as answer:
                await answer.until(lambda seen: content_of(events_of(seen)) == "Hello")
                assert upstream.given == 1
                upstream.gate.release()
                await answer.until(lambda seen: content_of(events_of(seen)) == "Hello, world")
                assert upstream.given == 2
                upstream.gate.release()
                await answer.rest()
        return answer

    answer = run(scenario())
    assert answer.response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.seen.startswith(": ok\n\n")
    events = events_of(answer.seen)
    assert content_of(events) == "Hello, world!"
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert events[-1] == "[DONE]"
    assert events[-2]["choices"][0]["finish_reason"] == "stop"
    assert all("usage" not in event for event in events[:-1])
    assert len({(event["id"], event["created"]) for event in events[:-1]}) == 1


def test_usage_is_added_when_asked_for():
    body = chat(stream=True, stream_options={"include_usage": True})
    response = run(answered(an_app(Scripted(["Hello"])), body))
    *chunks, usage, done = events_of(response.text)
    assert done == "[DONE]"
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] > 0
    assert all(event["usage"] is None for event in chunks)


def test_a_whole_answer_is_the_fold_of_the_stream():
    async def scenario():
        async with serving(an_app(Scripted(["Hello, world"]))) as server:
            whole = await server.http.post(PATH, json=chat())
            streamed = await server.http.post(PATH, json=STREAM)
        return whole.json(), events_of(streamed.text)

    whole, events = run(scenario())
    assert whole["choices"][0]["message"]["content"] == content_of(events) == "Hello, world"
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["object"] == "chat.completion"
    assert whole["id"].removeprefix("chatcmpl-").isalnum()
    assert len(whole["id"]) == len("chatcmpl-") + 24


@pytest.mark.parametrize("stream", [False, True])
def test_choices_run_side_by_side(stream):
    async def scenario():
        upstream = Gated()
        async with serving(an_app(upstream)) as server:
            asking = asyncio.create_task(server.http.post(PATH, json=chat(n=3, stream=stream)))
            await until(lambda: upstream.asked == 3)
            for _ in range(6):
                upstream.gate.release()
            return await asking

    response = run(scenario())
    if stream:
        events = events_of(response.text)
        assert events[-1] == "[DONE]"
        choices = [event["choices"][0] for event in events[:-1]]
        texts = ["".join(c["delta"].get("content") or "" for c in choices if c["index"] == i)
                 for i in range(3)]  # fmt: skip
        finishes = [c["index"] for c in choices if c["finish_reason"] == "stop"]
        assert sorted(finishes) == [0, 1, 2]
    else:
        texts = [choice["message"]["content"] for choice in response.json()["choices"]]
    assert texts == ["Hello, world"] * 3


class SecondFails(Gated):
    """An upstream whose second reply fails while the first waits."""

    async def stream(self, turns, options):
        if self.asked == 1:
            raise UpstreamUnavailable("down")
        async with aclosing(super().stream(turns, options)) as pieces:
            async for piece in pieces:
                yield piece


def test_one_choice_that_fails_ends_them_all():
    async def scenario():
        upstream = SecondFails()
        response = await answered(an_app(upstream), chat(n=2))
        assert upstream.closed.is_set()
        assert upstream.open == 0
        return response

    response = run(scenario())
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "upstream_unavailable"


BEFORE = [
    pytest.param(UpstreamUnavailable("down"), 503, "upstream_unavailable", id="unavailable"),
    pytest.param(UpstreamTimeout("slow"), 504, "upstream_timeout", id="timeout"),
    pytest.param(UpstreamCut("cut"), 502, "upstream_cut", id="cut"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("error", "status", "code"), BEFORE)
def test_a_failure_before_the_first_piece_is_a_status(error, status, code, stream):
    reports = []
    app = an_app(Scripted([error]), reports=reports)
    response = run(answered(app, chat(stream=stream)))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json()["error"]["code"] == code
    assert [(report.status, report.error) for report in reports] == [(status, code)]


def test_counts_alone_do_not_begin_an_answer():
    """A reply that was cut before its first word became a 200 with an error in it."""
    counts = TokenCounts(prompt=3)
    reports = []
    app = an_app(Scripted([[Piece(counts=counts), UpstreamCut("cut")]]), reports=reports)
    response = run(answered(app, STREAM))
    assert response.status_code == 502
    assert reports[0].prompt_tokens == 3


def test_a_rate_limit_keeps_its_waiting_time():
    error = UpstreamRateLimited("busy", headers={"Retry-After": "7"})
    response = run(answered(an_app(Scripted([error])), STREAM))
    assert (response.status_code, response.headers["retry-after"]) == (429, "7")


def test_a_failure_after_the_first_piece_is_an_event():
    reports = []
    app = an_app(Scripted([["Hello", UpstreamCut("It broke off.")]]), reports=reports)
    response = run(answered(app, STREAM))
    assert response.status_code == 200
    *before, last = events_of(response.text)
    assert last == {
        "error": {
            "message": "It broke off.",
            "type": "upstream_error",
            "param": None,
            "code": "upstream_cut",
        }
    }
    assert content_of(before) == "Hello"
    assert all(event["choices"][0]["finish_reason"] is None for event in before)
    assert (reports[0].status, reports[0].error) == (200, "upstream_cut")


@pytest.mark.parametrize("hold", [0, 2048])
def test_an_upstream_that_dies_in_a_call_leaves_no_whole_one(hold):
    """One that said ``tool_calls`` over half of the arguments was run, and killed the chat."""
    key = key_for(hashed(KEY).encode())
    begun = f'```tool_call {key}\n{{"name": "f", "arguments": {{"a": "half'
    model = Model("m", "up", "theirs", hold=hold)
    app = an_app(Scripted([[begun, UpstreamCut("It broke off.")]]), model=model)
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    *before, last = events_of(run(answered(app, {**STREAM, "tools": [tool]})).text)
    assert last["error"]["code"] == "upstream_cut"
    choices = [event["choices"][0] for event in before]
    assert all(choice["finish_reason"] is None for choice in choices)
    called = [
        choice["delta"]["tool_calls"] for choice in choices if "tool_calls" in choice["delta"]
    ]
    arguments = "".join(call["function"]["arguments"] for calls in called for call in calls)
    assert arguments == ("" if hold else '{"a":"half')


class Broken(Gated):
    """An upstream with a fault that none may have."""

    async def stream(self, turns, options):
        if self.pieces[0].text:
            yield self.pieces[0]
        raise ZeroDivisionError("canary 7f3a")


@pytest.mark.parametrize(
    ("first", "stream"),
    [
        pytest.param(Piece("Hello"), True, id="in-a-stream"),
        pytest.param(Piece(), True, id="before-a-stream"),
        pytest.param(Piece(), False, id="whole"),
    ],
)
def test_the_unexpected_is_logged_without_its_words(first, stream, caplog):
    with caplog.at_level(logging.DEBUG):
        response = run(answered(an_app(Broken(first)), chat(stream=stream)))
    if first.text:
        error = events_of(response.text)[-1]["error"]
        assert "[DONE]" not in response.text
    else:
        assert response.status_code == 500
        error = response.json()["error"]
    assert error["code"] == "internal_error"
    assert "canary" not in response.text
    assert "canary" not in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "test_streaming.py" in caplog.text


def test_silence_is_filled_with_comments():
    async def scenario():
        upstream = Gated(Piece("Hello"), Piece(finish="stop"))
        app = an_app(upstream, pace=Pace(quiet=0.05))
        async with serving(app) as server:
            upstream.gate.release()
            async with reading(server) as answer:
                await answer.until(lambda seen: seen.count(": keep-alive\n\n") == 3)
                upstream.gate.release()
                await answer.rest()
            assert upstream.asked == 1
        return answer.seen

    events = events_of(run(scenario()))
    assert content_of(events) == "Hello"
    assert events[-1] == "[DONE]"


def test_comments_come_while_a_reply_is_held_back():
    tool = {"type": "function", "function": {"name": "f"}}
    body = chat(stream=True, tools=[tool], tool_choice="required")
    upstream = Scripted([["Let me see", Delay(0.3), "."], "no call again"])
    app = an_app(upstream, pace=Pace(quiet=0.05))
    response = run(answered(app, body))
    assert response.status_code == 200
    head, _, _ = response.text.partition("data: ")
    assert head.startswith(": ok\n\n: keep-alive\n\n")
    assert events_of(response.text)[-1]["error"]["code"] == "tool_call_invalid"


def test_nothing_is_kept_alive_before_the_first_piece():
    """The status line waits for the upstream's first piece, however long that takes."""
    reports = []
    app = an_app(
        Scripted([[Delay(0.2), UpstreamTimeout("slow")]]), pace=Pace(quiet=0.05), reports=reports
    )
    assert run(answered(app, STREAM)).status_code == 504


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_closes_the_upstream(stream):
    async def scenario():
        reports = []
        upstream = Gated(*[Piece("Hello")] * 3)
        upstream.farewell = 0.1
        async with serving(an_app(upstream, reports=reports)) as server:
            upstream.gate.release()
            if stream:
                async with reading(server) as answer:
                    await answer.until(lambda seen: "Hello" in seen)
            else:
                asking = asyncio.create_task(server.http.post(PATH, json=chat()))
                await until(lambda: upstream.given == 1)
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            await until(lambda: reports)
            # The request is over when nothing holds the upstream any more, not before.
            assert upstream.open == 0
        return reports

    (report,) = run(scenario())
    assert (report.status, report.error) == (499, "client_gone")


def test_the_upstreams_own_socket_sees_a_client_leave():
    async def scenario():
        answer = sse(chunk(content="Hello"), Hang())
        async with FakeUpstream([answer]) as up:
            app = an_app(OpenAIText(new_client(), f"{up.url}/v1"))
            async with serving(app) as server:
                async with reading(server) as leaving:
                    await leaving.until(lambda seen: "Hello" in seen)
                await up.left()
            assert up.early == 1

    run(scenario())


def test_a_broken_upstream_connection_is_an_event():
    async def scenario():
        answer = sse(chunk(content="Hello"), Pause(0.02), Reset())
        async with FakeUpstream([answer]) as up:
            app = an_app(OpenAIText(new_client(), f"{up.url}/v1"))
            return await answered(app, STREAM)

    events = events_of(run(scenario()).text)
    assert events[-1]["error"]["code"] == "upstream_cut"


def test_a_slow_client_slows_the_upstream():
    async def scenario():
        upstream = Gated(*[Piece("x" * 10_000)] * 5000, Piece(finish="stop"))
        upstream.gate = asyncio.Semaphore(10_000)
        async with serving(an_app(upstream)) as server:
            writer = await stalled(server)
            given = -1
            while given != upstream.given:
                given = upstream.given
                await asyncio.sleep(0.2)
            assert 0 < given < 4000
            assert upstream.open == 1
            writer.close()
            await writer.wait_closed()
            await asyncio.wait_for(upstream.closed.wait(), 2)

    run(scenario())


async def stalled(server: LocalServer) -> asyncio.StreamWriter:
    """The connection of a client that asks for a stream and then reads no more than its head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    body = json.dumps(STREAM).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer 0000\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await reader.readuntil(b"\r\n\r\n")
    return writer


def test_the_first_wait_is_used():
    """For what the first call needs: under Lambda's share of a processor that takes long."""
    done: list[str] = []

    async def scenario():
        upstream = Scripted([[Delay(0.6), "Hello"]])
        app = an_app(upstream, meanwhile=lambda: done.append(threading.current_thread().name))
        async with serving(app) as server:
            await server.http.get("/v1/models")
            assert not done
            asking = [
                asyncio.create_task(server.http.post("/v1/chat/completions", json=chat()))
                for _ in range(2)
            ]
            await until(lambda: done)
            assert not any(task.done() for task in asking)
            assert all(reply.is_success for reply in await asyncio.gather(*asking))

    run(scenario())
    (thread,) = done
    assert thread != threading.main_thread().name


def test_a_client_that_never_reads_is_not_waited_for():
    async def scenario():
        reports = []
        upstream = Gated(*[Piece("x" * 100_000)] * 5000)
        upstream.gate = asyncio.Semaphore(10_000)
        app = an_app(upstream, pace=Pace(request=0.3, farewell=0.1), reports=reports)
        async with serving(app) as server:
            writer = await stalled(server)
            await until(lambda: reports, 2)
            writer.close()
            await writer.wait_closed()
        assert upstream.open == 0
        return reports[0]

    assert run(scenario()).error == "out_of_time"


@pytest.mark.parametrize("stream", [False, True])
def test_time_runs_out_before_the_first_piece(stream):
    app = an_app(Scripted([[Delay(5), "late"]]), pace=Pace(request=0.1))
    response = run(answered(app, chat(stream=stream)))
    assert response.status_code == 504
    assert response.json()["error"]["code"] == "out_of_time"


def test_time_runs_out_in_a_stream():
    """What the platform leaves, less the margin, is what counts when it is shorter."""
    upstream = Scripted([["Hello", Delay(5), "late"]])
    app = an_app(upstream, time_left=lambda scope: 2.1, pace=Pace(margin=2.0))
    response = run(answered(app, STREAM))
    events = events_of(response.text)
    assert content_of(events) == "Hello"
    assert events[-1]["error"]["code"] == "out_of_time"
    assert "[DONE]" not in events
    assert upstream.closed == 1


def test_no_time_is_left_at_all():
    app = an_app(Scripted(["never"]), time_left=lambda scope: 1.0)
    assert run(answered(app, STREAM)).status_code == 504


def test_a_time_out_of_someone_else_is_not_ours():
    class Slow(Gated):
        async def stream(self, turns, options):
            yield Piece("Hello")
            raise TimeoutError

    response = run(answered(an_app(Slow()), STREAM))
    assert events_of(response.text)[-1]["error"]["code"] == "internal_error"


def test_line_separators_are_escaped():
    """Readers built on ``splitlines`` would cut the event there."""
    text = "a\u2028b\u2029c\u0085d"
    response = run(answered(an_app(Scripted([text])), STREAM))
    assert not set("\u2028\u2029\u0085") & set(response.text)
    assert content_of(events_of(response.text)) == text


def test_requests_over_the_limit_are_turned_away():
    async def scenario():
        upstream = Gated()
        async with serving(an_app(upstream, concurrency=1)) as server:
            first = asyncio.create_task(server.http.post(PATH, json=chat()))
            await until(lambda: upstream.open == 1)
            second = await server.http.post(PATH, json=chat())
            for _ in range(4):
                upstream.gate.release()
            done = await first
            third = await server.http.post(PATH, json=chat())
        return done, second, third

    first, second, third = run(scenario())
    assert (first.status_code, second.status_code, third.status_code) == (200, 503, 200)
    assert second.headers["retry-after"] == "1"
    assert second.json()["error"]["code"] == "overloaded"


def test_a_report_tells_numbers():
    reports = []
    upstream = Scripted([[Delay(0.2), "Hello", Delay(0.3)]])
    run(answered(an_app(upstream, reports=reports), STREAM))
    (report,) = reports
    assert (report.method, report.path, report.status) == ("POST", PATH, 200)
    assert (report.client, report.model, report.stream) == ("client-1", "m", True)
    assert report.finish_reason == "stop"
    assert report.completion_tokens > 0
    assert report.estimated_tokens
    assert (report.first_text, report.total) == pytest.approx((0.2, 0.5), abs=0.01)
    assert report.error is None


# Calls --------------------------------------------------------------------------------------------

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
NAMED = {"type": "function", "function": {"name": "f"}}
CALL = (
    f'```tool_call {key_for(hashed(KEY).encode())}\n{{"name": "f", "arguments": {{"a": 1}}}}\n```\n'
)


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_is_all_that_counts_closes_the_upstream(stream):
    async def scenario():
        upstream = Gated(Piece(CALL), Piece("never read"), Piece("never read"))
        upstream.gate = asyncio.Semaphore(10)
        body = chat(stream=stream, tools=[TOOL], tool_choice=NAMED)
        response = await answered(an_app(upstream), body)
        assert upstream.given == 1
        assert upstream.open == 0
        return response

    response = run(scenario())
    if stream:
        deltas = [event["choices"][0]["delta"] for event in events_of(response.text)[:-1]]
        calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
        arguments = "".join(call["function"]["arguments"] for call in calls)
    else:
        (call,) = calls = response.json()["choices"][0]["message"]["tool_calls"]
        arguments = call["function"]["arguments"]
    assert json.loads(arguments) == {"a": 1}
    assert calls[0]["id"].removeprefix("call_").isalnum()
    assert len(calls[0]["id"]) == len("call_") + 24


def test_a_broken_promise_is_asked_again_in_one_stream():
    async def scenario():
        reports = []
        upstream = Scripted(["no call here", CALL])
        body = chat(stream=True, tools=[TOOL], tool_choice="required")
        response = await answered(an_app(upstream, reports=reports), body)
        return response, len(upstream.requests), reports[0]

    response, requests, report = run(scenario())
    events = events_of(response.text)
    assert requests == 2
    assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert "no call here" not in response.text
    assert (report.re_asks, report.calls) == (1, 1)


def test_nothing_is_asked_again_with_less_time_than_the_first_try_took():
    script = Scripted([[Delay(0.3), "no call here"], CALL])
    app = an_app(script, pace=Pace(request=0.5))
    response = run(answered(app, chat(tools=[TOOL], tool_choice="required")))
    assert response.status_code == 502
    assert response.json()["error"]["code"] == "tool_call_invalid"
    assert len(script.requests) == 1


# Servers other than uvicorn -----------------------------------------------------------------------


def test_a_send_that_fails_is_a_client_that_left():
    """ASGI since 2.4 lets ``send`` raise OSError; uvicorn drops what is sent instead."""
    reports = []
    sent = []
    upstream = Scripted([["Hello", Delay(0.01), "more"]])

    async def receive():
        if not sent:
            sent.append("body")
            return {"type": "http.request", "body": json.dumps(STREAM).encode()}
        return await asyncio.get_running_loop().create_future()

    async def send(message):
        sent.append(message)
        if b"Hello" in message.get("body", b""):
            raise OSError

    run(an_app(upstream, reports=reports)(SCOPE, receive, send))
    assert (reports[0].status, reports[0].error) == (499, "client_gone")
    assert upstream.closed == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_stops_says_so(stream):
    """Servers cancel what runs when their time to drain is over, Lambda's loop at the deadline."""
    reports = []
    sent = []
    upstream = Gated()

    async def scenario():
        messages = asyncio.Queue()
        body = json.dumps(chat(stream=stream)).encode()
        messages.put_nowait({"type": "http.request", "body": body})

        async def send(message):
            sent.append(message)

        upstream.gate.release()
        app = an_app(upstream, reports=reports)
        running = asyncio.create_task(app(SCOPE, messages.get, send))
        await until(lambda: upstream.given)
        await asyncio.sleep(0.02)
        running.cancel()
        await running

    run(scenario())
    assert upstream.open == 0
    assert reports[0].error == "cancelled"
    last = sent[-1]
    assert not last.get("more_body")
    if stream:
        assert sent[0]["status"] == 200
        assert events_of(last["body"].decode())[0]["error"]["code"] == "out_of_time"
    else:
        assert sent[0]["status"] == 504
        assert json.loads(last["body"])["error"]["code"] == "out_of_time"


SCOPE = {
    "type": "http",
    "method": "POST",
    "path": PATH,
    "query_string": b"",
    "headers": [
        (b"authorization", AUTH["Authorization"].encode()),
        (b"content-type", b"application/json"),
    ],
}
