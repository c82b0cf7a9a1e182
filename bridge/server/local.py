"""The local server: uvicorn, a log line a request, and what the operator is told at the start."""

from __future__ import annotations

import gc
import json
import logging
import re
import shlex
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.configuration import SettingsError
from bridge.server.errors import WordlessFormatter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import uvicorn
    from starlette.types import ASGIApp

    from bridge.models import Model
    from bridge.report import RequestReport

DRAIN_SECONDS = 30
"""After Ctrl-C, for the streams that are running; a second Ctrl-C does not wait."""
KEEP_ALIVE_SECONDS = 75
"""For idle connections: longer than clients keep theirs, so that none is reused as it closes."""
BACKLOG = 128
"""Connections that may wait to be taken. As many are taken in one go, so that it must be far fewer
than the file descriptors that ``connection`` keeps free."""
MAX_PORT = 65535
PORT = re.compile(r"[0-9]{1,5}")
MODELS_SHOWN = 10

logger = logging.getLogger("toolbridge")


def listen(host: str, port: str) -> socket.socket:
    """A socket that takes connections on ``port``, 0 for any free one; raises ``SettingsError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host.encode("idna")
        return socket.create_server((host, port_of(port)), family=family, backlog=BACKLOG)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    except UnicodeError:
        raise SettingsError("TOOLBRIDGE_HOST: is no name of a host") from None


def port_of(port: str) -> int:
    """The number of a port; raises ``SettingsError``."""
    if PORT.fullmatch(port) is None or int(port) > MAX_PORT:
        raise SettingsError(f"TOOLBRIDGE_PORT: must be a number of at most {MAX_PORT}")
    return int(port)


def names_of(host: str) -> list[str]:
    """The names that a server goes by which listens on ``host``.

    One that listens on every address serves other machines, which know this one by its name.
    """
    if host not in ("", "0.0.0.0", "::"):  # noqa: S104  compared, not listened on
        return [host]
    own = socket.gethostname()
    return [own, f"{own}.local"] if own else []


def server_of(app: ASGIApp, *, drain: int = DRAIN_SECONDS) -> uvicorn.Server:
    """The HTTP server; ``drain``: the seconds that running streams get at the end."""
    import uvicorn

    from bridge.server.connection import Connection

    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Connection,
            ws="none",
            backlog=BACKLOG,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=drain,
        )
    )


def run(app: ASGIApp, listening: socket.socket) -> bool:
    """Serve until Ctrl-C or SIGTERM, then let running streams end; whether it ever started."""
    from bridge.server.connection import raise_descriptor_limit

    server = server_of(app)
    raise_descriptor_limit()
    # What the start made stays: no collection of garbage need look through it, between two deltas.
    gc.collect()
    gc.freeze()
    # uvicorn raises the signal again once everything is closed. By default SIGTERM would then kill
    # a process that has stopped as it was told to, and whoever sent it would see a failure.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    return server.started


def log_to_stderr() -> None:
    """Send our own log lines, and others' warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(WordlessFormatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logger.setLevel(logging.INFO)


def log_request(report: RequestReport) -> None:
    """One line about a finished request: numbers and names, never content."""
    level = logging.WARNING if report.status >= 500 else logging.INFO
    logger.log(level, "%s", request_line(report))


def request_line(report: RequestReport) -> str:
    """``POST /v1/chat/completions 200 2.31s model=… tokens=120+34 …``, without what is nothing."""
    first = "" if report.first_text is None else f"{report.first_text:.2f}s"
    tokens = f"{report.prompt_tokens}+{report.completion_tokens}"
    details = {
        "client": report.client,
        "model": report.model,
        "stream": report.stream,
        "error": report.error,
        "upstream_said": report.upstream_said,
        "finish": report.finish_reason,
        "first": first,
        "tokens": tokens + "~" * report.estimated_tokens if tokens != "0+0" else "",
        "calls": report.calls,
        "re_asks": report.re_asks,
        "repairs": report.repairs,
        "near_misses": report.near_misses,
        "malformed": report.malformed,
        "cut": report.cut,
        "mended": report.mended,
        "id": report.request_id,
    }
    told = [f"{name}={_word(value)}" for name, value in details.items() if value]
    asked = [report.method, _word(report.path)]
    return " ".join([*asked, str(report.status), f"{report.total:.2f}s", *told])


def _word(value: object) -> str:
    """A value as one word: what a caller wrote must not look like a field of its own."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or '"' in text else text


def greeting(url: str, models: Sequence[Model], key: str, note: str) -> str:
    """What is served where, the key, and one line of curl to try it with."""
    names = [model.id for model in models]
    shown = ", ".join(names[:MODELS_SHOWN]) or "none listed"
    if len(names) > MODELS_SHOWN:
        shown += f" and {len(names) - MODELS_SHOWN} more"
    body = {
        "model": names[0] if names else "…",
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
                },
            }
        ],
    }
    curl = (
        f"curl {url}/chat/completions -H 'Content-Type: application/json'"
        f' -H "Authorization: Bearer {key}" -d {shlex.quote(json.dumps(body))}'
    )
    return f"Serving  {url}\nModels   {shown}\nKey      {key}{note}\nTry      {curl}\n"


def base_url(listening: socket.socket) -> str:
    """The URL that clients are given."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
