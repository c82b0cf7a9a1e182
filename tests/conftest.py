"""What holds for every test: Hypothesis profiles, and no traffic beyond this machine."""

from __future__ import annotations

import ipaddress
import os
import sys

import hypothesis
import pytest

# A shared machine makes single examples slow now and then: no deadline tells anything there.
# In CI the same examples each time: a gate must not depend on luck.
hypothesis.settings.register_profile("fast", deadline=None, derandomize="CI" in os.environ)
# For each module's own properties at length: make test with this profile, and -m hypothesis.
hypothesis.settings.register_profile("long", deadline=None, max_examples=20_000)
hypothesis.settings.load_profile("fast")

# Their asserts say what they saw, as those of test files do.
pytest.register_assert_rewrite("tests.properties")

_guarding = False


def _is_loopback(host: object) -> bool:
    if host in {None, "", "localhost"}:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _refuse_other_hosts(event: str, args: tuple[object, ...]) -> None:
    if not _guarding:
        return
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if not _is_loopback(host):
        raise RuntimeError(f"a test reaches for {host!r}: only this machine is allowed")


sys.addaudithook(_refuse_other_hosts)


@pytest.fixture(autouse=True)
def loopback_only():
    """Refuse connections and look-ups beyond this machine while a test runs.

    Fixtures of a wider scope come before it, so one of these may fetch the embedded model.
    """
    global _guarding
    _guarding = True
    yield
    _guarding = False
