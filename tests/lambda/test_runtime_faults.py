"""What goes wrong in one invocation stays in it: the next one is answered by the same process."""

from __future__ import annotations

import json
import time

import pytest

from .fake_runtime_api import until  # noqa: TID252
from .runtime_process import event  # noqa: TID252

INCOMPLETE = {"errorMessage": "The answer is incomplete.", "stackTrace": []}


@pytest.fixture(autouse=True)
def next_invocation_is_answered(probe):
    yield
    assert probe.ask("/echo").json["path"] == "/echo"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/crash", id="before the start"),
        pytest.param("/crash-before-body", id="between start and body"),
        pytest.param("/bare/nothing", id="nothing sent"),
        pytest.param("/bare/no_start", id="body without start"),
        pytest.param("/bare/bad_header", id="header that is no text"),
    ],
)
def test_crash_before_the_first_byte_is_a_500(probe, path):
    answer = probe.ask(path)
    assert answer.prelude["statusCode"] == 500
    assert answer.prelude["headers"]["content-type"].startswith("text/plain")
    assert answer.body == b"Internal Server Error"
    assert answer.whole
    assert answer.trailers == {}


def test_crash_after_the_first_byte_is_told_in_trailers(probe):
    answer = probe.ask("/crash-midway")
    assert answer.prelude["statusCode"] == 200
    assert answer.body == b"so far"
    assert answer.whole
    assert answer.fault == {"errorType": "Function.LookupError", **INCOMPLETE}


def test_unfinished_answer_is_told_in_trailers(probe):
    answer = probe.ask("/bare/unfinished")
    assert answer.body == b"half"
    assert answer.fault == {"errorType": "Function.IncompleteResponse", **INCOMPLETE}


def test_crash_is_logged_in_one_line_with_its_request_id(probe):
    answer = probe.ask("/crash")
    until(lambda: answer.id in probe.runtime.output)
    lines = [line for line in probe.runtime.output.split("\n") if answer.id in line]
    assert len(lines) == 1
    assert lines[0].startswith("[ERROR]\t")
    assert "LookupError: secret detail" in lines[0]


def test_deadline_cuts_a_stream_with_trailers(probe):
    answer = probe.api.invoke(event("/endless"), seconds=1).wait()
    assert 0.4 < answer.chunks[-1].at - answer.began < 1
    assert answer.whole
    assert answer.fault == {"errorType": "Function.DeadlineExceeded", **INCOMPLETE}
    assert probe.seen()[-1] == "endless was ended"


def test_deadline_cuts_a_background_task_but_not_the_answer_before_it(probe):
    answer = probe.api.invoke(event("/background"), seconds=0.7).wait()
    until(lambda: probe.api.waiting == 1)
    assert answer.whole
    assert answer.trailers == {}
    assert "background" not in probe.seen()


def test_deadline_before_the_first_byte_is_a_500(probe):
    answer = probe.api.invoke(event("/hang"), seconds=1).wait()
    assert answer.prelude["statusCode"] == 500
    assert answer.chunks[0].at - answer.began < 1


def test_deadline_that_has_passed(probe):
    answer = probe.api.invoke(event("/hang"), seconds=-1).wait()
    assert answer.prelude["statusCode"] == 500


def test_application_that_will_not_be_cancelled(probe):
    answer = probe.api.invoke(event("/bare/stubborn"), seconds=1).wait()
    assert answer.chunks[-1].at - answer.began < 1
    assert answer.body == b"half"
    assert answer.fault["errorType"] == "Function.DeadlineExceeded"
    time.sleep(1)
    assert answer.body == b"half"
    assert "stubborn" in probe.seen()


def test_application_that_will_not_be_cancelled_before_the_first_byte(probe):
    answer = probe.api.invoke(event("/bare/stubborn_at_first"), seconds=1).wait()
    assert answer.chunks[-1].at - answer.began < 1
    assert answer.prelude["statusCode"] == 500
    time.sleep(1)
    assert answer.body == b"Internal Server Error"


def test_deadline_while_lambda_throttles(probe):
    answer = probe.api.invoke(
        event("/ticking", n=1000, size=1 << 16), seconds=1, bytes_per_second=1 << 20
    )
    answer.first_chunk()
    until(lambda: probe.api.waiting == 1)
    assert 0.9 < time.monotonic() - answer.began < 3
    assert not answer.whole


def test_api_hangs_up_midway(probe):
    probe.api.invoke(event("/endless", gap=0.02), cut_after=200).wait()
    until(lambda: probe.api.waiting == 1)
    assert probe.seen()[-1] == "endless was ended"


def test_api_hangs_up_while_the_application_is_silent(probe):
    answer = probe.api.invoke(event("/endless", gap=30), cut_after=1).wait()
    until(lambda: probe.api.waiting == 1)
    assert not answer.whole
    assert probe.seen()[-1] == "endless was ended"


def test_application_that_ignores_the_hang_up_runs_to_its_end(probe):
    probe.api.invoke(event("/bare/deaf"), cut_after=1).wait()
    assert probe.seen()[-1] == "deaf"
    assert "socket.send() raised exception" not in probe.runtime.output


@pytest.mark.parametrize("status", [400, 403, 413, 418])
def test_answer_that_is_not_taken_is_logged(probe, status):
    answer = probe.api.invoke(event("/echo"), status=status).wait()
    probe.ask("/echo")
    assert f"{answer.id}\tLambda did not take the whole answer" in probe.runtime.output
    assert f"/response: {status} " in probe.runtime.output


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        pytest.param(b"{", "Function.JSONDecodeError", id="no JSON"),
        pytest.param(b"\xff\xff\xff\xff", "Function.UnicodeDecodeError", id="no text"),
        pytest.param({}, "Function.RuntimeError", id="empty"),
        pytest.param(None, "Function.TypeError", id="null"),
        pytest.param("text", "Function.RuntimeError", id="text"),
        pytest.param([1], "Function.RuntimeError", id="list"),
        pytest.param({"Records": [{"body": "x"}]}, "Function.RuntimeError", id="queue"),
        pytest.param({"source": "aws.s3"}, "Function.RuntimeError", id="another service"),
        pytest.param(
            {"version": "2.0", "requestContext": {}}, "Function.KeyError", id="without http"
        ),
        pytest.param(
            {**event("/echo", body="a"), "isBase64Encoded": True}, "Function.Error", id="base64"
        ),
    ],
)
def test_event_that_is_no_request_is_an_error(probe, given, kind):
    answer = probe.api.invoke(given).wait()
    assert answer.chunks == []
    assert answer.error["errorType"] == kind
    assert answer.answer_headers["lambda-runtime-function-error-type"] == kind
    assert answer.error["stackTrace"]


def test_broken_client_context_is_an_error(probe):
    headers = {"Lambda-Runtime-Client-Context": "{"}
    answer = probe.api.invoke(event("/echo"), headers=headers).wait()
    assert answer.error["errorType"] == "Function.JSONDecodeError"


def test_error_report_that_is_not_taken_is_logged(probe):
    answer = probe.api.invoke({}, status=403).wait()
    probe.ask("/echo")
    assert f"{answer.id}\tLambda did not take the report" in probe.runtime.output


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(
            {
                "version": "0",
                "source": "aws.events",
                "detail-type": "Scheduled Event",
                "detail": {},
            },
            id="a rule of EventBridge",
        ),
        pytest.param({"source": "aws.scheduler", "detail": "{}"}, id="a schedule"),
        pytest.param({"source": "serverless-plugin-warmup"}, id="serverless-plugin-warmup"),
        pytest.param({"warmer": True, "concurrency": 3}, id="lambda-warmer"),
    ],
)
def test_event_that_keeps_warm_is_answered(probe, given):
    before = probe.runtime.output
    answer = probe.api.invoke(given).wait()
    assert answer.error is None
    assert json.loads(answer.raw) == {"status": "ok"}
    assert probe.runtime.output == before


def test_acknowledgement_that_is_not_taken_is_logged(probe):
    answer = probe.api.invoke({"warmer": True}, status=403).wait()
    probe.ask("/echo")
    assert f"{answer.id}\tLambda did not take the answer" in probe.runtime.output
