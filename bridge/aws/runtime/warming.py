"""Events that only keep an environment warm: answered, because they are no fault of anyone.

Any other event that is no HTTP request stays an error: a queue whose messages were taken in silence
would lose them.
"""

from __future__ import annotations

SOURCES = frozenset({"aws.events", "aws.scheduler", "serverless-plugin-warmup"})
"""Rules and schedules of EventBridge; serverless-plugin-warmup."""

MARKS = ("warmer", "warmup")
"""Keys with which lambda-warmer and its kin mark their events."""


def keeps_warm(event: object) -> bool:
    """Whether an event asks for nothing but a running environment."""
    if not isinstance(event, dict) or "requestContext" in event:
        return False
    return event.get("source") in SOURCES or any(event.get(mark) for mark in MARKS)
