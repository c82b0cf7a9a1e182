"""``openai_text`` over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
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
from bridge.turns import Capabilities, Options, Piece, TokenCounts, Turn
from bridge.upstream.http_reply import MAX_REPLY_BYTES, new_client
from bridge.upstream.openai_text import OpenAIText
from bridge.upstream.timing import Timeouts
from tests.clock import run
from tests.fake_upstream import (
    DROP,
    Answer,
    Close,
    FakeUpstream,
    Hang,
    Pause,
    Request,
    Reset,
    Step,
    chat,
    chunk,
    frames,
    json_answer,
    sse,
)

KEY = "sk-operator-0123456789"
TURNS = [Turn("system", "Be brief."), Turn("user", "你好")]
OPTIONS = Options("their-model")
QUICK = Timeouts(connect=1.0, first_byte=2.0, silence=2.0)


async def operator_key() -> str:
    return KEY


def upstream_of(url, **options):
    options = {"key": operator_key, "timeouts": QUICK, **options}
    return OpenAIText(new_client(verify=False), url, **options)


async def collected(upstream, turns=TURNS, options=OPTIONS):
    """The pieces, and the error that ended them."""
    pieces: list[Piece] = []
    try:
        async with aclosing(upstream.stream(turns, options)) as stream:
            async for piece in stream:
                pieces.append(piece)
    except BridgeError as exc:
        return pieces, exc
    return pieces, None


def exchanged(*answers, turns=TURNS, options=OPTIONS, **kwargs):
    """One request against these answers: pieces, error, the requests that came in."""

    async def go():
        async with FakeUpstream(answers) as up:
            upstream = upstream_of(up.url + "/v1", **kwargs)
            pieces, error = await collected(upstream, turns, options)
            await upstream.aclose()
            return pieces, error, up.requests

    return run(go())


async def left_at_once(up):
    """The client has gone from an answer, and no time has passed for it."""
    loop = asyncio.get_running_loop()
    before = loop.time()
    await up.left()
    assert loop.time() == before


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


def last(pieces, name):
    values = [getattr(piece, name) for piece in pieces if getattr(piece, name) is not None]
    assert len(values) <= 1, f"{name} came more than once"
    return values[0] if values else None


# --- what is sent -------------------------------------------------------------------------------

BODY = {
    "model": "their-model",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "你好"},
    ],
    "stream": True,
    "stream_options": {"include_usage": True},
}


@pytest.mark.parametrize(
    ("options", "settings", "expected"),
    [
        pytest.param(OPTIONS, {}, BODY, id="plain"),
        pytest.param(
            Options("their-model", 9, 0.0, 0.5, 7, 0.25, -0.5),
            {},
            BODY
            | {
                "max_tokens": 9,
                "temperature": 0.0,
                "top_p": 0.5,
                "seed": 7,
                "presence_penalty": 0.25,
                "frequency_penalty": -0.5,
            },
            id="every-option-zero-included",
        ),
        pytest.param(
            Options("their-model", 9),
            {"max_tokens_field": "max_completion_tokens"},
            BODY | {"max_completion_tokens": 9},
            id="the-other-name-for-max-tokens",
        ),
        pytest.param(
            OPTIONS,
            {"extra_body": {"top_k": 1, "stream_options": None}},
            {k: v for k, v in (BODY | {"top_k": 1}).items() if k != "stream_options"},
            id="extra-body-adds-and-takes-out",
        ),
        pytest.param(
            OPTIONS, {"prefill_body": {"continue_final_message": True}}, BODY, id="no-prefill"
        ),
    ],
)
def test_the_body(options, settings, expected):
    _, error, requests = exchanged(chat("ok"), options=options, **settings)
    assert error is None
    assert requests[0].json() == expected


def test_the_request_line_and_headers():
    _, _, (request,) = exchanged(chat("ok"), headers={"X-Team": "a", "accept": "*/*"})
    assert (request.method, request.path) == ("POST", "/v1/chat/completions")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "*/*"
    assert request.headers["x-team"] == "a"
    assert request.headers["user-agent"] == "toolbridge"
    assert request.headers["accept-encoding"] == "identity"
    assert "你好".encode() in request.body


def test_without_a_key_there_is_no_authorization_header():
    async def none():
        return None

    for key in (None, none):
        _, error, (request,) = exchanged(chat("ok"), key=key)
        assert error is None
        assert "authorization" not in request.headers


def test_the_key_is_asked_for_every_request():
    keys = iter(["first", "second"])

    async def rotating():
        return next(keys)

    async def go():
        async with FakeUpstream([chat("ok"), json_answer({"data": []})]) as up:
            upstream = upstream_of(up.url, key=rotating)
            await collected(upstream)
            await upstream.models()
            await upstream.aclose()
            return [request.headers["authorization"] for request in up.requests]

    assert run(go()) == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("bad", ["new\nline", "schlüssel", "zero\x00"])
def test_a_key_that_no_header_can_hold_never_shows(bad):
    async def key():
        return bad

    pieces, error, requests = exchanged(chat("ok"), key=key)
    assert (pieces, requests) == ([], [])
    assert isinstance(error, UpstreamRefused)
    assert bad not in f"{error!r} {error.__cause__!r} {error.__context__!r}"


def test_a_header_that_cannot_be_sent_never_shows():
    pieces, error, requests = exchanged(chat("ok"), headers={"X-Secret": "s3cret\nline"})
    assert (pieces, requests) == ([], [])
    assert type(error) is UpstreamInvalid
    assert error.__suppress_context__
    assert "s3cret" not in error.message


def test_half_an_emoji_in_a_turn_does_not_stop_the_request():
    _, error, (request,) = exchanged(chat("ok"), turns=[Turn("user", "a\ud83db")])
    assert error is None
    assert request.json()["messages"][0]["content"] == "a?b"


def test_a_prefill_goes_up_as_it_is_and_its_echo_is_dropped():
    turns = [*TURNS, Turn("assistant", "```tool_call a b\n")]
    pieces, _, (request,) = exchanged(
        chat("```tool_", "call a b\n", '{"name"'),
        turns=turns,
        options=Options("m", prefill=True),
        prefill_body={"continue_final_message": True, "add_generation_prompt": False},
    )
    assert request.json()["messages"][-1] == {"role": "assistant", "content": "```tool_call a b\n"}
    assert request.json()["continue_final_message"] is True
    assert request.json()["add_generation_prompt"] is False
    assert text_of(pieces) == '{"name"'


# --- what comes back ----------------------------------------------------------------------------

USAGE = {"prompt_tokens": 10, "completion_tokens": 3}
COUNTS = TokenCounts(10, 3)
HEL, LO = chunk(content="Hel"), chunk(content="lo")
STOP = chunk(finish="stop")
FILTER_CHUNK = {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}

ENDINGS = [
    pytest.param(chat("Hel", "lo"), "stop", None, id="as-it-should-be"),
    pytest.param(sse(chunk(role="assistant", content=""), HEL, LO, STOP), "stop", None, id="role"),
    pytest.param(sse(HEL, LO, STOP, done=False), "stop", None, id="no-done"),
    pytest.param(sse(HEL, LO), "stop", None, id="done-without-finish"),
    pytest.param(sse(HEL, LO, STOP, Close()), "stop", None, id="cut-after-the-finish"),
    pytest.param(sse(HEL, LO, STOP, Reset()), "stop", None, id="reset-after-the-finish"),
    pytest.param(sse(HEL, LO, STOP, STOP), "stop", None, id="finish-repeated"),
    pytest.param(
        sse(HEL, LO, STOP, done=False, framing="close"), "stop", None, id="until-the-close"
    ),
    pytest.param(
        Answer([b"data: " + json.dumps(c).encode() + b"\r\n\r\n" for c in (HEL, LO, STOP)]),
        "stop",
        None,
        id="crlf",
    ),
    pytest.param(
        Answer([b"data:" + json.dumps(c).encode() + b"\n\n" for c in (HEL, LO, STOP)]),
        "stop",
        None,
        id="no-space",
    ),
    pytest.param(
        sse(b": PROCESSING\n\n", HEL, b"event: x\nid: 1\nretry: 5\n", LO, STOP),
        "stop",
        None,
        id="comments-and-other-fields",
    ),
    pytest.param(sse(FILTER_CHUNK, HEL, FILTER_CHUNK, LO, STOP), "stop", None, id="empty-choices"),
    pytest.param(
        sse(chunk(content=None), HEL, {"choices": [{"index": 0}]}, LO, {"choices": None}, STOP),
        "stop",
        None,
        id="content-null-delta-missing",
    ),
    pytest.param(sse(HEL, b"data:\n\n", LO, STOP), "stop", None, id="empty-data"),
    pytest.param(
        sse(HEL | {"error": None}, LO | {"error": None}, STOP), "stop", None, id="error-null"
    ),
    pytest.param(
        sse(
            chunk(
                content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hel"}]
            ),
            chunk(content=[{"text": "lo"}, 7, {"type": "text", "text": None}]),
            STOP,
        ),
        "stop",
        None,
        id="content-as-a-list-of-parts",
    ),
    pytest.param(
        sse(
            chunk(reasoning_content="secret"),
            chunk(reasoning="secret", content=""),
            chunk(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{}"}}]),
            HEL,
            LO,
            chunk(finish="tool_calls"),
        ),
        "stop",
        None,
        id="native-reasoning-and-calls-are-left-out",
    ),
    pytest.param(
        sse(HEL, {"choices": [{"index": 1, "delta": {"content": "other"}}]}, LO, STOP),
        "stop",
        None,
        id="a-second-choice",
    ),
    pytest.param(
        sse(HEL, LO, STOP, {"choices": [], "usage": USAGE}), "stop", COUNTS, id="usage-at-the-end"
    ),
    pytest.param(sse(HEL, LO, STOP | {"usage": USAGE}), "stop", COUNTS, id="usage-with-finish"),
    pytest.param(
        sse(
            HEL | {"usage": {"prompt_tokens": 10, "completion_tokens": 1}},
            LO | {"usage": USAGE},
            STOP | {"usage": USAGE},
        ),
        "stop",
        COUNTS,
        id="usage-in-every-chunk",
    ),
    pytest.param(
        sse(HEL | {"usage": None}, LO, STOP | {"usage": {}}), "stop", None, id="usage-null"
    ),
    pytest.param(
        sse(
            HEL,
            LO,
            STOP
            | {
                "usage": USAGE
                | {
                    "prompt_tokens_details": {"cached_tokens": 8},
                    "completion_tokens_details": {"reasoning_tokens": 2},
                }
            },
        ),
        "stop",
        TokenCounts(10, 3, 2, 8),
        id="usage-details",
    ),
    pytest.param(
        sse(HEL, LO, STOP | {"usage": USAGE | {"prompt_cache_hit_tokens": 4}}),
        "stop",
        TokenCounts(10, 3, 0, 4),
        id="usage-deepseek",
    ),
    pytest.param(
        json_answer(
            {
                "choices": [{"message": {"content": "Hello"}, "finish_reason": "length"}],
                "usage": USAGE,
            }
        ),
        "length",
        COUNTS,
        id="json-though-a-stream-was-asked-for",
    ),
    pytest.param(
        json_answer({"choices": [{"message": {"content": "Hello"}, "finish_reason": None}]}),
        "stop",
        None,
        id="json-without-finish",
    ),
    pytest.param(
        Answer(
            [gzip.compress(b"".join(frames(HEL, LO, STOP)))],
            headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"},
        ),
        "stop",
        None,
        id="gzip",
    ),
    pytest.param(
        Answer(
            [
                b"HTTP/1.1 100 Continue\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                *(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames(HEL, LO, STOP)),
                b"0\r\nX-Trailer: 1\r\n\r\n",
            ],
            framing="none",
        ),
        "stop",
        None,
        id="100-continue-and-trailers",
    ),
    pytest.param(
        Answer([b"\xef\xbb\xbf", b"\n", *frames(HEL, LO, STOP)], headers={"Content-Type": "x/y"}),
        "stop",
        None,
        id="bom-and-a-strange-content-type",
    ),
]


@pytest.mark.parametrize("blank", [b"\n", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n\n"])
def test_blanks_before_the_body(blank):
    body = b'{"choices": [{"message": {"content": "Hello"}}]}'
    assert text_of(exchanged(Answer([blank, body]))[0]) == "Hello"
    assert text_of(exchanged(Answer([blank + body]))[0]) == "Hello"
    assert type(exchanged(Answer([blank, b"<p>"]))[1]) is UpstreamInvalid


@pytest.mark.parametrize(("answer", "finish", "counts"), ENDINGS)
def test_a_reply(answer, finish, counts):
    pieces, error, requests = exchanged(answer)
    assert error is None
    assert text_of(pieces) == "Hello"
    assert last(pieces, "finish") == finish
    assert last(pieces, "counts") == counts
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        *((word, "stop") for word in ("stop", "eos", "STOP", "end_turn", "eos_token")),
        *((word, "stop") for word in ("stop_sequence", "function_call", "never_heard_of", "")),
        *((word, "length") for word in ("length", "max_tokens", "MAX_TOKENS", "model_length")),
        *((word, "content_filter") for word in ("content_filter", "SAFETY", "RECITATION")),
    ],
)
def test_finish_words(word, finish):
    pieces, error, _ = exchanged(sse(HEL, chunk(finish=word)))
    assert error is None
    assert last(pieces, "finish") == finish


def test_an_empty_json_reply_is_a_reply():
    body = {"choices": [{"message": {"content": None}, "finish_reason": "stop"}]}
    assert exchanged(json_answer(body))[:2] == ([Piece(finish="stop")], None)


def test_half_characters_in_two_pieces_are_joined():
    halves = [
        b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % half
        for half in (b"a\\ud83d", b"\\ude00b\\ude00", b"\\ud83d")
    ]
    pieces, error, _ = exchanged(sse(*halves))
    assert error is None
    assert text_of(pieces) == "a😀b\ufffd\ufffd"


def test_pieces_leave_as_they_come():
    async def go():
        async with FakeUpstream([sse(HEL, Hang())]) as up:
            upstream = upstream_of(up.url)
            async with aclosing(upstream.stream(TURNS, OPTIONS)) as stream:
                assert await anext(stream) == Piece("Hel")
            await upstream.aclose()

    run(go())


# --- what goes wrong ----------------------------------------------------------------------------

LEAK = "https://inner.example/secret-account"
HTML = Answer([b"<!doctype html><h1>Log in</h1>"], headers={"Content-Type": "text/html"})


def refusal(status, message=LEAK, headers=None, **error):
    return json_answer({"error": {"message": message, **error}}, status, headers)


FAILURES = [
    pytest.param(refusal(401), UpstreamRefused, id="401"),
    pytest.param(refusal(403), UpstreamRefused, id="403"),
    pytest.param(refusal(402), UpstreamRefused, id="402"),
    pytest.param(refusal(404), UpstreamInvalid, id="404"),
    pytest.param(refusal(418), UpstreamInvalid, id="418"),
    pytest.param(refusal(413), ContextTooLong, id="413"),
    pytest.param(refusal(400), RequestError, id="400"),
    pytest.param(refusal(422), RequestError, id="422"),
    pytest.param(refusal(429), UpstreamRateLimited, id="429"),
    pytest.param(refusal(500), UpstreamUnavailable, id="500"),
    pytest.param(refusal(503), UpstreamUnavailable, id="503"),
    pytest.param(refusal(529), UpstreamUnavailable, id="529"),
    pytest.param(refusal(408), UpstreamUnavailable, id="408"),
    pytest.param(Answer([b"<h1>Bad gateway</h1>"], 502), UpstreamUnavailable, id="502-html"),
    pytest.param(Answer([b"x" * 200_000, Hang()], 500), UpstreamUnavailable, id="500-endless"),
    pytest.param(Answer([b"x", Reset()], 500), UpstreamUnavailable, id="500-torn"),
    pytest.param(refusal(400, code="context_length_exceeded"), ContextTooLong, id="too-long-code"),
    pytest.param(
        refusal(400, "This model's maximum context length is 8192 tokens."),
        ContextTooLong,
        id="too-long-openai",
    ),
    pytest.param(HTML, UpstreamInvalid, id="200-html"),
    pytest.param(json_answer({"error": {"message": LEAK}}), UpstreamError, id="200-error"),
    pytest.param(
        json_answer({"error": {"message": LEAK, "code": 429}}), UpstreamRateLimited, id="200-429"
    ),
    pytest.param(
        json_answer({"error": {"message": "prompt is too long: 9 tokens > 8"}}),
        ContextTooLong,
        id="200-too-long",
    ),
    pytest.param(
        sse({"error": {"message": LEAK, "type": "overloaded_error"}}),
        UpstreamUnavailable,
        id="200-error-event",
    ),
    pytest.param(sse(b"event: error\ndata: " + LEAK.encode() + b"\n\n"), UpstreamError, id="named"),
    pytest.param(
        sse(b'event: error\ndata: {"code": "invalid_api_key"}\n\n'),
        UpstreamRefused,
        id="named-json",
    ),
    pytest.param(sse({"error": LEAK}), UpstreamError, id="error-as-text"),
    pytest.param(json_answer([{"error": {"code": 503}}]), UpstreamUnavailable, id="error-in-list"),
    pytest.param(json_answer({"hello": 1}), UpstreamInvalid, id="other-json"),
    pytest.param(json_answer({"choices": []}), UpstreamInvalid, id="json-without-choice"),
    pytest.param(json_answer([1, 2]), UpstreamInvalid, id="json-list"),
    pytest.param(Answer([b"{nonsense"]), UpstreamInvalid, id="not-json"),
    pytest.param(Answer([b"[" * 100_000]), UpstreamInvalid, id="nested-too-deeply"),
    pytest.param(Answer([b"{", b" " * 5_000_000]), UpstreamInvalid, id="json-without-end"),
    pytest.param(sse("{nonsense", STOP), UpstreamInvalid, id="event-not-json"),
    pytest.param(sse("7", STOP), UpstreamInvalid, id="event-not-an-object"),
    pytest.param(sse("x" * 10_000_000), UpstreamInvalid, id="ten-megabyte-event"),
    pytest.param(
        Answer([b"nonsense"], headers={"Content-Encoding": "gzip"}), UpstreamInvalid, id="not-gzip"
    ),
    pytest.param(
        Answer(
            [gzip.compress(gzip.compress(b"".join(frames(HEL, LO, STOP))))],
            headers={"Content-Encoding": "gzip, gzip"},
        ),
        UpstreamInvalid,
        id="packed-twice",
    ),
    pytest.param(Answer([]), UpstreamCut, id="nothing"),
    pytest.param(Answer([Reset()]), UpstreamCut, id="reset-before-the-body"),
    pytest.param(Answer([b'{"choices":', Reset()]), UpstreamCut, id="torn-json"),
    pytest.param(DROP, UpstreamUnavailable, id="dropped"),
    pytest.param(Answer([b"SSH-2.0-hi\r\n"], framing="none"), UpstreamUnavailable, id="no-http"),
]


@pytest.mark.parametrize(("answer", "kind"), FAILURES)
def test_a_failure(answer, kind):
    pieces, error, _ = exchanged(answer)
    assert type(error) is kind
    assert text_of(pieces) == ""
    for hidden in ("inner.example", "127.0.0.1", KEY, "Log in", "nonsense"):
        assert hidden not in error.message


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        pytest.param([], UpstreamCut, id="ended"),
        pytest.param([b'data: {"choices":[{"del'], UpstreamCut, id="ended-inside-an-event"),
        pytest.param([Close()], UpstreamCut, id="closed"),
        pytest.param([Reset()], UpstreamCut, id="reset"),
        pytest.param([chunk(finish="error")], UpstreamCut, id="finish-error"),
        pytest.param([{"error": {"code": 500}}], UpstreamUnavailable, id="error-event"),
        pytest.param([Hang()], UpstreamTimeout, id="silence"),
        pytest.param([b"data: nonsense\n\n"], UpstreamInvalid, id="nonsense"),
    ],
)
def test_a_failure_after_text(end, kind):
    steps = [b"".join(frames(HEL, done=False)), *end]
    pieces, error, _ = exchanged(
        sse(*steps, done=False), timeouts=Timeouts(first_byte=2.0, silence=0.1)
    )
    assert text_of(pieces) == "Hel"
    assert last(pieces, "finish") is None
    assert type(error) is kind


def test_counts_of_a_reply_that_was_cut_are_kept():
    pieces, error, _ = exchanged(sse(HEL | {"usage": USAGE}, done=False))
    assert (text_of(pieces), last(pieces, "counts")) == ("Hel", COUNTS)
    assert type(error) is UpstreamCut


def test_text_before_an_error_in_the_same_packet_is_kept():
    together = b"".join(frames(HEL, LO, {"error": {"code": 500}}, HEL))
    pieces, error, _ = exchanged(sse(together))
    assert text_of(pieces) == "Hello"
    assert type(error) is UpstreamUnavailable


@pytest.mark.parametrize(
    ("sent", "passed"),
    [
        ("7", "7"),
        ("1.2", "2"),
        ("Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("soon", None),
        ("-3", None),
        ("99999999999", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2050 99999999999999999999:00:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after(sent, passed):
    for status in (429, 503):
        _, error, _ = exchanged(refusal(status, headers={"Retry-After": sent}))
        assert error.headers.get("Retry-After") == passed


@pytest.mark.parametrize(
    ("param", "blamed"), [("temperature", "temperature"), ("inner_field", None), (7, None)]
)
def test_only_fields_that_the_client_sent_are_blamed(param, blamed):
    _, error, _ = exchanged(refusal(400, param=param))
    assert error.param == blamed


def test_a_content_filter_is_told():
    _, error, _ = exchanged(refusal(400, code="content_filter"))
    assert (type(error), error.code) == (RequestError, "content_filter")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status):
    async def go():
        async with FakeUpstream([chat("stolen")]) as other:
            redirect = Answer([], status, {"Location": f"{other.url}/chat/completions"})
            async with FakeUpstream([redirect]) as up:
                upstream = upstream_of(up.url)
                pieces, error = await collected(upstream)
                await upstream.aclose()
        assert (pieces, type(error)) == ([], UpstreamInvalid)
        assert other.requests == []

    run(go())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_upstream_that_cannot_be_reached(scheme):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def go():
        upstream = upstream_of(f"{scheme}://127.0.0.1:{port}")
        _, error = await collected(upstream)
        await upstream.aclose()
        return error

    error = run(go())
    assert type(error) is UpstreamUnavailable
    assert "127.0.0.1" not in error.message


def test_an_upstream_that_speaks_no_tls():
    async def go():
        async with FakeUpstream([chat("ok")]) as up:
            upstream = upstream_of(up.url.replace("http:", "https:"))
            _, error = await collected(upstream)
            await upstream.aclose()
            return error

    assert type(run(go())) is UpstreamUnavailable


DRIPS: list[Step] = [Pause(0.1), b"X-A: 1\r\n"] * 20


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer([Hang()], framing="none"), id="no-status-line"),
        pytest.param(Answer([Hang()]), id="no-body"),
        pytest.param(
            Answer([b"HTTP/1.1 200 OK\r\n", *DRIPS], framing="none"),
            id="headers-drop-by-drop",
        ),
    ],
)
def test_the_first_byte_is_waited_for_so_long(answer):
    async def go():
        loop = asyncio.get_running_loop()
        async with FakeUpstream([answer]) as up:
            upstream = upstream_of(up.url, timeouts=Timeouts(first_byte=0.3, silence=5.0))
            _, error = await collected(upstream)
            took = loop.time()
            await upstream.aclose()
            await up.left()
            return error, took

    error, took = run(go())
    assert type(error) is UpstreamTimeout
    assert took == pytest.approx(0.3, abs=0.01)


def test_a_server_that_does_not_take_the_request_is_timed_out():
    async def go():
        over = asyncio.Event()

        async def deaf(_, writer):
            await over.wait()
            writer.transport.abort()

        server = await asyncio.start_server(deaf, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        upstream = upstream_of(f"http://127.0.0.1:{port}", timeouts=Timeouts(silence=0.2))
        _, error = await collected(upstream, [Turn("user", "x" * 20_000_000)])
        await upstream.aclose()
        over.set()
        await asyncio.sleep(0.01)
        server.close()
        await server.wait_closed()
        return error

    assert type(run(go())) is UpstreamTimeout


def test_silence_after_the_finish_is_the_end():
    pieces, error, _ = exchanged(
        sse(HEL, STOP, Hang()), timeouts=Timeouts(first_byte=2.0, silence=0.1)
    )
    assert error is None
    assert last(pieces, "finish") == "stop"


def test_comments_break_the_silence():
    steps = [step for _ in range(5) for step in (b": wait\n\n", Pause(0.1))]
    pieces, error, _ = exchanged(
        sse(*steps, HEL, STOP), timeouts=Timeouts(first_byte=0.3, silence=0.3)
    )
    assert (text_of(pieces), error) == ("Hel", None)


def test_a_slow_consumer_is_not_the_upstreams_silence():
    async def go():
        async with FakeUpstream([sse(HEL, Pause(0.02), LO, STOP)]) as up:
            upstream = upstream_of(up.url, timeouts=Timeouts(first_byte=0.2, silence=0.1))
            texts = []
            async with aclosing(upstream.stream(TURNS, OPTIONS)) as stream:
                async for piece in stream:
                    texts.append(piece.text)
                    await asyncio.sleep(0.25)
            await upstream.aclose()
            return "".join(texts)

    assert run(go()) == "Hello"


# --- connections --------------------------------------------------------------------------------


LATE = sse(HEL, *frames(STOP), Pause(0.02), b": bye\n\n", done=False)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(chat("ok"), id="chunked"),
        pytest.param(chat("ok", framing="length"), id="length"),
        pytest.param(LATE, id="something-after-done"),
    ],
)
def test_connections_are_used_again(answer):
    async def go():
        async with FakeUpstream([answer]) as up:
            upstream = upstream_of(up.url)
            for _ in range(3):
                assert (await collected(upstream))[1] is None
            await upstream.aclose()
            return len(up.requests), up.connections, up.early

    assert run(go()) == (3, 1, 0)


def test_a_refused_request_leaves_its_connection_usable():
    async def go():
        async with FakeUpstream([refusal(429), chat("ok")]) as up:
            upstream = upstream_of(up.url)
            assert type((await collected(upstream))[1]) is UpstreamRateLimited
            assert (await collected(upstream))[1] is None
            await upstream.aclose()
            return up.connections

    assert run(go()) == 1


def test_stale_pooled_connections_are_replaced_in_silence():
    """A frozen Lambda environment finds its connections dead when it thaws."""

    def answer(request: Request):
        return DROP if request.connection <= 2 and len(stale) == 2 else chat("ok")

    stale: list[int] = []

    async def go():
        async with FakeUpstream(answer) as up:
            upstream = upstream_of(up.url)
            await asyncio.gather(collected(upstream), collected(upstream))
            assert up.connections == 2
            stale.extend((1, 2))
            pieces, error = await collected(upstream)
            await upstream.aclose()
            return text_of(pieces), error, up.connections, len(up.requests)

    assert run(go()) == ("ok", None, 3, 5)


def test_a_fresh_connection_that_fails_is_not_tried_again_here():
    _, error, requests = exchanged(DROP, chat("ok"))
    assert type(error) is UpstreamUnavailable
    assert len(requests) == 1


def test_closing_the_stream_closes_the_connection_at_once():
    async def go():
        async with FakeUpstream([sse(HEL, Hang())]) as up:
            upstream = upstream_of(up.url)
            stream = upstream.stream(TURNS, OPTIONS)
            await anext(stream)
            await stream.aclose()
            await left_at_once(up)
            await upstream.aclose()

    run(go())


@pytest.mark.parametrize("answer", [sse(HEL, Hang()), Answer([Hang()], framing="none")])
def test_cancelling_the_consumer_closes_the_connection_at_once(answer):
    async def go():
        async with FakeUpstream([answer]) as up:
            upstream = upstream_of(up.url)
            task = asyncio.create_task(collected(upstream))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await left_at_once(up)
            await upstream.aclose()

    run(go())


def test_a_server_that_keeps_the_body_open_after_done_is_not_waited_for():
    async def go():
        async with FakeUpstream([sse(HEL, STOP, *frames(), Hang(), done=False)]) as up:
            upstream = upstream_of(up.url)
            pieces, error = await collected(upstream)
            await left_at_once(up)
            assert asyncio.get_running_loop().time() < QUICK.silence
            await upstream.aclose()
            return last(pieces, "finish"), error

    assert run(go()) == ("stop", None)


def test_a_slow_consumer_slows_the_upstream():
    sent = 0

    def endless():
        nonlocal sent
        filler = b"".join(frames(chunk(content="x" * 1000), done=False)) * 200
        for _ in range(1000):
            sent += len(filler)
            yield filler

    async def go():
        async with FakeUpstream([Answer(endless())]) as up:
            upstream = upstream_of(up.url)
            async with aclosing(upstream.stream(TURNS, OPTIONS)) as stream:
                await anext(stream)
                await asyncio.sleep(0.3)
            await upstream.aclose()

    run(go())
    # The sockets' own buffers, nothing like the 220 MB that were to be had.
    assert sent < 20_000_000


def test_a_model_in_a_loop_is_left_off():
    filler = b": " + b"x" * 1_000_000 + b"\n\n"
    count = MAX_REPLY_BYTES // len(filler) + 1

    async def go():
        answer = sse(HEL, *[filler] * count, Hang(), framing="close")
        async with FakeUpstream([answer]) as up:
            upstream = upstream_of(up.url)
            pieces, error = await collected(upstream)
            await left_at_once(up)
            await upstream.aclose()
            return text_of(pieces), last(pieces, "finish"), error

    assert run(go()) == ("Hel", "length", None)


def test_a_small_body_that_unpacks_to_a_large_one_is_left_off():
    packing = zlib.compressobj(wbits=31)
    filler = b": " + b"x" * 1_000_000 + b"\n\n"
    steps = [packing.compress(frames(HEL, done=False)[0])]
    steps += [packing.compress(filler) for _ in range(3 * MAX_REPLY_BYTES // len(filler))]
    steps.append(packing.flush())
    body = b"".join(steps)
    assert len(body) < MAX_REPLY_BYTES // 100
    pieces, error, _ = exchanged(
        Answer([body], headers={"Content-Encoding": "gzip"}, framing="length")
    )
    assert (text_of(pieces), last(pieces, "finish"), error) == ("Hel", "length", None)


def test_cookies_are_not_kept():
    async def go():
        answer = json_answer({"data": []}, headers={"Set-Cookie": "session=1; Path=/"})
        async with FakeUpstream([answer]) as up:
            upstream = upstream_of(up.url)
            await upstream.models()
            await upstream.models()
            await upstream.aclose()
            return [request.headers.get("cookie") for request in up.requests]

    assert run(go()) == [None, None]


# --- the rest -----------------------------------------------------------------------------------


def models_from(answer):
    async def go():
        async with FakeUpstream([answer]) as up:
            upstream = upstream_of(up.url + "/v1/")
            try:
                return await upstream.models(), up.requests
            finally:
                await upstream.aclose()

    return run(go())


def test_models():
    listing = {"object": "list", "data": [{"id": "b"}, {"id": "a"}, {"id": 7}, {"id": ""}, "x", {}]}
    names, (request,) = models_from(json_answer(listing))
    assert names == ["b", "a"]
    assert (request.method, request.path) == ("GET", "/v1/models")
    assert request.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(refusal(401), UpstreamRefused, id="401"),
        pytest.param(HTML, UpstreamInvalid, id="html"),
        pytest.param(json_answer({"data": None}), UpstreamInvalid, id="no-list"),
        pytest.param(json_answer({"error": {"code": 503}}), UpstreamUnavailable, id="200-error"),
        pytest.param(Answer([b'{"data":', Reset()]), UpstreamCut, id="torn"),
        pytest.param(Answer([b" " * 5_000_000]), UpstreamInvalid, id="too-long"),
        pytest.param(DROP, UpstreamUnavailable, id="dropped"),
    ],
)
def test_models_that_cannot_be_had(answer, kind):
    with pytest.raises(BridgeError) as caught:
        models_from(answer)
    assert type(caught.value) is kind


def test_capabilities_are_the_configured_ones():
    async def go():
        configured = Capabilities(prefill=True, alternation=True)
        upstream = upstream_of("http://127.0.0.1:1", capabilities=configured)
        await upstream.aclose()
        return upstream.capabilities, upstream_of("http://127.0.0.1:1").capabilities

    assert run(go()) == (
        Capabilities(prefill=True, alternation=True),
        Capabilities(alternation=True),
    )


def test_a_url_that_is_none_is_told_without_it():
    async def go():
        upstream = upstream_of("gopher://127.0.0.1:1/secret")
        _, error = await collected(upstream)
        await upstream.aclose()
        return error

    error = run(go())
    assert isinstance(error, UpstreamError)
    assert "gopher" not in error.message
