"""One invocation at a time: what Lambda gets, when it gets it, and what lives on in between."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from statistics import median

import pytest

from .fake_runtime_api import until  # noqa: TID252
from .runtime_process import event  # noqa: TID252


def test_event_to_scope_and_answer_to_prelude(probe):
    given = event("/echo", method="POST", body="grüße", q="a b")
    given["headers"]["x-probe"] = "1"
    given["cookies"] = ["c=d", "e=f"]
    answer = probe.api.invoke(given).wait()
    assert answer.whole
    assert answer.trailers == {}
    assert answer.prelude["statusCode"] == 200
    assert answer.prelude["headers"]["content-type"] == "application/json"
    assert answer.json == {
        "method": "POST",
        "path": "/echo",
        "query": {"q": "a b"},
        "header": "1",
        "cookies": {"c": "d", "e": "f"},
        "bytes": 7,
        "sha256": hashlib.sha256("grüße".encode()).hexdigest(),
    }


def test_answer_is_announced_as_a_stream(probe):
    headers = probe.ask("/echo").answer_headers
    assert headers["lambda-runtime-function-response-mode"] == "streaming"
    assert headers["transfer-encoding"] == "chunked"
    assert headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert headers["trailer"] == (
        "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
    )
    assert headers["connection"] == "close"


def test_each_event_arrives_when_it_is_sent(probe):
    answer = probe.ask("/events", n=10, gap=0.1)
    prelude, *events = answer.chunks
    sent = [json.loads(chunk.data.removeprefix(b"data: "))["at"] for chunk in events]
    assert len(sent) == 10
    delays = [chunk.at - at for chunk, at in zip(events, sent, strict=True)]
    assert median(delays) < 0.02, delays
    assert all(chunk.at < at for chunk, at in zip(events, sent[1:], strict=False))
    gaps = [after.at - before.at for before, after in pairwise(events)]
    assert 0.095 < median(gaps) < 0.11, gaps
    assert prelude.at <= events[0].at


def test_one_loop_one_lifespan_one_process(probe):
    first, second = probe.ask("/context").json, probe.ask("/context").json
    assert first["pid"] == second["pid"]
    assert {*first["loop"], *second["loop"]} == {first["loop"][0]}
    assert second["seen"].count("startup") == 1


def test_context_variables_end_with_their_invocation(probe):
    answers = [probe.ask("/context") for _ in range(2)]
    for answer in answers:
        assert answer.json["aws_request_id"] == answer.json["request_id"] == answer.id
        assert answer.json["secret_before"] == "unset"


class CountingUpstream(ThreadingHTTPServer):
    connections = 0

    def get_request(self):
        self.connections += 1
        return super().get_request()


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_):
        pass


def test_connection_of_the_first_invocation_serves_the_second(probe):
    with CountingUpstream(("127.0.0.1", 0), Hello) as upstream:
        upstream.daemon_threads = True
        threading.Thread(target=upstream.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{upstream.server_address[1]}/"
        assert [probe.ask("/upstream", url=url).body for _ in range(2)] == [b"hello"] * 2
        upstream.shutdown()
        assert upstream.connections == 1


def test_each_call_has_a_connection_of_its_own(probe):
    probe.ask("/echo")
    until(lambda: probe.api.waiting == 1)
    before = probe.api.connections
    for _ in range(3):
        probe.ask("/echo")
    until(lambda: probe.api.waiting == 1)
    assert probe.api.connections - before == 6  # an answer and a poll each


def test_application_goes_on_while_lambda_throttles(probe):
    megabytes = 12
    answer = probe.api.invoke(
        event("/ticking", n=megabytes * 16, size=1 << 16), bytes_per_second=8 << 20
    ).wait(20)
    assert answer.chunks[-1].at - answer.chunks[0].at > 1
    told = json.loads(answer.body[megabytes << 20 :])
    assert told["ticks"] > 20
    assert told["longest"] < 0.5


def test_cookies_and_repeated_headers(probe):
    prelude = probe.ask("/cookies").prelude
    assert [cookie.split(";")[0] for cookie in prelude["cookies"]] == ["a=1", "b=2"]
    assert "set-cookie" not in prelude["headers"]
    assert prelude["headers"]["vary"] == "accept,origin"


@pytest.mark.parametrize(
    ("method", "status"),
    [
        pytest.param("GET", 204, id="204"),
        pytest.param("GET", 304, id="304"),
        pytest.param("GET", 302, id="redirect"),
        pytest.param("POST", 200, id="200"),
        pytest.param("HEAD", 200, id="head"),
    ],
)
def test_empty_answer_gets_one_byte(probe, method, status):
    answer = probe.api.invoke(event("/empty", method=method, status=status)).wait()
    assert answer.prelude["statusCode"] == status
    assert answer.prelude["headers"]["location"] == "/elsewhere"
    assert "content-length" not in answer.prelude["headers"]
    assert answer.body == b"\n"
    assert answer.whole


def test_stream_of_nothing_gets_one_byte(probe):
    answer = probe.ask("/events", n=0)
    assert answer.prelude["statusCode"] == 200
    assert answer.body == b"\n"
    assert answer.whole


def test_empty_pieces_are_not_written(probe):
    answer = probe.ask("/bare/empty_pieces")
    assert [chunk.data for chunk in answer.chunks[1:]] == [b"a", b"b"]
    assert answer.whole


def test_twenty_thousand_chunks(probe):
    answer = probe.ask("/events", n=20_000)
    lines = answer.body.decode().split("\n\n")[:-1]
    told = [json.loads(line.removeprefix("data: ")) for line in lines]
    assert [one["i"] for one in told] == list(range(20_000))
    assert len(answer.chunks) == 20_001


@pytest.mark.parametrize("chunked", [pytest.param(False, id="plain"), pytest.param(True, id="go")])
def test_five_megabyte_request(probe, chunked):
    body = "0123456789" * 500_000
    given = event("/echo", method="POST", body=body)
    answer = probe.api.invoke(given, chunked=chunked).wait()
    assert answer.json["bytes"] == 5_000_000
    assert answer.json["sha256"] == hashlib.sha256(body.encode()).hexdigest()


def test_base64_body(probe):
    body = bytes(range(256))
    given = event("/echo", method="POST", body=base64.b64encode(body).decode())
    answer = probe.api.invoke({**given, "isBase64Encoded": True}).wait()
    assert answer.json["sha256"] == hashlib.sha256(body).hexdigest()


def test_rest_api_event(probe):
    given = {
        "resource": "/{proxy+}",
        "path": "/cookies",
        "httpMethod": "GET",
        "headers": {"host": "x"},
        "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
        "body": None,
    }
    prelude = probe.api.invoke(given).wait().prelude
    assert prelude["multiValueHeaders"]["vary"] == ["accept", "origin"]
    assert len(prelude["multiValueHeaders"]["set-cookie"]) == 2


def test_background_task_runs_after_the_answer_and_before_the_next_poll(probe):
    answer = probe.ask("/background")
    until(lambda: probe.api.waiting == 1)
    assert probe.api.polls[-1] - answer.chunks[-1].at > 0.35
    assert "background" in probe.seen()


def test_detached_task_runs_while_the_runtime_polls(probe):
    probe.ask("/detached")
    until(lambda: "detached" in probe.seen())


def test_empty_polls_are_polled_again(probe):
    until(lambda: probe.api.waiting == 1)
    before = len(probe.api.polls)
    probe.api.answer_poll(204)
    probe.api.answer_poll(204)
    assert probe.ask("/echo").whole
    assert len(probe.api.polls) - before >= 2
    assert "failed" not in probe.runtime.output


def test_context_object(probe):
    told = probe.api.invoke(
        event("/context"),
        seconds=20,
        headers={
            "Lambda-Runtime-Trace-Id": "Root=1-2-3",
            "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId": "me"}',
            "Lambda-Runtime-Client-Context": '{"client": {"app_title": "t"}, "custom": {"k": 1}}',
            "Lambda-Runtime-Aws-Tenant-Id": "tenant",
        },
    ).wait()
    assert told.json["arn"] == "arn:aws:lambda:eu-central-1:1:function:probe"
    assert told.json["deadline_ms"] == told.deadline_ms
    assert 15_000 < told.json["remaining"] <= 20_000
    assert told.json["identity"] == "me"
    assert (told.json["client"], told.json["custom"]) == ("t", {"k": 1})
    assert told.json["tenant"] == "tenant"
    assert told.json["event"] == "2.0"
    assert told.json["trace"] == ["Root=1-2-3"] * 3


def test_trace_id_does_not_outlive_its_invocation(probe):
    probe.api.invoke(event("/echo"), headers={"Lambda-Runtime-Trace-Id": "Root=1"}).wait()
    assert probe.ask("/context").json["trace"] == [None] * 3


def test_client_context_without_a_client(probe):
    headers = {"Lambda-Runtime-Client-Context": '{"custom": {"k": 1}}'}
    told = probe.api.invoke(event("/context"), headers=headers).wait().json
    assert (told["client"], told["custom"]) == (None, {"k": 1})


def test_context_object_without_anything_optional(probe):
    told = probe.ask("/context").json
    assert told["identity"] is told["client"] is told["tenant"] is None


@pytest.mark.parametrize("path", ["/echo", "not an event"])
def test_invocation_id_is_echoed(probe, path):
    given = event(path) if path.startswith("/") else path
    headers = {"Lambda-Runtime-Invocation-Id": "delivery-1"}
    answer = probe.api.invoke(given, headers=headers).wait()
    assert answer.answer_headers["lambda-runtime-invocation-id"] == "delivery-1"
    assert "lambda-runtime-invocation-id" not in probe.ask("/echo").answer_headers
