"""The context object of an invocation, with the names that Lambda's own Python runtime gives it.

Source: AWS Lambda Developer Guide, "Using the Lambda context object to retrieve Python function
information". Under Managed Instances many invocations run in one process, so what AWS's runtime
keeps in the environment or in a global (trace id, request id) is a context variable here.
"""

from __future__ import annotations

import json
import time
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

W3C_FIELDS = ("traceparent", "tracestate", "baggage")
"""What may be seen of the trace context that comes in ``clientContext.w3c``."""

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the invocation that the running task belongs to."""

trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
"""The X-Ray tracing header of that invocation."""


@dataclass(frozen=True, slots=True)
class CognitoIdentity:
    """Who called through Amazon Cognito; empty for everyone else."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """The mobile application that called."""

    installation_id: str | None = None
    app_title: str | None = None
    app_version_name: str | None = None
    app_version_code: str | None = None
    app_package_name: str | None = None


@dataclass(frozen=True, slots=True)
class ClientContext:
    """What the caller's AWS SDK tells of itself."""

    client: Client | None = None
    custom: dict[str, Any] | None = None
    env: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """One invocation, as seen by the handler. ``deadline_ms`` is in milliseconds since 1970."""

    aws_request_id: str
    deadline_ms: int
    invoked_function_arn: str
    trace_id: str | None
    tenant_id: str | None
    identity: CognitoIdentity
    client_context: ClientContext | None
    function_name: str | None
    function_version: str | None
    memory_limit_in_mb: str | None
    log_group_name: str | None
    log_stream_name: str | None
    w3c_fields: Mapping[str, str]

    @classmethod
    def of(cls, headers: Mapping[str, str], environ: Mapping[str, str]) -> Context:
        """Read the headers of ``/next`` (lower case) and the function's environment.

        Raises ``ValueError`` or ``LookupError`` when a header is missing or no JSON.
        """
        client = json.loads(headers.get("lambda-runtime-client-context") or "null")
        w3c = client.pop("w3c", None) if isinstance(client, dict) else None
        identity = json.loads(headers.get("lambda-runtime-cognito-identity") or "{}")
        return cls(
            aws_request_id=headers["lambda-runtime-aws-request-id"],
            deadline_ms=int(headers["lambda-runtime-deadline-ms"]),
            invoked_function_arn=headers.get("lambda-runtime-invoked-function-arn", ""),
            trace_id=headers.get("lambda-runtime-trace-id"),
            tenant_id=headers.get("lambda-runtime-aws-tenant-id"),
            identity=CognitoIdentity(
                identity.get("cognitoIdentityId"), identity.get("cognitoIdentityPoolId")
            ),
            client_context=None if client is None else _client_context(client),
            function_name=environ.get("AWS_LAMBDA_FUNCTION_NAME"),
            function_version=environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
            memory_limit_in_mb=environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
            log_group_name=environ.get("AWS_LAMBDA_LOG_GROUP_NAME"),
            log_stream_name=environ.get("AWS_LAMBDA_LOG_STREAM_NAME"),
            w3c_fields=_w3c_fields(w3c),
        )

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the invocation."""
        return max(0, self.deadline_ms - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """The W3C trace context of the invocation."""
        return dict(self.w3c_fields)


def _w3c_fields(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {name: value for name in W3C_FIELDS if isinstance(value := given.get(name), str)}


def _client_context(given: dict[str, Any]) -> ClientContext:
    client = given.get("client")
    if client is not None:
        client = Client(**{field.name: client.get(field.name) for field in fields(Client)})
    return ClientContext(client, given.get("custom"), given.get("env"))
