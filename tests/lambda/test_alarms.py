"""What the alarm on failed requests sees: the lines of a real run, counted as CloudWatch does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from cfnlint.decode import decode

from tests.fake_upstream import Answer, Hang, Reset, chat, chunk, sse
from tests.upstream_thread import upstream

from .fake_runtime_api import FakeRuntimeAPI, until  # noqa: TID252
from .package import ROOT  # noqa: TID252
from .runtime_process import RuntimeProcess, event  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.fake_upstream import Request

FUNCTION, KEY = "stack-Bridge-1", "tb-an-example-key-for-events-only"

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
DIMENSIONS = {"type": "array", "maxItems": 30, "items": {**NAME, "maxLength": 250}}
DIRECTIVE = {
    "type": "object",
    "required": ["Namespace", "Dimensions", "Metrics"],
    "properties": {
        "Namespace": NAME,
        "Dimensions": {"type": "array", "minItems": 1, "items": DIMENSIONS},
        "Metrics": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["Name"],
                "properties": {"Name": NAME, "Unit": {"enum": ["Seconds", "Count"]}},
            },
        },
    },
}
EMF = {
    "type": "object",
    "required": ["CloudWatchMetrics", "Timestamp"],
    "properties": {
        "CloudWatchMetrics": {"type": "array", "items": DIRECTIVE},
        "Timestamp": {"type": "integer"},
    },
}


def replied(request: Request) -> Answer:
    if "cut" in request.body.decode():
        return sse(chunk(content="So far"), Reset())
    if "hang" in request.body.decode():
        return sse(chunk(content="So far"), Hang())
    return chat("Hello.")


def asked(text: str) -> dict[str, Any]:
    message = {"role": "user", "content": text}
    body = json.dumps({"model": "m", "stream": True, "messages": [message]})
    made = event("/v1/chat/completions", method="POST", body=body)
    json_type = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
    return made | {"headers": {**made["headers"], **json_type}}


def run_of(texts: Iterable[str]) -> list[dict[str, Any]]:
    """The lines of requests that ask these."""

    def ask(api: FakeRuntimeAPI) -> None:
        for text in texts:
            answer = api.invoke(asked(text)).wait()
            assert answer.prelude["statusCode"] == 200
            assert (b"[DONE]" in answer.body) == ("cut" not in text)

    return lines_of(ask)


def lines_of(act: Callable[[FakeRuntimeAPI], None]) -> list[dict[str, Any]]:
    """The lines of the requests of ``act``, by the runtime and the handler that are deployed."""
    with FakeRuntimeAPI() as api, upstream(replied) as model:
        env = {
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "TOOLBRIDGE_API_KEYS": KEY,
            "TOOLBRIDGE_MODEL": "m",
            "TOOLBRIDGE_UPSTREAM_URL": f"{model.url}/v1",
        }
        with RuntimeProcess(api, "handler.handler", cwd=ROOT, env=env) as runtime:
            act(api)
            until(lambda: api.waiting == 1)
            lines = [json.loads(each) for each in runtime.output.splitlines() if each[0] == "{"]
    return [line for line in lines if line["message"] == "request"]


def samples(lines: Iterable[Mapping[str, Any]], metric: Mapping[str, Any]) -> list[float]:
    """What CloudWatch has of a metric after these lines."""
    wanted = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
    found = []
    for line in lines:
        jsonschema.validate(line["_aws"], EMF)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            named = {each["Name"] for each in directive["Metrics"]}
            for names in directive["Dimensions"]:
                same = {name: line[name] for name in names} == wanted
                right = directive["Namespace"] == metric["Namespace"]
                if same and right and metric["MetricName"] in named:
                    found.append(line[metric["MetricName"]])
    return found


def fires(alarm: Mapping[str, Any], lines: list[dict[str, Any]]) -> bool:
    """Whether the alarm goes off when all of it happens within its period."""
    statistics: dict[str, Any] = {"Sum": sum, "SampleCount": len}
    values: dict[str, Any] = {}
    (rate,) = (each for each in alarm["Metrics"] if each.get("ReturnData", True))
    for each in alarm["Metrics"]:
        if each is not rate:
            wanted = {**each["MetricStat"]["Metric"]}
            wanted["Dimensions"] = [
                dimension | {"Value": FUNCTION}
                if dimension["Name"] == "function_name"
                else dimension
                for dimension in wanted["Dimensions"]
            ]
            values[each["Id"]] = statistics[each["MetricStat"]["Stat"]](samples(lines, wanted))
    python = rate["Expression"].replace("IF(", "when(")
    found = eval(python, {"when": lambda holds, then, other: then if holds else other, **values})
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    return bool(found >= alarm["Threshold"])


@pytest.fixture(scope="module")
def alarm() -> dict[str, Any]:
    template, faults = decode(str(ROOT / "template.yaml"))
    assert not faults
    found: dict[str, Any] = template["Resources"]["FailedAlarm"]["Properties"]
    return found


@pytest.mark.parametrize(
    ("texts", "fired"),
    [
        pytest.param(["cut"] * 3, True, id="three that are cut"),
        pytest.param(["cut", "hello"] * 3, True, id="half of them"),
        pytest.param(["hello"] * 3, False, id="none"),
        pytest.param(["cut"] * 2, False, id="two: not yet a rate"),
    ],
)
def test_streams_that_break_midway_raise_the_alarm(alarm, texts: list[str], fired: bool) -> None:
    lines = run_of(texts)
    assert len(lines) == len(texts)
    assert fires(alarm, lines) is fired
    by_code = {"Namespace": "toolbridge", "MetricName": "Failed"}
    dimensions = {"service": "toolbridge", "function_name": FUNCTION, "error": "upstream_cut"}
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    assert samples(lines, by_code | {"Dimensions": named}) == [1] * texts.count("cut")


def test_few_of_many_do_not(alarm) -> None:
    cut, whole = run_of(["cut", "hello"])
    assert not fires(alarm, [cut] * 3 + [whole] * 97)
    assert fires(alarm, [cut] * 5 + [whole] * 95)


@pytest.mark.parametrize(
    ("treated", "status", "error", "failed"),
    [
        pytest.param({"refuse_after": 1, "status": 413}, 200, "response_too_large", 1, id="413"),
        pytest.param({"refuse_after": 1, "status": 400}, 200, "response_refused", 1, id="400"),
        pytest.param({"cut_after": 1}, 499, "client_gone", 0, id="hung up"),
    ],
)
def test_an_answer_that_lambda_refuses_is_no_client_that_left(
    treated: dict[str, int], status: int, error: str, failed: int
) -> None:
    (line,) = lines_of(lambda api: api.invoke(asked("hang"), **treated).wait() and None)
    assert (line["status"], line["error"], line["Failed"]) == (status, error, failed)


def test_the_line_holds_lambdas_id_beside_the_clients() -> None:
    ids = []

    def ask(api: FakeRuntimeAPI) -> None:
        given = asked("hello")
        given["headers"]["x-request-id"] = "the-clients-own"
        ids.append(api.invoke(given).wait().id)

    (line,) = lines_of(ask)
    assert (line["request_id"], line["function_request_id"]) == ("the-clients-own", *ids)
    assert "taskName" not in line
