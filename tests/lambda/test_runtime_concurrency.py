"""Many invocations in one process, as on Lambda Managed Instances."""

from __future__ import annotations

import json
import signal
import time

import pytest

from .fake_runtime_api import until  # noqa: TID252
from .runtime_process import RuntimeProcess, event  # noqa: TID252

MANY = 64


@pytest.fixture
def runtime(api):
    with RuntimeProcess(api, env={"AWS_LAMBDA_MAX_CONCURRENCY": str(MANY)}) as runtime:
        until(lambda: api.waiting == MANY)
        yield runtime


def test_one_poll_without_the_variable(api):
    with RuntimeProcess(api):
        until(lambda: api.waiting == 1)
        time.sleep(0.2)
        assert len(api.polls) == 1


def test_many_streams_at_once_take_hardly_longer_than_one(api, runtime):
    def streams(count: int):
        start = time.monotonic()
        answers = [
            api.invoke(event("/events", n=11, gap=0.1), seconds=30 + i) for i in range(count)
        ]
        for answer in answers:
            answer.wait()
        return time.monotonic() - start, answers

    one, _ = streams(1)
    assert one >= 1
    for _ in range(3):  # a busy machine may spoil one try
        until(lambda: api.waiting == MANY)
        all_of_them, answers = streams(MANY)
        if all_of_them <= 1.2 * one:
            break
    assert all_of_them <= 1.2 * one
    for answer in answers:
        lines = answer.body.decode().split("\n\n")[:-1]
        told = [json.loads(line.removeprefix("data: ")) for line in lines]
        assert [one["i"] for one in told] == list(range(11))
        assert {one["id"] for one in told} == {answer.id}
        assert answer.whole
    until(lambda: api.waiting == MANY)


def test_each_has_its_own_context_and_deadline(api, runtime):
    answers = [
        api.invoke(
            event("/context"),
            seconds=10 + i,
            headers={
                "Lambda-Runtime-Trace-Id": f"Root={i}",
                "Lambda-Runtime-Invocation-Id": f"{i}",
            },
        )
        for i in range(MANY)
    ]
    for i, answer in enumerate(answers):
        told = answer.wait().json
        assert told["aws_request_id"] == told["request_id"] == answer.id
        assert told["deadline_ms"] == answer.deadline_ms
        assert told["trace"] == [f"Root={i}", f"Root={i}", None]  # the environment is shared
        assert told["secret_before"] == "unset"
        assert answer.answer_headers["lambda-runtime-invocation-id"] == f"{i}"


def test_deadline_of_one_leaves_the_others_alone(api, runtime):
    long = api.invoke(event("/events", n=8, gap=0.1))
    short = api.invoke(event("/endless"), seconds=0.9).wait()
    assert short.fault["errorType"] == "Function.DeadlineExceeded"
    assert long.wait().whole
    assert long.trailers == {}


def test_what_is_under_way_is_finished_before_the_process_ends(api, runtime):
    answers = [api.invoke(event("/events", n=25, gap=0.1)) for _ in range(5)]
    for answer in answers:
        answer.first_chunk()
    api.fail_polls(403)
    time.sleep(1.8)  # all retries of the polls are over
    assert runtime.process.poll() is None
    for answer in answers:
        assert answer.wait().whole
        assert answer.body.count(b"data: ") == 25
        assert answer.trailers == {}
    assert runtime.process.wait(5) == 1
    assert "The runtime ends: /next: 403" in runtime.output


def test_status_500_ends_the_process_at_once(api, runtime):
    under_way = api.invoke(event("/endless"))
    under_way.first_chunk()
    api.invoke(event("/echo"), status=500)
    assert runtime.process.wait(10) == 1
    assert not under_way.whole


def test_blocking_calls_have_a_thread_each(api, runtime):
    answers = [api.invoke(event("/blocking", parties=MANY)) for _ in range(MANY)]
    for answer in answers:
        assert answer.wait().prelude["statusCode"] == 200


def test_sigterm_cuts_every_stream_so_that_it_shows(api, runtime):
    streams = [api.invoke(event("/endless")) for _ in range(MANY - 1)]
    whole = api.invoke(event("/events", n=1))
    for answer in streams:
        answer.first_chunk()
    whole.wait()
    until(lambda: api.waiting == 1)
    polls = len(api.polls)
    runtime.process.send_signal(signal.SIGTERM)
    for answer in streams:
        assert answer.wait().whole
        assert answer.fault["errorType"] == "Function.Shutdown"
    assert whole.trailers == {}
    assert runtime.process.wait(20) == 0
    assert len(api.polls) == polls, "nothing more is taken"
    assert "Lambda ends this environment" in runtime.output


def test_sigterm_with_nothing_to_answer_ends_the_process(api, runtime):
    runtime.process.send_signal(signal.SIGTERM)
    assert runtime.process.wait(20) == 0


def test_sigterm_before_the_first_byte_is_an_error(api, runtime):
    stuck = api.invoke(event("/hang"))
    until(lambda: api.waiting == MANY - 1)
    runtime.process.send_signal(signal.SIGTERM)
    assert stuck.wait().prelude["statusCode"] == 500
    assert runtime.process.wait(20) == 0
