"""The function over an upstream with a fault of its own; ``BROKEN`` says when it shows."""

from __future__ import annotations

import os

from mangum import Mangum

from bridge.aws.telemetry import reporter, request_id, time_left
from tests.broken_server import broken_app
from tests.canaries import MODEL

handler = Mangum(
    broken_app(
        os.environ["BROKEN"],
        report=reporter([MODEL], os.environ),
        time_left=time_left,
        request_id=request_id,
    ),
    lifespan="on",
)
