"""Whether a configuration file can go into the Lambda package: 1, and the reason, if it cannot."""

from __future__ import annotations

import sys

from bridge.configuration import SettingsError
from bridge.server.settings import read_settings
from bridge.upstream.build import read_upstream

NOT_ON_LAMBDA = {
    "llama": "the embedded model does not run on Lambda",
    "scripted": "a script of replies is for trying things out, and is not in the package",
}


def main(path: str) -> int:
    """Check the file."""
    try:
        for table in read_settings({"TOOLBRIDGE_CONFIG": path}).upstreams.values():
            if reason := NOT_ON_LAMBDA.get(read_upstream(table).kind):
                raise table.error(reason, "kind")
    except SettingsError as error:
        sys.stdout.write(f"{error}\n")  # SAM CLI keeps the other stream of a build to itself
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
