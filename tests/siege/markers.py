"""Blocks in the markers of the running server, whose salt is known to the tests."""

from __future__ import annotations

import json

from bridge.dialects.base import WrittenCall
from bridge.dialects.fence import Fence
from bridge.dialects.key import key_for
from bridge.keys import ClientKeys
from tests.local_server import KEY

SALT = bytes(range(32))
_CLIENT = ClientKeys({"client-1": KEY}, SALT).match(KEY)
assert _CLIENT is not None
FENCE = Fence(key_for(_CLIENT.seed))


def written(*calls: tuple[str, object]) -> str:
    """These calls, ``(name, arguments)``, the way the model is told to write them."""
    return FENCE.calls(
        [WrittenCall(name, json.dumps(given, ensure_ascii=False)) for name, given in calls]
    )
