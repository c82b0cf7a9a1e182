"""``sam local …`` as far as Docker: SAM CLI's own code, run by its own Python.

Everything that SAM does before it starts a container is SAM's: command line, samconfig.toml, the
built template, conditions, parameters, ``--env-vars``, this shell's variables. Instead of starting
one, it writes what the container would have been given, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from samcli.cli.main import cli
from samcli.commands.local.cli_common.invoke_context import InvokeContext


class Containers:
    """In the place of what starts containers."""

    def invoke(self, config: Any, event: str, *_: Any, **__: Any) -> None:
        """Tell what would have been started."""
        given = {
            "function": config.name,
            "handler": config.handler,
            "runtime": config.runtime,
            "code": config.code_abs_path,
            "architecture": config.architecture,
            "timeout": config.timeout,
            "environment": config.env_vars.resolve(),
            "event": json.loads(event),
        }
        sys.stdout.write(json.dumps(given) + "\n")


if __name__ == "__main__":
    InvokeContext.lambda_runtime = property(lambda _: Containers())
    InvokeContext._get_container_manager = staticmethod(lambda *_: None)
    cli(["local", *sys.argv[1:]])
