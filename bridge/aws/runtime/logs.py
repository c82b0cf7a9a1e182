"""The root logger as Lambda's own Python runtime sets it up: to stdout, as text or as JSON.

Source: AWS Lambda Developer Guide, "Log and monitor Python Lambda functions". Lambda makes one log
event of each line, so a record is always one line. Managed Instances take JSON only.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from typing import TYPE_CHECKING

from bridge.aws.runtime.context import request_id

if TYPE_CHECKING:
    from collections.abc import Mapping

_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({})))


def install(environ: Mapping[str, str]) -> None:
    """Attach the handler, as ``AWS_LAMBDA_LOG_FORMAT`` and ``AWS_LAMBDA_LOG_LEVEL`` say."""
    as_json = environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JSONFormatter() if as_json else TextFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    level = environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper().replace("TRACE", "DEBUG")
    if level in logging.getLevelNamesMapping():
        root.setLevel(level)


class TextFormatter(logging.Formatter):
    """``[LEVEL] time request-id message``, with tabs; line ends become carriage returns."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's line."""
        at = f"{_seconds(record)}.{record.msecs:03.0f}Z"
        fields = (f"[{record.levelname}]", at, request_id.get() or "", super().format(record))
        return "\t".join(fields).replace("\n", "\r")


class JSONFormatter(logging.Formatter):
    """An object with AWS's keys; what the caller gave as ``extra`` stands beside them."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's line."""
        plain = isinstance(record.msg, dict) and not record.args
        line = {
            "timestamp": f"{_seconds(record)}Z",
            "level": record.levelname,
            "message": record.msg if plain else record.getMessage(),
            "logger": record.name,
            "requestId": request_id.get(),
            **_error(record),
            **{k: v for k, v in vars(record).items() if k not in _STANDARD_ATTRIBUTES},
        }
        filled = {key: value for key, value in line.items() if value is not None}
        return json.dumps(filled, ensure_ascii=False, default=str)


def _seconds(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))


def _error(record: logging.LogRecord) -> dict[str, object]:
    kind, error, stack = record.exc_info or (None, None, None)
    if kind is None:
        return {}
    return {
        "errorType": kind.__name__,
        "errorMessage": str(error),
        "stackTrace": traceback.format_tb(stack),
        "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
    }
