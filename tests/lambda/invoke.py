"""``make invoke``: one event through the built package, printed when and as a client would see it.

The package runs as on Lambda, against a server that speaks the Runtime API: Lambda's own emulator
shows an answer only when it is whole.

The function takes its settings from this shell's ``TOOLBRIDGE_`` and ``AWS_`` variables. Without an
upstream among them a scripted one answers, and the event's own key is let in.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
import tempfile
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .emulator import DELIMITER  # noqa: TID252
from .fake_runtime_api import FakeRuntimeAPI  # noqa: TID252
from .package import PACKAGE, ROOT, runtime  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .fake_runtime_api import Invocation  # noqa: TID252
    from .runtime_process import RuntimeProcess  # noqa: TID252

SECONDS = 300
HELLO = ["Hello", "! This reply is scripted:", " set TOOLBRIDGE_UPSTREAM_URL for a real one."]
CALL = ['```tool_call\n{"name": "get_weather", ', '"arguments": {"city": "北京"}}\n```']
TOOLS = {"TOOLBRIDGE_SAM", "TOOLBRIDGE_RIE", "TOOLBRIDGE_PYTHON"}
"""Where the tools of this run are; nothing for the function."""
UPSTREAM = ("TOOLBRIDGE_UPSTREAM_URL", "TOOLBRIDGE_UPSTREAM_KIND", "TOOLBRIDGE_CONFIG")


def main() -> int:
    """Invoke and print; 1 when the function failed."""
    parser = argparse.ArgumentParser(prog="make invoke", description=__doc__)
    parser.add_argument("event", type=Path)
    parser.add_argument("--package", type=Path, default=PACKAGE)
    parser.add_argument("--logs", action="store_true", help="print what the function wrote, too")
    given = parser.parse_args()
    try:
        event = json.loads(given.event.read_text("utf-8"))
    except OSError as error:
        sys.stderr.write(f"{given.event}: {error.strerror}. There are: {', '.join(known())}\n")
        return 1
    except ValueError as error:
        sys.stderr.write(f"{given.event} is no JSON: {error}\n")
        return 1
    ours = ("TOOLBRIDGE_", "AWS_", "POWERTOOLS_")
    env = {n: v for n, v in os.environ.items() if n.startswith(ours) and n not in TOOLS}
    with tempfile.TemporaryDirectory() as folder, FakeRuntimeAPI() as api:
        settings = {**defaults(event, env, Path(folder)), **env}
        with runtime(api, settings, package=given.package.resolve()) as running:
            invocation = api.invoke(event, seconds=SECONDS)
            code = show(arriving(invocation, running), api, invocation)
            if given.logs:
                sys.stderr.write(running.output)
    return code


def arriving(invocation: Invocation, running: RuntimeProcess) -> Iterator[bytes]:
    """What comes of an answer, when it comes, until it or the process ends."""
    seen = 0
    over = False
    while not over:
        over = invocation.over.done() or running.process.poll() is not None
        new = invocation.chunks[seen:]
        seen += len(new)
        yield from (chunk.data for chunk in new)
        time.sleep(0.005)


def known() -> list[str]:
    """The events that stand ready."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "events").glob("*.json"))


def defaults(event: Mapping[str, Any], env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """What makes the event answerable, for what the shell leaves open."""
    found = {}
    if not env.keys() & {"TOOLBRIDGE_API_KEYS", "TOOLBRIDGE_KEYS_PATH"}:
        found["TOOLBRIDGE_API_KEYS"] = "tb-an-example-key-for-events-only"
    body = request_of(event)
    if not env.keys() & {*UPSTREAM}:
        asks = body.get("tools") and body["messages"][-1]["role"] == "user"
        script = {"replies": [[{"delay": 0.2, "text": text} for text in (CALL if asks else HELLO)]]}
        (folder / "script.json").write_text(json.dumps(script), "utf-8")
        model = str(body.get("model", "claude-sonnet-4.6")).removesuffix("-thinking")
        (folder / "bridge.toml").write_text(
            f'[upstreams.events]\nkind = "scripted"\nfile = "{folder / "script.json"}"\n'
            f'[models."{model}"]\nupstream = "events"\n',
            "utf-8",
        )
        found["TOOLBRIDGE_CONFIG"] = str(folder / "bridge.toml")
    return found


def request_of(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event's body, empty when it has none."""
    body = event.get("body") or "{}"
    text = base64.b64decode(body) if event.get("isBase64Encoded") else body
    value: dict[str, Any] = json.loads(text)
    return value


def show(pieces: Iterator[bytes], api: FakeRuntimeAPI, invocation: Invocation) -> int:
    """Write the HTTP response as it comes; 1 when there is none."""
    raw = b""
    for piece in pieces:
        raw += piece
        if DELIMITER in raw:
            break
    else:
        fault = invocation.error or next((told for _, told in api.init_errors), {})
        reason = fault.get("errorMessage", "no answer; --logs tells more")
        sys.stderr.write(f"The function failed: {reason}\n")
        return 1
    head, _, begun = raw.partition(DELIMITER)
    prelude = json.loads(head)
    lines = [f"HTTP/1.1 {prelude['statusCode']}"]
    lines += [f"{name}: {value}" for name, value in prelude["headers"].items()]
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()
    for piece in chain([begun], pieces):
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        last = piece or begun
    if not last.endswith(b"\n"):
        sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
