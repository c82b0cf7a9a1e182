"""The line that tells of a request, and what an invocation tells of itself."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace

import pytest
from msgspec.structs import asdict

from bridge.aws import telemetry
from bridge.aws.telemetry import reporter, request_id, time_left
from bridge.report import COUNTED, RequestReport

MODELS = ("gpt", "gpt-thinking")
REQUEST = RequestReport(
    request_id="r-1",
    method="POST",
    path="/v1/chat/completions",
    client="alice",
    model="gpt",
    stream=True,
    status=200,
    finish_reason="tool_calls",
    first_text=0.41234,
    total=2.56789,
    prompt_tokens=120,
    completion_tokens=34,
    calls=2,
    re_asks=1,
)


@pytest.fixture(autouse=True)
def _fresh_logger():
    yield
    # Powertools sets its logger up once a process, on the standard output of that moment.
    telemetry._logger.cache_clear()
    logging.Logger.manager.loggerDict.pop("toolbridge.requests", None)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_one_line_holds_the_report_and_its_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    reporter(MODELS, {"AWS_LAMBDA_FUNCTION_NAME": "bridge"})(REQUEST)
    (line,) = lines(capsys)
    expected = asdict(REQUEST)
    expected |= {"first_text": 0.412, "total": 2.568}
    # The formatter leaves out what is None.
    expected = {name: value for name, value in expected.items() if value is not None}
    assert expected.items() <= line.items()
    assert (line["level"], line["message"], line["cold_start"]) == ("INFO", "request", True)
    assert line["timestamp"].endswith("+00:00")
    assert line["service"] == "toolbridge"
    directive, rate = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == rate["Namespace"] == "toolbridge"
    assert directive["Dimensions"] == [["service", "model"]]
    metrics = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert metrics == {
        "first_text": "Seconds",
        "total": "Seconds",
        "prompt_tokens": "Count",
        "completion_tokens": "Count",
        "calls": "Count",
        "ReAsked": "Count",
        "cold_start": "Count",
    }
    # EMF wants each metric and each dimension as a member of the line itself.
    assert {*metrics, "Failed", "service", "model", "function_name"} <= line.keys()
    assert rate["Dimensions"] == [["service", "function_name"]]
    assert rate["Metrics"] == [{"Name": "Failed", "Unit": "Count"}]
    assert (line["Failed"], line["ReAsked"], line["function_name"]) == (0, 1, "bridge")
    assert all(isinstance(line[name], int | float) for name in metrics)


def test_whatever_is_counted_is_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    counted = dict.fromkeys((*COUNTED, "mended"), 2)
    reporter(MODELS, {})(RequestReport(model="gpt", status=200, **counted))
    (line,) = lines(capsys)
    metrics = {metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    # Of each request, whether it was asked again: their share, not their number.
    assert metrics >= {"ReAsked" if name == "re_asks" else name for name in counted}


@pytest.mark.parametrize(
    ("named", "model", "model_name"),
    [
        pytest.param("gpt-thinking", "gpt-thinking", None, id="served"),
        pytest.param("anything-a-caller-writes", "other", "anything-a-caller-writes", id="passed"),
        pytest.param(None, "none", None, id="none"),
    ],
)
def test_dimensions_are_few(
    capsys: pytest.CaptureFixture[str], named: str | None, model: str, model_name: str | None
) -> None:
    reporter(MODELS, {})(RequestReport(model=named, status=200))
    (line,) = lines(capsys)
    assert (line["model"], line.get("model_name")) == (model, model_name)


def test_only_the_first_request_of_an_environment_is_cold(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = reporter(MODELS, {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})
    report(REQUEST)
    report(REQUEST)
    reporter(MODELS, {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"})(REQUEST)
    assert [line["cold_start"] for line in lines(capsys)] == [True, False, False]


def test_requests_do_not_share_a_metric_set(capsys: pytest.CaptureFixture[str]) -> None:
    report = reporter(MODELS, {})
    report(RequestReport(model="gpt", status=200, total=1.0, calls=3))
    report(RequestReport(model="gpt-thinking", status=503, total=2.0))
    second = lines(capsys)[1]
    assert second["level"] == "ERROR"
    model, rate = second["_aws"]["CloudWatchMetrics"]
    assert [metric["Name"] for metric in model["Metrics"]] == ["total"]
    assert [metric["Name"] for metric in rate["Metrics"]] == ["Failed"]


@pytest.mark.parametrize(
    ("status", "error", "counts"),
    [
        pytest.param(200, None, False, id="answered"),
        pytest.param(200, "upstream_cut", True, id="broken midway"),
        pytest.param(0, "cancelled", True, id="ended before it began"),
        pytest.param(400, "context_length_exceeded", False, id="the caller's"),
        pytest.param(401, "invalid_api_key", False, id="no key"),
        pytest.param(429, "rate_limit_exceeded", True, id="the upstream's limit"),
        pytest.param(499, "client_gone", False, id="left"),
        pytest.param(500, "internal_error", True, id="crash"),
        pytest.param(503, "upstream_unavailable", True, id="upstream down"),
    ],
)
def test_what_counts_as_failed(
    capsys: pytest.CaptureFixture[str], status: int, error: str | None, counts: bool
) -> None:
    reporter(MODELS, {})(RequestReport(model="gpt", status=status, error=error))
    (line,) = lines(capsys)
    assert (line["Failed"], line["level"]) == ((1, "ERROR") if counts else (0, "INFO"))
    by_code = [
        directive["Metrics"]
        for directive in line["_aws"]["CloudWatchMetrics"]
        if directive["Dimensions"] == [["service", "function_name", "error"]]
    ]
    assert by_code == [[{"Name": "Failed", "Unit": "Count"}]] * counts


def test_the_name_of_the_task_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    made = logging.getLogRecordFactory()

    def with_task_name(*args, **named) -> logging.LogRecord:
        record = made(*args, **named)
        record.taskName = "Task-7"  # as Python 3.12 and newer do
        return record

    logging.setLogRecordFactory(with_task_name)
    try:
        reporter(MODELS, {})(REQUEST)
    finally:
        logging.setLogRecordFactory(made)
    (line,) = lines(capsys)
    assert "taskName" not in line


def test_metrics_can_be_left_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
    reporter(MODELS, {})(REQUEST)
    (line,) = lines(capsys)
    assert "_aws" not in line
    assert line["total"] == 2.568


def test_a_root_handler_does_not_repeat_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    try:
        reporter(MODELS, {})(REQUEST)
    finally:
        logging.getLogger().removeHandler(handler)
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    assert said.err == ""


def test_an_invocation_tells_its_id_and_its_time_left() -> None:
    context = SimpleNamespace(aws_request_id="8b5d", get_remaining_time_in_millis=lambda: 1500)
    assert request_id({"aws.context": context}) == "8b5d"
    assert time_left({"aws.context": context}) == 1.5
    assert request_id({}) is None
    assert time_left({}) is None
