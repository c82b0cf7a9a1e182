"""Nobody gets in without a key, and no one learns why."""

from __future__ import annotations

import asyncio
import sys

import pytest

from bridge.errors import InvalidAPIKey, KeysUnavailable
from bridge.keys import ClientKeys, hashed
from bridge.server.auth import EnvironmentKeys, authenticate

KEY = "sk-0000"


def entered(*headers: tuple[bytes, bytes], keys=None, query: bytes = b""):
    scope = {"type": "http", "headers": list(headers), "query_string": query}
    return asyncio.run(authenticate(scope, keys or EnvironmentKeys(["other", KEY], {})))


def header(value: str) -> tuple[bytes, bytes]:
    return (b"authorization", value.encode("latin-1"))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f"Bearer {KEY}", id="plain"),
        pytest.param(f"bearer {KEY}", id="lower-case"),
        pytest.param(f"BEARER   {KEY} ", id="spaces"),
    ],
)
def test_a_known_key_names_its_client(value):
    client = entered(header(value))
    assert client.name == "client-2"
    assert client.seed == hashed(KEY).encode()


REFUSED = [
    pytest.param([], id="no-header"),
    pytest.param([header("")], id="empty-header"),
    pytest.param([header("Bearer")], id="no-key"),
    pytest.param([header("Bearer ")], id="empty-key"),
    pytest.param([header("Bearer wrong")], id="unknown"),
    pytest.param([header(KEY)], id="no-scheme"),
    pytest.param([header(f"Basic {KEY}")], id="other-scheme"),
    pytest.param([header(f"Bearer{KEY}")], id="no-space"),
    pytest.param([header(f"Bearer {KEY}, Bearer {KEY}")], id="two-keys"),
    pytest.param([header(f"Bearer {KEY}"), header(f"Bearer {KEY}")], id="two-headers"),
    pytest.param([header(f"Bearer {KEY}"), header("Bearer x")], id="two-different-headers"),
    pytest.param([header("Bearer " + "k" * 10_000)], id="10-kB"),
    pytest.param([header("Bearer " + " " * 10_000 + KEY)], id="10-kB-of-spaces"),
    pytest.param([header(f"Bearer {KEY}ÿ")], id="not-ascii"),
    pytest.param([header(f"Bearer {hashed(KEY)}")], id="stored-hash"),
    pytest.param([(b"x-api-key", KEY.encode())], id="other-header"),
]


@pytest.mark.parametrize("headers", REFUSED)
def test_every_way_of_being_wrong_is_told_the_same(headers):
    with pytest.raises(InvalidAPIKey) as caught:
        entered(*headers)
    with pytest.raises(InvalidAPIKey) as other:
        entered()
    assert (caught.value.message, caught.value.headers) == (
        other.value.message,
        other.value.headers,
    )
    assert caught.value.headers == {"WWW-Authenticate": "Bearer"}
    assert KEY not in caught.value.message


def test_a_key_in_the_query_string_counts_for_nothing():
    with pytest.raises(InvalidAPIKey):
        entered(query=f"api_key={KEY}&access_token={KEY}".encode())


@pytest.mark.parametrize(
    "api_keys",
    [
        pytest.param([], id="none"),
        pytest.param(["", "  ", "two words", "schlüssel"], id="none-usable"),
    ],
)
def test_without_keys_nobody_is_let_in(api_keys):
    with pytest.raises(KeysUnavailable):
        entered(header("Bearer "), keys=EnvironmentKeys(api_keys, {}))


def test_a_store_that_is_down_is_told_before_a_missing_key():
    class Down:
        async def clients(self) -> ClientKeys:
            raise KeysUnavailable("down")

        async def upstream(self, name: str) -> str | None:
            raise KeysUnavailable("down")

    with pytest.raises(KeysUnavailable):
        entered(keys=Down())


def test_the_environment_has_upstream_keys_by_name():
    keys = EnvironmentKeys([], {"house": "secret"})
    assert asyncio.run(keys.upstream("house")) == "secret"
    assert asyncio.run(keys.upstream("other")) is None


@pytest.mark.parametrize("presented", ["key-0", "key-4", "another", ""])
def test_every_key_is_compared_whichever_is_right(presented):
    keys = ClientKeys({f"client-{number}": f"key-{number}" for number in range(5)})
    compared = 0

    def count(_frame, event, function):
        nonlocal compared
        compared += event == "c_call" and function.__name__ == "compare_digest"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        keys.match(presented)
    finally:
        sys.setprofile(before)
    assert compared == (5 if presented else 0)
