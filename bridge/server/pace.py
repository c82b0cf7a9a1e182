"""The time limits of the server, in seconds; those of upstreams are their own."""

from __future__ import annotations

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """One value, so that a test can hurry.

    ``request``: the longest that one request may take; as long as a Lambda invocation can.
    ``margin``: kept of the time that the platform gives, to send the error event in: Lambda kills
    without a word.
    ``body``: for the whole request body; 6 MB in that time is a slow mobile line, and what is
    slower holds a place.
    ``quiet``: after so long without a byte a stream gets a comment; proxies cut idle connections
    from fifteen seconds on.
    ``farewell``: for the error event of a stream whose client may have stopped reading.
    """

    request: float = 900.0
    margin: float = 2.0
    body: float = 30.0
    quiet: float = 10.0
    farewell: float = 2.0
