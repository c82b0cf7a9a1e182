"""The context object, beside the one of AWS's own Python runtime."""

from __future__ import annotations

import json
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from bridge.aws.runtime import Context

from .package import SAM  # noqa: TID252

THEIRS = SAM / "runtime" / "awslambdaric" / "lambda_context.py"
HEADERS = {
    "lambda-runtime-aws-request-id": "r-1",
    "lambda-runtime-deadline-ms": "1000",
    "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-central-1:1:function:probe",
    "lambda-runtime-aws-tenant-id": "tenant",
}
CLIENTS = [
    pytest.param(None, id="none"),
    pytest.param({"custom": {"k": 1}}, id="without"),
    pytest.param({"w3c": {"traceparent": "00-1-2-01", "tracestate": "a=b"}}, id="w3c"),
    pytest.param({"w3c": {"traceparent": 7, "baggage": "k=v", "other": "x"}}, id="odd fields"),
    pytest.param({"w3c": "text", "client": {"app_title": "t"}}, id="no object"),
]


@pytest.mark.skipif(not THEIRS.exists(), reason="no runtime of AWS")
@pytest.mark.parametrize("client", CLIENTS)
def test_it_has_what_theirs_has(client):
    spec = spec_from_file_location("lambda_context", THEIRS)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    arn = HEADERS["lambda-runtime-invoked-function-arn"]
    theirs = module.LambdaContext("r-1", json.loads(json.dumps(client)), None, 1000, arn, "tenant")
    ours = Context.of({**HEADERS, "lambda-runtime-client-context": json.dumps(client)}, {})
    public = {name for name in dir(theirs) if not name.startswith("_")} - {"log"}
    assert public <= set(dir(ours))
    assert ours.w3c() == theirs.w3c()
    for name in ("aws_request_id", "tenant_id", "invoked_function_arn", "function_name"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert (ours.client_context is None) == (theirs.client_context is None)
    assert not hasattr(ours.client_context, "w3c")


@pytest.mark.parametrize(
    ("client", "seen"),
    [
        (None, {}),
        (
            {"w3c": {"traceparent": "00-1-2-01", "tracestate": 1, "x": "y"}},
            {"traceparent": "00-1-2-01"},
        ),
        ({"w3c": []}, {}),
    ],
)
def test_w3c_fields(client, seen):
    told = Context.of({**HEADERS, "lambda-runtime-client-context": json.dumps(client)}, {})
    assert told.w3c() == seen
