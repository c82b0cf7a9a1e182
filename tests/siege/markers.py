"""Blocks in the markers of the running server, whose salt is known to the tests."""

from __future__ import annotations

from functools import partial

from bridge.dialects.fence import Fence
from bridge.dialects.key import key_for
from bridge.keys import ClientKeys
from tests import local_server
from tests.local_server import KEY

SALT = bytes(range(32))
_CLIENT = ClientKeys({"client-1": KEY}, SALT).match(KEY)
assert _CLIENT is not None
FENCE = Fence(key_for(_CLIENT.seed))
written = partial(local_server.written, fence=FENCE)
