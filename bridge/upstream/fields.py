"""The fields of an upstream's table that not every value fits.

What could not work is refused when the configuration is read, not at each request.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field

MAX_PORT = 65535
SECRET_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _http_url(url: str) -> str:
    """The URL, if a request can be sent there; the library that sends it has the last word."""
    import httpx

    try:
        parts = httpx.URL(url)
        if " " in url:
            raise httpx.InvalidURL("a space")  # which httpx would send as %20, in a name as well
        # What looks the host up takes no empty or over-long label, and says so with no OSError.
        parts.host.encode("ascii" if ":" in parts.host else "idna")
    except (httpx.InvalidURL, UnicodeError):
        raise ValueError("is no URL that a request can be sent to") from None
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise ValueError("must be a URL that begins with http:// or https://")
    if parts.userinfo:
        raise ValueError("must not hold a key: name it with 'key'")
    if parts.port is not None and not 0 < parts.port <= MAX_PORT:
        raise ValueError(f"has a port that is none: 1 to {MAX_PORT}")
    if "#" in url:
        raise ValueError("must not have a fragment ('#')")
    return url


def _base_url(url: str) -> str:
    """The same, for a URL that paths are added to."""
    if "?" in url:
        raise ValueError("must not have a query ('?'): the paths of the API follow it")
    return url


def _header_value(value: str) -> str:
    if not value.isascii() or not value.replace("\t", " ").isprintable():
        raise ValueError("is nothing that a header can hold: printable ASCII")
    return value


def _secret_name(name: str) -> str:
    if SECRET_NAME.fullmatch(name) is None:
        raise ValueError(
            "must be the name of a secret, never the secret: letters, digits, '-', '_', '.'"
        )
    return name


URL = Annotated[str, AfterValidator(_http_url)]
BaseURL = Annotated[URL, AfterValidator(_base_url)]
SecretName = Annotated[str, AfterValidator(_secret_name)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Seconds = Annotated[float, Field(gt=0)]
Headers = Annotated[dict[HeaderName, HeaderValue], Field(default_factory=dict)]
Body = Annotated[dict[str, Any], Field(default_factory=dict)]
