"""The salt of this machine's markers: 32 random bytes, made at the first start and kept.

The two words in the prompt's markers are derived from a client's key and this salt, so that a key
that everyone knows, as that of an example, gives them away to no one. It is the same at each
start, so that upstreams' prompt caches stay warm.
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SALT_BYTES = 32

logger = logging.getLogger("toolbridge")


def local_salt(environ: Mapping[str, str]) -> bytes:
    """The salt in the user's state directory; one for this run alone where it cannot be kept."""
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    file = Path(state) / "toolbridge" / "salt"
    try:
        return _kept(file)
    except OSError as error:
        logger.warning("a salt is made for this run alone: %s: %s", file, error.strerror)
        return secrets.token_bytes(SALT_BYTES)


def _kept(file: Path) -> bytes:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = file.with_name(f"salt.{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as written:
            written.write(secrets.token_bytes(SALT_BYTES))
        if not file.exists() or file.stat().st_size != SALT_BYTES:
            made.replace(file)  # whole or not at all, whoever else starts now
    finally:
        made.unlink(missing_ok=True)
    return file.read_bytes()
