"""Every error a caller can see, as one tree.

    BridgeError                            status  type                   code
    ├── RequestError                       400     invalid_request_error  (given)
    │   ├── ForbiddenHost                  403     invalid_request_error  forbidden_host
    │   ├── ForbiddenOrigin                403     invalid_request_error  forbidden_origin
    │   ├── UnknownPath                    404     invalid_request_error  unknown_url
    │   ├── ModelNotFound                  404     invalid_request_error  model_not_found
    │   ├── MethodNotAllowed               405     invalid_request_error  method_not_allowed
    │   ├── BodyTimeout                    408     invalid_request_error  request_timeout
    │   ├── BodyTooLarge                   413     invalid_request_error  request_too_large
    │   ├── UnsupportedMediaType           415     invalid_request_error  unsupported_media_type
    │   └── ContextTooLong                 400     invalid_request_error  context_length_exceeded
    ├── InvalidAPIKey                      401     invalid_request_error  invalid_api_key
    ├── ServerError                        500     server_error           internal_error
    │   ├── KeysUnavailable                503     server_error           keys_unavailable
    │   ├── Overloaded                     503     server_error           overloaded
    │   └── OutOfTime                      504     server_error           out_of_time
    ├── UpstreamError                      502     upstream_error         upstream_error
    │   ├── UpstreamRefused                502     upstream_error         upstream_refused
    │   ├── UpstreamInvalid                502     upstream_error         upstream_invalid_response
    │   ├── UpstreamCut                    502     upstream_error         upstream_cut
    │   ├── UpstreamRateLimited            429     rate_limit_error       rate_limit_exceeded
    │   ├── UpstreamUnavailable            503     upstream_error         upstream_unavailable
    │   └── UpstreamTimeout                504     upstream_error         upstream_timeout
    └── ReplyError                         502     upstream_error         (given)
        ├── ToolCallInvalid                502     upstream_error         tool_call_invalid
        └── OutputInvalid                  502     upstream_error         output_invalid

A class carries its status, type and code; an instance its message and, where one field is to
blame, that field's path as ``param``. Messages never hold a secret, a prompt or a reply.
Errors of other libraries are renamed into these at the seam where they appear.
"""

from __future__ import annotations

from typing import ClassVar


class BridgeError(Exception):
    """An error with an OpenAI-shaped answer.

    ``message`` is for the caller's eyes; ``param`` is the path of the field to blame;
    ``code`` overrides the class's own; ``headers`` go out with the answer. ``said`` is for the log
    alone: what an upstream said of it, without what may be secret.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str | None = "internal_error"
    said: str | None = None

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers = headers or {}
        if code is not None:
            self.code = code


class RequestError(BridgeError):
    """The request is at fault; the caller can mend it."""

    status = 400
    type = "invalid_request_error"
    code: str | None = None


class ForbiddenHost(RequestError):
    """The request names the server by a name that it does not go by."""

    status = 403
    code = "forbidden_host"


class ForbiddenOrigin(RequestError):
    """The request comes from a web page that may not call."""

    status = 403
    code = "forbidden_origin"


class UnknownPath(RequestError):
    """No such path here."""

    status = 404
    code = "unknown_url"


class ModelNotFound(RequestError):
    """No model is served under that name."""

    status = 404
    code = "model_not_found"


class MethodNotAllowed(RequestError):
    """The path exists, for another method; the ``Allow`` header names it."""

    status = 405
    code = "method_not_allowed"


class BodyTimeout(RequestError):
    """The request body did not arrive in time."""

    status = 408
    code = "request_timeout"


class BodyTooLarge(RequestError):
    """The request body is over the limit."""

    status = 413
    code = "request_too_large"


class UnsupportedMediaType(RequestError):
    """The request body is not declared as JSON."""

    status = 415
    code = "unsupported_media_type"


class ContextTooLong(RequestError):
    """The upstream model cannot take so long a conversation."""

    code = "context_length_exceeded"


class InvalidAPIKey(BridgeError):
    """No client key, or one that is not known."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class ServerError(BridgeError):
    """Something on our side."""


class KeysUnavailable(ServerError):
    """The key store cannot be reached and nothing is cached: nobody is let in."""

    status = 503
    code = "keys_unavailable"


class Overloaded(ServerError):
    """More requests at once than the operator allows."""

    status = 503
    code = "overloaded"


class OutOfTime(ServerError):
    """The wall-clock budget of this request is used up."""

    status = 504
    code = "out_of_time"


class UpstreamError(BridgeError):
    """The upstream failed."""

    status = 502
    type = "upstream_error"
    code = "upstream_error"


class UpstreamRefused(UpstreamError):
    """The upstream does not accept the operator's key; not the caller's fault."""

    code = "upstream_refused"


class UpstreamInvalid(UpstreamError):
    """The upstream answered with something that is not a reply."""

    code = "upstream_invalid_response"


class UpstreamCut(UpstreamError):
    """The upstream's reply broke off."""

    code = "upstream_cut"


class UpstreamRateLimited(UpstreamError):
    """The upstream asks for fewer requests; ``Retry-After`` is passed on."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class UpstreamUnavailable(UpstreamError):
    """The upstream cannot be reached or is failing."""

    status = 503
    code = "upstream_unavailable"


class UpstreamTimeout(UpstreamError):
    """The upstream was silent for too long."""

    status = 504
    code = "upstream_timeout"


class ReplyError(BridgeError):
    """The model's reply broke a promise made to the caller, after every re-ask."""

    status = 502
    type = "upstream_error"


class ToolCallInvalid(ReplyError):
    """No valid call where one was promised."""

    code = "tool_call_invalid"


class OutputInvalid(ReplyError):
    """No valid structured output where it was promised."""

    code = "output_invalid"
