"""The parameters under one path of SSM, by one signed request for every ten.

AWS's client costs more at a cold start than the whole of this program: it reads megabytes of
descriptions for one call. Where the environment says all that the call needs, as on Lambda, it is
made here, signed by AWS's own signer; anywhere else (profiles, roles, other partitions, FIPS
endpoints, proxies) AWS's client is asked, through powertools. TLS is verified against the system's
authorities either way, and whoever reads tries again as he sees fit.

Sources: AWS General Reference, "AWS Systems Manager endpoints and quotas"; SSM API Reference,
"GetParametersByPath" and "Common Errors"; AWS SDKs and Tools Reference Guide, "Container credential
provider", which is where a function under SnapStart finds its credentials.
"""

from __future__ import annotations

import json
import re
import ssl
from contextlib import closing
from http.client import HTTPConnection, HTTPSConnection
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIMEOUT = 2.0
"""Seconds that SSM may be silent; it answers in tens of milliseconds."""

REGION = re.compile(r"(us|eu|ap|ca|sa|me|af|il|mx)-(gov-)?[a-z]+-\d")
"""Regions whose endpoints end with amazonaws.com."""

ELSEWHERE = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"),
    *("AWS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"),
)
"""Variables of which AWS's client makes more than is made here."""

LOOPBACK = ("127.0.0.1", "localhost")
"""Hosts that are asked for credentials without TLS: under SnapStart, they are on this one."""


class SSMError(Exception):
    """SSM's refusal, with the code that it gave."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Account(NamedTuple):
    """Where SSM is and who asks it: credentials, or the address that gives them, and its token."""

    region: str
    endpoint: SplitResult
    credentials: Mapping[str, str]
    credentials_url: SplitResult | None
    token: str


def account(environ: Mapping[str, str]) -> Account | None:
    """What these variables say; None when AWS's client has to make it out."""
    region = environ.get("AWS_REGION", "")
    if not REGION.fullmatch(region) or any(environ.get(name) for name in ELSEWHERE):
        return None
    named = environ.get("AWS_ENDPOINT_URL_SSM") or environ.get("AWS_ENDPOINT_URL")
    endpoint = urlsplit(named or f"https://ssm.{region}.amazonaws.com")
    if environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        given = {
            "AccessKeyId": environ["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": environ["AWS_SECRET_ACCESS_KEY"],
            "Token": environ.get("AWS_SESSION_TOKEN", ""),
        }
        return Account(region, endpoint, given, None, "")
    url = urlsplit(environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""))
    if url.scheme == "https" or url.hostname in LOOPBACK:
        return Account(
            region, endpoint, {}, url, environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        )
    return None


def can_sign() -> bool:
    """Whether AWS's signer is here; it wants Python 3.12."""
    return find_spec("aws_sdk_signers") is not None


def parameters(account: Account, root: str) -> Iterator[tuple[str, str]]:
    """Every parameter under ``root``, decrypted: what follows it in the name, and the value.

    Raises ``SSMError``, ``OSError`` or ``ValueError``.
    """
    credentials = account.credentials
    if account.credentials_url is not None:
        credentials = _credentials(account.credentials_url, account.token)
    with closing(_connect(account.endpoint)) as connection:
        asked = {"Path": root, "Recursive": True, "WithDecryption": True, "MaxResults": 10}
        while True:
            body = json.dumps(asked).encode()
            connection.request("POST", "/", body, signed(account, credentials, body))
            answer = _answer(connection)
            for found in answer["Parameters"]:
                yield found["Name"].removeprefix(root).lstrip("/"), found["Value"]
            if not (more := answer.get("NextToken")):
                return
            asked["NextToken"] = more


def signed(
    account: Account, credentials: Mapping[str, str], body: bytes, date: str | None = None
) -> dict[str, str]:
    """The headers of the call; ``date`` (``20261127T073000Z``) is by default now."""
    from aws_sdk_signers import (
        URI,
        AWSCredentialIdentity,
        AWSRequest,
        Field,
        Fields,
        SigV4Signer,
        SigV4SigningProperties,
    )

    headers = {
        "Host": account.endpoint.netloc,
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonSSM.GetParametersByPath",
    }
    properties = SigV4SigningProperties(region=account.region, service="ssm")
    if date is not None:
        properties["date"] = date
    request = SigV4Signer().sign(
        request=AWSRequest(
            destination=URI(host=account.endpoint.hostname or "", path="/"),
            method="POST",
            body=[body],
            fields=Fields([Field(name=name, values=[value]) for name, value in headers.items()]),
        ),
        identity=AWSCredentialIdentity(
            access_key_id=credentials["AccessKeyId"],
            secret_access_key=credentials["SecretAccessKey"],
            session_token=credentials.get("Token") or None,
        ),
        properties=properties,
    )
    return {field.name: field.values[0] for field in request.fields}


def _credentials(url: SplitResult, token: str) -> Mapping[str, str]:
    with closing(_connect(url)) as connection:
        path = url.path + (f"?{url.query}" if url.query else "")
        connection.request("GET", path, headers={"Authorization": token} if token else {})
        found: Mapping[str, str] = _answer(connection)
        return found


def _connect(url: SplitResult) -> HTTPConnection:
    host = url.hostname or ""
    if url.scheme == "http":
        return HTTPConnection(host, url.port, timeout=TIMEOUT)
    context = ssl.create_default_context()
    return HTTPSConnection(host, url.port, timeout=TIMEOUT, context=context)


def _answer(connection: HTTPConnection) -> Any:
    response = connection.getresponse()
    text = response.read()
    if response.status == 200:
        return json.loads(text)
    try:
        told = json.loads(text)
        code = str(told["__type"]).rpartition("#")[2]
    except (ValueError, LookupError, TypeError):
        raise SSMError(f"Status{response.status}", response.reason) from None
    raise SSMError(code, str(told.get("message") or told.get("Message") or response.reason))
