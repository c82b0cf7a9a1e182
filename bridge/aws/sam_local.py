"""What ``sam local`` leaves out, so that the function answers there as it stands.

In that emulation there is no SSM with our keys, and without parameters there is no upstream. The
client key of ``events/`` then lets in, and a scripted upstream answers. None of it can happen on
Lambda, whatever variables a function is given there: besides ``AWS_SAM_LOCAL`` it takes the name of
the log stream, which SAM CLI sets to ``$LATEST``, and which on Lambda is reserved: it begins with a
date, and no configuration changes it. ``stream.sh`` looks at the same two variables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS_KEY = "tb-an-example-key-for-events-only"
"""The client key in ``events/``."""
EVENTS_MODEL = "claude-sonnet-4.6"
"""The model that they ask."""

URL_KINDS = {"", "openai_text", "ui_stream"}
"""Kinds of upstream that are nothing without a URL."""
SSM_VARIABLES = {"TOOLBRIDGE_KEYS_PATH", "TOOLBRIDGE_KEYS_TTL"}


def is_sam_local(environ: Mapping[str, str]) -> bool:
    """Whether this process runs in SAM CLI's emulation of Lambda."""
    return (
        environ.get("AWS_SAM_LOCAL") == "true"
        and environ.get("AWS_LAMBDA_LOG_STREAM_NAME") == "$LATEST"
    )


def lacks_upstream(environ: Mapping[str, str]) -> bool:
    """Whether these variables describe none."""
    kind, url, file = (
        environ.get(f"TOOLBRIDGE_{name}", "").strip()
        for name in ("UPSTREAM_KIND", "UPSTREAM_URL", "CONFIG")
    )
    return kind in URL_KINDS and not (url or file)


def completed(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables, with keys of the environment in place of SSM's, and with an upstream."""
    found = {name: value for name, value in environ.items() if name not in SSM_VARIABLES}
    if not found.get("TOOLBRIDGE_API_KEYS", "").strip():
        found["TOOLBRIDGE_API_KEYS"] = EVENTS_KEY
    if lacks_upstream(environ):
        found["TOOLBRIDGE_UPSTREAM_KIND"] = "scripted"
        if not found.get("TOOLBRIDGE_MODEL", "").strip():
            found["TOOLBRIDGE_MODEL"] = EVENTS_MODEL
    return found
