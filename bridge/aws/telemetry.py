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

from msgspec.structs import asdict

if TYPE_CHECKING:
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
    "re_asks": "Count",
    "repairs": "Count",
    "near_misses": "Count",
    "malformed": "Count",
    "cut": "Count",
    "cold_start": "Count",
}
"""The numbers of a line that are metrics. CloudWatch asks for money for each metric that has a
value in an hour, so those that are zero are left out; ``total`` is always there and counts
requests."""

NO_MODEL, OTHER_MODEL = "none", "other"
"""The ``model`` of requests that name none, and of models that are passed through: callers choose
those names, and each new value of a dimension is a new metric to pay for."""

COLD = ("", "on-demand")
"""Initialisation types whose first caller waits for the start."""


def reporter(models: Iterable[str], environ: Mapping[str, str]) -> Reporter:
    """A reporter that writes to standard output.

    ``models`` are the served names, each worth metrics of its own; ``environ`` is Lambda's.
    Powertools' ``POWERTOOLS_METRICS_DISABLED`` leaves the metrics out.
    """
    known = frozenset(models)
    cold = environ.get("AWS_LAMBDA_INITIALIZATION_TYPE", "") in COLD

    def report(request: RequestReport) -> None:
        nonlocal cold
        line = _line(request, known)
        line["cold_start"] = cold
        cold = False
        if (metrics := _metrics(line)) is not None:
            line["_aws"] = metrics
        logger = _logger()
        write = logger.error if request.status >= 500 else logger.info
        write("request", extra=line)

    return report


@cache
def _logger() -> Logger:
    """Powertools' logger, imported for the first line: by then the first caller has its answer."""
    from aws_lambda_powertools import Logger

    # Lambda reads level and time from a line when the time is as RFC 3339 has it. Powertools names
    # the logger after the service: a name of its own keeps it from being other modules' parent.
    return Logger(service=LOGGER, level="INFO", use_rfc3339=True, utc=True, location=None)


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


def _line(request: RequestReport, known: Container[str]) -> dict[str, Any]:
    fields = asdict(request)
    line = {
        name: round(value, 3) if isinstance(value, float) else value
        for name, value in fields.items()
    }
    line["service"] = SERVICE
    if request.model is None:
        line["model"] = NO_MODEL
    elif request.model not in known:
        line |= {"model": OTHER_MODEL, "model_name": request.model}
    return line


def _metrics(line: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The ``_aws`` object over the line's own numbers, unless metrics are left out."""
    from aws_lambda_powertools.metrics import EphemeralMetrics
    from aws_lambda_powertools.metrics.functions import is_metrics_disabled

    if is_metrics_disabled():
        return None
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    metrics.add_dimension("service", SERVICE)
    metrics.add_dimension("model", line["model"])
    for name, unit in UNITS.items():
        if line[name] or name == "total":
            metrics.add_metric(name, unit, line[name])
    directive: Mapping[str, Any] = metrics.serialize_metric_set()["_aws"]
    return directive
