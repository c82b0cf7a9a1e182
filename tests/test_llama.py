"""The embedded model's upstream around a scripted engine; ``tests/model`` has the real one."""

import asyncio
import threading

import pytest

from bridge.errors import ContextTooLong, UpstreamCut, UpstreamError, UpstreamUnavailable
from bridge.turns import Options, Piece, TokenCounts, Turn
from bridge.upstream.chatml import START
from bridge.upstream.llama import Llama, completion_body, piece_of
from bridge.upstream.llama_engine import check_file
from bridge.upstream.llama_model import ModelUnavailable

PROGRESS = {
    "choices": [{"text": "", "finish_reason": None}],
    "prompt_progress": {"total": 9, "processed": 4},
}
TOO_LONG = {
    "error": {
        "code": 400,
        "message": "request (9030 tokens) exceeds the available context size (8192 tokens)",
        "type": "exceed_context_size_error",
        "n_prompt_tokens": 9030,
        "n_ctx": 8192,
    }
}
FAILED = {"error": {"code": 500, "message": "secret prompt text", "type": "server_error"}}


def text(value):
    return {"choices": [{"text": value, "finish_reason": None}]}


def end(reason="stop"):
    return {
        "choices": [{"text": "", "finish_reason": reason}],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 5},
        },
    }


COUNTS = TokenCounts(prompt=9, completion=2, cached=5)


class ScriptedEngine:
    """Stands for llama.cpp: blocks in the worker's thread and calls back with given chunks.

    A script is picked by a word of the prompt. ``for ever`` writes until it is told to stop.
    """

    def __init__(self, **scripts):
        self.scripts = scripts
        self.asked = []
        self.stopped = threading.Event()

    def handle_completions(self, prompt, callback=None):
        word = prompt["prompt"].split("user\n")[1].split("<|")[0]
        self.asked.append(word)
        script = self.scripts[word]
        if isinstance(script, Exception):
            raise script
        if script == "for ever":
            while not callback(text("word ")):
                pass
            self.stopped.set()
            return
        for chunk in script:
            if callback(chunk):
                self.stopped.set()
                return


def serve(engine, slots=1):
    return Llama(engine, name="m", context=8192, slots=slots)


def ask(llama, word):
    return llama.stream([Turn("user", word)], Options("m"))


async def pieces(stream):
    return [piece async for piece in stream]


async def closing(llama, task):
    try:
        return await task
    finally:
        await llama.aclose()


def test_a_reply_comes_piece_by_piece_with_its_counts():
    engine = ScriptedEngine(hi=[PROGRESS, text("你"), text(""), text("好"), end()])

    async def run():
        llama = serve(engine)
        return await closing(llama, pieces(ask(llama, "hi"))), await llama.models()

    assert asyncio.run(run()) == (
        [Piece("你"), Piece("好"), Piece("", "stop", COUNTS)],
        ["m"],
    )


@pytest.mark.parametrize(
    ("script", "error", "message"),
    [
        pytest.param([TOO_LONG], ContextTooLong, "8192 tokens, .* 9030", id="context-too-long"),
        pytest.param([FAILED], UpstreamError, "could not answer", id="failed-at-once"),
        pytest.param([text("a"), FAILED], UpstreamCut, "broke off", id="failed-in-the-reply"),
        pytest.param([text("a")], UpstreamCut, "broke off", id="no-end"),
        pytest.param([], UpstreamCut, "broke off", id="nothing"),
        pytest.param(RuntimeError("secret"), UpstreamError, "could not answer", id="raised"),
    ],
)
def test_failures_are_renamed_and_the_worker_goes_on(script, error, message):
    engine = ScriptedEngine(bad=script, good=[end("length")])

    async def run():
        llama = serve(engine)
        with pytest.raises(error, match=message) as caught:
            await pieces(ask(llama, "bad"))
        assert type(caught.value) is error
        assert "secret" not in caught.value.message
        return await closing(llama, pieces(ask(llama, "good")))

    assert asyncio.run(run()) == [Piece("", "length", COUNTS)]


def test_requests_wait_their_turn_and_a_closed_one_frees_its_slot():
    engine = ScriptedEngine(first="for ever", second=[end()], third=[end()], fourth=[end()])

    async def run():
        llama = serve(engine)
        first = ask(llama, "first")
        await anext(first)
        others = [asyncio.create_task(pieces(ask(llama, word))) for word in ("second", "third")]
        await asyncio.sleep(0.02)
        assert engine.asked == ["first"]
        await first.aclose()
        await asyncio.gather(*others)
        assert engine.stopped.is_set()
        await closing(llama, pieces(ask(llama, "fourth")))

    asyncio.run(run())
    assert engine.asked == ["first", "second", "third", "fourth"]


def test_a_request_that_is_given_up_while_it_waits_never_runs():
    engine = ScriptedEngine(first="for ever", second=[end()], third=[end()])

    async def run():
        llama = serve(engine)
        first = ask(llama, "first")
        await anext(first)
        waiting = asyncio.create_task(pieces(ask(llama, "second")))
        await asyncio.sleep(0.02)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await first.aclose()
        await closing(llama, pieces(ask(llama, "third")))

    asyncio.run(run())
    assert engine.asked == ["first", "third"]


def test_slots_run_side_by_side():
    engine = ScriptedEngine(first="for ever", second=[end()])

    async def run():
        llama = serve(engine, slots=2)
        first = ask(llama, "first")
        await anext(first)
        reply = await pieces(ask(llama, "second"))
        await closing(llama, first.aclose())
        return reply

    assert asyncio.run(run()) == [Piece("", "stop", COUNTS)]


def test_stopping_ends_running_and_waiting_replies():
    engine = ScriptedEngine(first="for ever", second=[end()])

    async def run():
        llama = serve(engine)
        first = ask(llama, "first")
        await anext(first)
        waiting = asyncio.create_task(pieces(ask(llama, "second")))
        await asyncio.sleep(0.02)
        await llama.aclose()
        with pytest.raises(UpstreamCut):
            await pieces(first)
        with pytest.raises(UpstreamCut):
            await waiting
        with pytest.raises(UpstreamUnavailable):
            await pieces(ask(llama, "second"))
        await llama.aclose()

    asyncio.run(run())
    assert engine.asked == ["first"]


def test_a_loop_that_is_gone_stops_its_replies():
    engine = ScriptedEngine(first="for ever")
    llama = serve(engine)
    loop = asyncio.new_event_loop()
    stream = ask(llama, "first")
    loop.run_until_complete(anext(stream))
    loop.close()
    assert engine.stopped.wait(60)
    llama.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(Options("m"), {"temperature": 0.0}, id="greedy-unless-told"),
        pytest.param(
            Options(
                "m",
                max_tokens=5,
                temperature=0.7,
                top_p=0.9,
                seed=3,
                presence_penalty=0.1,
                frequency_penalty=0.2,
            ),
            {
                "max_tokens": 5,
                "temperature": 0.7,
                "top_p": 0.9,
                "seed": 3,
                "presence_penalty": 0.1,
                "frequency_penalty": 0.2,
            },
            id="all",
        ),
        pytest.param(
            Options("m", max_tokens=2**40, seed=2**63),
            {"temperature": 0.0, "max_tokens": 8192, "seed": 0},
            id="numbers-that-llama.cpp-would-wrap",
        ),
    ],
)
def test_what_is_asked_of_the_engine(options, expected):
    body = completion_body([Turn("user", "hi")], options, 8192)
    always = {"stream", "stream_options", "return_progress", "cache_prompt", "prompt"}
    assert {key: value for key, value in body.items() if key not in always} == expected
    assert always < body.keys()


def test_prefill_is_left_open():
    turns = [Turn("user", "hi"), Turn("assistant", "Good ")]
    body = completion_body(turns, Options("m", prefill=True), 8192)
    assert body["prompt"].endswith("<|im_start|>assistant\nGood ")


def test_progress_is_no_piece():
    assert piece_of(PROGRESS, started=False) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "cannot be read: No such file", id="missing"),
        pytest.param(b"", "not a GGUF file", id="empty"),
        pytest.param(b"PK\3\4", "not a GGUF file", id="something-else"),
        pytest.param(b"GGUF\3\0\0\0<|begin_of_text|>", "ChatML", id="another-template"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=message):
        check_file(path)


def test_a_chatml_gguf_is_taken(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF\3\0\0\0" + START.encode())
    check_file(path)
