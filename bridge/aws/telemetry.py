"""One JSON line a request, which is its metrics as well; and what the invocation tells of itself.

The line is powertools' log record with CloudWatch's embedded metric format (EMF) laid into it: the
``_aws`` object names which of the line's own numbers are metrics, so nothing is written twice.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html

Each request builds its metric set anew: powertools' shared one would mix requests that run at the
same time on one loop.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, replace

from bridge.aws.runtime import refusal

if TYPE_CHECKING:
    import logging
    from collections.abc import Container, Iterable, Mapping, MutableMapping

    from aws_lambda_powertools import Logger

    from bridge.report import Reporter, RequestReport

    Scope = MutableMapping[str, Any]

NAMESPACE = SERVICE = "toolbridge"
LOGGER = "toolbridge.requests"

UNITS: Mapping[str, str] = {
    "first_text": "Seconds",
    "total": "Seconds",
    "prompt_tokens": "Count",
    "completion_tokens": "Count",
    "calls": "Count",
    "ReAsked": "Count",
    "repairs": "Count",
    "near_misses": "Count",
    "malformed": "Count",
    "cut": "Count",
    "cut_calls": "Count",
    "mended": "Count",
    "cold_start": "Count",
}
"""The numbers of a line that are metrics of its model. CloudWatch asks for money for each metric
that has a value in an hour, so those that are zero are left out; ``total`` is always there and
counts requests."""

FAILED, RE_ASKED = "Failed", "ReAsked"
"""Of each request, 1 or 0: whether it failed, or was asked again. ``Failed`` stands under the
function's name with every request, so that its average is the rate that the alarm watches; and
under the error's code with those that failed."""


TOO_LARGE, REFUSED = "response_too_large", "response_refused"
"""Errors of an answer that Lambda did not take to its end."""

NO_MODEL, OTHER_MODEL = "none", "other"
"""The ``model`` of requests that name none, and of models that are passed through: callers choose
those names, and each new value of a dimension is a new metric to pay for."""

COLD = ("", "on-demand", "snap-start")
"""Initialisation types whose first caller waits for the start, or for a snapshot's restore."""


def reporter(models: Iterable[str], environ: Mapping[str, str]) -> Reporter:
    """A reporter that writes to standard output.

    ``models`` are the served names, each worth metrics of its own; ``environ`` is Lambda's.
    Powertools' ``POWERTOOLS_METRICS_DISABLED`` leaves the metrics out.
    """
    known = frozenset(models)
    function = environ.get("AWS_LAMBDA_FUNCTION_NAME", SERVICE)
    cold = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "") in COLD

    def report(request: RequestReport) -> None:
        nonlocal cold
        request = _corrected(request)
        line = _line(request, known)
        line["function_name"] = function
        line["cold_start"] = cold
        cold = False
        line |= _metrics(line)
        logger = _logger()
        write = logger.error if failed(request) else logger.info
        write("request", extra=line)

    return report


def load() -> None:
    """Import what the first line needs, where that costs no caller anything."""
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: F401

    _logger()


@cache
def _logger() -> Logger:
    """Powertools' logger, imported for the first line: by then the first caller has its answer."""
    from aws_lambda_powertools import Logger

    # Lambda reads level and time from a line when the time is as RFC 3339 has it. Powertools names
    # the logger after the service: a name of its own keeps it from being other modules' parent.
    logger = Logger(service=LOGGER, level="INFO", use_rfc3339=True, utc=True, location=None)
    logger.addFilter(_without_task_name)
    return logger


def _without_task_name(record: logging.LogRecord) -> bool:
    """Leave out asyncio's name of the task, which Python 3.12 and newer note: it is a number."""
    record.taskName = None
    return True


def time_left(scope: Scope) -> float | None:
    """Seconds until Lambda ends this invocation; None outside Lambda."""
    left = _of_context(scope, "get_remaining_time_in_millis")
    return None if left is None else left() / 1000


def request_id(scope: Scope) -> str | None:
    """Lambda's id of this invocation; None outside Lambda."""
    found = _of_context(scope, "aws_request_id")
    return None if found is None else str(found)


def _of_context(scope: Scope, name: str) -> Any:
    return getattr(scope.get("aws.context"), name, None)


def _corrected(request: RequestReport) -> RequestReport:
    """What looked like a client that left, when it was Lambda that would have no more."""
    refused = refusal()
    if refused is None:
        return request
    error = TOO_LARGE if refused.status == 413 else REFUSED
    return replace(request, status=refused.answered, error=error)


def failed(request: RequestReport) -> bool:
    """Whether the caller did not get an answer that should have been had.

    A stream that broke in its middle counts, whatever its status says; a request that the caller
    has to mend does not, nor a caller that left. The upstream's rate limit is the operator's.
    """
    if request.status < 400:
        return request.error is not None
    return request.status >= 500 or request.status == 429


def _line(request: RequestReport, known: Container[str]) -> dict[str, Any]:
    fields = asdict(request)
    line = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in fields.items()
    }
    line |= {"service": SERVICE, FAILED: int(failed(request)), RE_ASKED: int(request.re_asks > 0)}
    if request.model is None:
        line["model"] = NO_MODEL
    elif request.model not in known:
        line |= {"model": OTHER_MODEL, "model_name": request.model}
    return line


def _metrics(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """The ``_aws`` object over the line's own numbers, unless metrics are left out."""
    from aws_lambda_powertools.metrics.functions import is_metrics_disabled

    if is_metrics_disabled():
        return {}
    filled = {name: unit for name, unit in UNITS.items() if line[name] or name == "total"}
    sets = [
        _metric_set(line, ("model",), filled),
        _metric_set(line, ("function_name",), {FAILED: "Count"}),
    ]
    if line[FAILED] and line["error"]:
        sets.append(_metric_set(line, ("function_name", "error"), {FAILED: "Count"}))
    directives = [directive for each in sets for directive in each["CloudWatchMetrics"]]
    return {"_aws": {**sets[0], "CloudWatchMetrics": directives}}


def _metric_set(
    line: Mapping[str, Any], dimensions: Iterable[str], units: Mapping[str, str]
) -> Mapping[str, Any]:
    """The ``_aws`` object that names these numbers of the line, under the service and these."""
    from aws_lambda_powertools.metrics import EphemeralMetrics

    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for name in ("service", *dimensions):
        metrics.add_dimension(name, line[name])
    for name, unit in units.items():
        metrics.add_metric(name, unit, line[name])
    named: Mapping[str, Any] = metrics.serialize_metric_set()["_aws"]
    return named
