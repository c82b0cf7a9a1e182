"""Images as Converse takes them: their bytes and a format, where OpenAI has a URL.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from bridge.errors import RequestError

FORMATS = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "gif": "gif", "webp": "webp"}
"""By the subtype of a data URL's media type."""

_DATA_URL = re.compile(r"data:image/(\w+)(?:;[\w=.-]+)*;base64,", re.IGNORECASE)


def image_block(image: dict[str, Any]) -> dict[str, Any]:
    """A part of type ``image_url`` as a block of Converse's.

    Raises ``RequestError`` for one that is not in the request itself: Bedrock fetches nothing, and
    neither does this server.
    """
    url = image["image_url"]["url"]
    head = _DATA_URL.match(url)
    if head is None or (kind := FORMATS.get(head[1].lower())) is None:
        raise RequestError(
            "An image for this model must be a base64 data URL of a PNG, JPEG, GIF or WebP.",
            param="messages",
        )
    try:
        data = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(
            "The data URL of an image is not valid base64.", param="messages"
        ) from None
    return {"image": {"format": kind, "source": {"bytes": data}}}
