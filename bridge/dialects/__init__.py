"""The dialects, by the name a model's configuration gives. Only this package knows markers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from bridge.dialects.fence import Fence
from bridge.dialects.hermes import Hermes
from bridge.dialects.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.dialects.base import Dialect

DIALECTS: Mapping[str, Callable[[str], Dialect]] = {
    name: lru_cache(maxsize=256)(dialect)  # a few clients' keys
    for name, dialect in {"fence": Fence, "raw": Raw, "hermes": Hermes}.items()
}
"""Each is made from a key."""
