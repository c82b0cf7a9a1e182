"""Errors of Bedrock and of botocore, renamed into ours.

https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html

An error has the same name as an HTTP answer (``ThrottlingException``) and as a frame in the middle
of a stream (``throttlingException``). What AWS writes is not passed on; where the operator is to
blame it is logged, for it then speaks of accounts and model ids.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bridge.errors import (
    BridgeError,
    ContextTooLong,
    RequestError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from bridge.upstream.http_errors import (
    BROKEN,
    FAILING,
    LIMITED,
    REFUSED,
    REJECTED,
    TOO_LONG,
    UNREACHABLE,
    cut,
    retry_after,
)
from bridge.upstream.timing import silent
from bridge.upstream.too_long import CONTEXT_TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["STOPPED", "cut", "renamed"]

logger = logging.getLogger(__name__)

STOPPED = "The upstream has been stopped."
NO_MODEL = "The upstream has no such model, or not for this account and region."

STATUS: Mapping[str, int] = {
    "accessdeniedexception": 403,
    "expiredtoken": 403,
    "expiredtokenexception": 403,
    "incompletesignature": 403,
    "invalidclienttokenid": 403,
    "invalidsignatureexception": 403,
    "missingauthenticationtokenexception": 403,
    "unrecognizedclientexception": 403,
    "resourcenotfoundexception": 404,
    "modelstreamerrorexception": 424,
    "servicequotaexceededexception": 429,
    "throttlingexception": 429,
    "toomanyrequestsexception": 429,
    "internalserverexception": 500,
    "modelerrorexception": 503,
    "modelnotreadyexception": 503,
    "serviceunavailableexception": 503,
    "modeltimeoutexception": 504,
    "validationexception": 400,
}
"""What a name means, in the language of HTTP; a few differ from the status that AWS sends."""

MODEL_FAULT = re.compile(r"model id(entifier)?\b|inference profile|on-demand throughput", re.I)
"""Validation faults of the configured model name. The caller cannot mend them."""


@contextmanager
def renamed() -> Iterator[None]:
    """Rename what botocore, and urllib3 below it, raise."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as exc:
        raise _renamed(exc) from exc


def _renamed(error: Exception) -> Exception:
    from botocore import exceptions as boto
    from botocore.eventstream import ParserError
    from urllib3 import exceptions as http

    match error:
        case boto.ClientError():
            return for_answer(error.response)
        case (
            boto.NoCredentialsError()
            | boto.PartialCredentialsError()
            | (boto.CredentialRetrievalError())
        ):
            logger.error("no AWS credentials: %s", error)
            return UpstreamRefused(REFUSED)
        case boto.ParamValidationError():
            return RequestError(REJECTED)
        case boto.ReadTimeoutError() | http.ReadTimeoutError():
            return silent()
        case boto.HTTPClientError() | boto.ConnectionError():
            return UpstreamUnavailable(UNREACHABLE)
        case http.HTTPError():
            return cut()
        case ParserError():
            return UpstreamInvalid(BROKEN)
        case boto.BotoCoreError():
            return UpstreamError(FAILING)
        case _:
            return error


def for_answer(response: Any) -> BridgeError:
    """The error that an AWS answer, or a frame of its event stream, means."""
    said = response.get("Error", {})
    code, message = str(said.get("Code", "")), str(said.get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    fault = MODEL_FAULT.search(message)
    match STATUS.get(code.lower(), metadata.get("HTTPStatusCode")):
        case 400 if CONTEXT_TOO_LONG.search(message):
            return ContextTooLong(TOO_LONG)
        case 400 if fault is not None:
            # The rest of the sentence may quote the request.
            logger.error("Bedrock: %s: … %s …", code, fault[0])
            return UpstreamInvalid(NO_MODEL)
        case 400:
            return RequestError(REJECTED)
        case 404:
            logger.error("Bedrock: %s: %s", code, message)
            return UpstreamInvalid(NO_MODEL)
        case 401 | 403:
            logger.error("Bedrock: %s: %s", code, message)
            return UpstreamRefused(REFUSED)
        case 424:
            return cut()
        case 429:
            return UpstreamRateLimited(
                LIMITED, headers=retry_after(metadata.get("HTTPHeaders", {}))
            )
        case 504:
            return silent()
        case int(status) if status >= 500:
            return UpstreamUnavailable(FAILING)
        case _:
            return UpstreamError(FAILING)
