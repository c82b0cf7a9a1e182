"""The keys from SSM, with AWS's own client against moto's server."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import threading

import pytest

from bridge.aws.key_reader import ssm_reader
from bridge.aws.parameters import REFRESH_WAIT, ParameterKeys
from bridge.errors import KeysUnavailable
from bridge.keys import hashed
from tests.clock import run as run_unhurried
from tests.fake_ssm import DENIED, PATH, SSM, THROTTLED, environment, ssm_server
from tests.virtual_time import run_in_virtual_time

ALICE, BOB, SECRET = "tb-alice-0123456789", "tb-bob-0123456789", "sk-upstream-0123456789"
MINUTE, HOUR = 60.0, 3600.0
HANGING = 60
"""Seconds after which what is waited for will not come; a busy machine takes a tenth of them."""


BY_EITHER_ROAD = pytest.mark.parametrize("ssm", ["signed", "powertools"], indirect=True)


@pytest.fixture(scope="module")
def running():
    with ssm_server() as server:
        yield server


@pytest.fixture
def ssm(running: SSM, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    for name, value in environment(running.door).items():
        monkeypatch.setenv(name, value)
    if getattr(request, "param", None) == "powertools":
        # Of which AWS's client makes something.
        monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "false")
    running.clear()
    running.put("clients/alice", ALICE)
    running.put("upstreams/house", SECRET)
    running.door.answer, running.door.calls = None, 0
    running.door.throttled = 0
    running.door.open.set()
    return running


class Clock:
    """A wall clock that a test moves; a frozen environment sees it jump."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def keys(ssm: SSM, clock: Clock):
    return ParameterKeys(ssm_reader(PATH), clock=clock, chance=lambda: 0.0)


async def name_of(keys: ParameterKeys, key: str) -> str | None:
    client = (await keys.clients()).match(key)
    return client.name if client else None


async def until(condition) -> None:
    async with asyncio.timeout(HANGING):
        while not condition():
            await asyncio.sleep(0.005)


async def until_known(keys: ParameterKeys, key: str, name: str) -> None:
    async with asyncio.timeout(HANGING):
        while await name_of(keys, key) != name:
            await asyncio.sleep(0.005)


@BY_EITHER_ROAD
@pytest.mark.parametrize("path", [PATH, PATH + "/", PATH.lstrip("/")])
def test_one_call_reads_clients_and_upstreams_decrypted(ssm: SSM, path: str) -> None:
    async def run() -> None:
        keys = ParameterKeys(ssm_reader(path))
        await keys.start()
        assert ssm.door.calls == 1
        assert await name_of(keys, ALICE) == "alice"
        assert await name_of(keys, BOB) is None
        assert await keys.upstream("house") == SECRET
        assert await keys.upstream("other") is None
        assert ssm.door.calls == 1

    run_unhurried(run())


@BY_EITHER_ROAD
def test_more_than_one_page_and_hashed_and_untidy_values(ssm: SSM, keys: ParameterKeys) -> None:
    for number in range(11):
        ssm.put(f"clients/c{number}", f"tb-key-number-{number}")
    ssm.put("clients/bob", hashed(BOB))
    ssm.put("clients/carol", " tb-carol\n")

    async def run() -> None:
        assert await name_of(keys, "tb-key-number-10") == "c10"
        assert await name_of(keys, BOB) == "bob"
        assert await name_of(keys, hashed(BOB)) is None
        assert await name_of(keys, "tb-carol") == "carol"

    run_unhurried(run())


def test_changes_take_effect_within_the_ttl(ssm: SSM, keys: ParameterKeys, clock: Clock) -> None:
    async def run() -> None:
        assert await name_of(keys, ALICE) == "alice"
        ssm.delete("clients/alice")
        ssm.put("clients/bob", BOB)
        clock.now += MINUTE / 2
        assert await name_of(keys, ALICE) == "alice"
        clock.now += MINUTE / 2 + 1
        assert await name_of(keys, ALICE) is None
        assert await name_of(keys, BOB) == "bob"

    run_unhurried(run())


def test_refresh_beside_a_request_does_not_delay_it(
    ssm: SSM, keys: ParameterKeys, clock: Clock
) -> None:
    async def run() -> None:
        await keys.start()
        ssm.put("clients/bob", BOB)
        ssm.door.open.clear()
        clock.now += MINUTE / 2 + 1
        asking = [asyncio.create_task(name_of(keys, BOB)) for _ in range(20)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert [task.done() and task.result() for task in asking] == [None] * 20
        ssm.door.open.set()
        await until_known(keys, BOB, "bob")
        assert ssm.door.calls == 2

    asyncio.run(run())


def test_requests_after_a_thaw_wait_for_one_refresh(
    ssm: SSM, keys: ParameterKeys, clock: Clock
) -> None:
    async def run() -> None:
        await keys.start()
        ssm.delete("clients/alice")
        clock.now += 8 * HOUR
        assert await asyncio.gather(*(name_of(keys, ALICE) for _ in range(20))) == [None] * 20
        assert ssm.door.calls == 2

    run_unhurried(run())


def test_a_read_that_was_frozen_in_its_middle_is_old_when_it_ends(clock: Clock) -> None:
    answers = [{"clients/alice": ALICE}, {"clients/alice": ALICE}, {"clients/bob": BOB}]
    thawed, reads = threading.Event(), 0

    def read() -> dict[str, str]:
        nonlocal reads
        reads += 1
        if reads == 2:
            assert thawed.wait(HANGING)
        return answers[reads - 1]

    async def run() -> None:
        keys = ParameterKeys(read, clock=clock)
        await keys.start()
        clock.now += MINUTE / 2 + 1
        assert await name_of(keys, ALICE) == "alice"
        await until(lambda: reads == 2)
        clock.now += HOUR / 2
        waiting = asyncio.create_task(name_of(keys, ALICE))
        await asyncio.sleep(0.01)
        thawed.set()
        assert await waiting is None
        assert reads == 3

    asyncio.run(run())


@pytest.mark.parametrize("fault", [THROTTLED, DENIED], ids=["throttled", "denied"])
def test_ssm_down_serves_what_is_kept_for_an_hour_then_nobody(
    ssm: SSM, clock: Clock, caplog: pytest.LogCaptureFixture, fault: bytes
) -> None:
    keys = ParameterKeys(ssm_reader(PATH), wait=2, clock=clock)

    async def run() -> None:
        await keys.start()
        ssm.door.answer = fault
        clock.now += 10 * MINUTE
        with caplog.at_level(logging.WARNING):
            assert await name_of(keys, ALICE) == "alice"
        assert "keys not read" in caplog.text
        assert ALICE not in caplog.text
        clock.now += HOUR
        with pytest.raises(KeysUnavailable):
            await keys.clients()
        ssm.door.answer = None
        clock.now += MINUTE
        assert await name_of(keys, ALICE) == "alice"

    run_unhurried(run())


@BY_EITHER_ROAD
def test_a_failing_ssm_is_rested_from(ssm: SSM, keys: ParameterKeys, clock: Clock) -> None:
    async def refused() -> str:
        with pytest.raises(KeysUnavailable) as caught:
            await keys.clients()
        return caught.value.headers["Retry-After"]

    async def run() -> None:
        ssm.door.answer = DENIED
        await keys.start()
        assert ssm.door.calls == 1
        for _ in range(50):
            assert await refused() == "1"
        assert ssm.door.calls == 1
        pauses = []
        for _ in range(7):
            clock.now += 30
            pauses.append(await refused())
        assert pauses == ["2", "4", "8", "16", "30", "30", "30"]
        assert ssm.door.calls == 8
        # A clock that is set back does not lengthen the pause.
        clock.now -= HOUR
        ssm.door.answer = None
        assert await name_of(keys, ALICE) == "alice"

    run_unhurried(run())


class Throttle:
    """An SSM that takes so many calls a second, and as many at once."""

    def __init__(self, rate: float, clock) -> None:
        self.rate, self.clock = rate, clock
        self.room, self.at = rate, clock()
        self.calls = self.refused = 0

    def __call__(self) -> dict[str, str]:
        now = self.clock()
        self.room = min(self.rate, self.room + (now - self.at) * self.rate)
        self.at = now
        self.calls += 1
        if self.room < 1:
            self.refused += 1
            raise ConnectionError("ThrottlingException: Rate exceeded")
        self.room -= 1
        return {"clients/alice": ALICE}


@pytest.mark.parametrize("starting", [True, False], ids=["at the start", "by the first request"])
@pytest.mark.parametrize("count", [100, 150])
def test_a_burst_of_starts_loses_no_request(count: int, starting: bool) -> None:
    chances = random.Random(7)

    async def run() -> None:
        ssm = Throttle(40, asyncio.get_running_loop().time)

        async def environment() -> str | None:
            clock = asyncio.get_running_loop().time
            keys = ParameterKeys(ssm, clock=clock, chance=chances.random)
            if starting:
                await keys.start()
            return await name_of(keys, ALICE)

        assert await asyncio.gather(*(environment() for _ in range(count))) == ["alice"] * count
        assert ssm.refused >= count - 40  # without which nothing is shown
        assert ssm.calls - ssm.refused == count

    run_in_virtual_time(run())


def test_an_ssm_that_stays_throttled_is_given_up_when_the_wait_is_over() -> None:
    async def run() -> None:
        clock = asyncio.get_running_loop().time
        ssm = Throttle(0, clock)
        keys = ParameterKeys(ssm, clock=clock, chance=lambda: 0.0)
        began = clock()
        with pytest.raises(KeysUnavailable) as caught:
            await keys.clients()
        assert clock() - began == pytest.approx(REFRESH_WAIT, abs=0.01)
        assert ssm.calls == 3  # after 0, 1 and 3 seconds; the next would be after 7
        assert caught.value.headers["Retry-After"] in {"2", "3"}

    run_in_virtual_time(run())


def test_what_was_throttled_together_does_not_come_back_together() -> None:
    async def first_pause(chance: float) -> float:
        clock = asyncio.get_running_loop().time
        times: list[float] = []

        def read() -> dict[str, str]:
            times.append(clock())
            raise ConnectionError

        await ParameterKeys(read, clock=clock, chance=lambda: chance).start()
        return times[1] - times[0]

    async def run() -> None:
        pauses = [await first_pause(chance) for chance in (0.0, 0.5, 1.0)]
        assert pauses == pytest.approx([1.0, 0.75, 0.5], abs=0.01)

    run_in_virtual_time(run())


def test_a_throttled_call_is_tried_again_at_once(ssm: SSM, keys: ParameterKeys) -> None:
    async def run() -> None:
        ssm.door.throttled = 1
        await keys.start()
        assert await name_of(keys, ALICE) == "alice"
        assert ssm.door.calls == 2

    run_unhurried(run())


def test_nothing_listening_at_all(ssm: SSM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
    keys = ParameterKeys(ssm_reader(PATH), wait=0.1)

    async def run() -> None:
        with pytest.raises(KeysUnavailable):
            await keys.upstream("house")

    run_unhurried(run())


def test_a_wait_is_bounded_and_the_read_goes_on(clock: Clock) -> None:
    release, reads = threading.Event(), 0

    def read() -> dict[str, str]:
        nonlocal reads
        reads += 1
        if reads > 1:
            assert release.wait(HANGING)
        return {f"clients/read{reads}": ALICE}

    async def run() -> None:
        keys = ParameterKeys(read, wait=0.05, clock=clock)
        await keys.start()
        clock.now += 10 * MINUTE
        assert await name_of(keys, ALICE) == "read1"
        assert await name_of(keys, ALICE) == "read1"
        release.set()
        await until_known(keys, ALICE, "read2")

    asyncio.run(run())


def test_nobody_is_let_in_when_the_path_is_empty(
    ssm: SSM, keys: ParameterKeys, caplog: pytest.LogCaptureFixture
) -> None:
    ssm.clear()
    ssm.put("clients/dave", "two words")

    async def run() -> None:
        assert len(await keys.clients()) == 0

    with caplog.at_level(logging.INFO):
        run_unhurried(run())
    assert "clients: none; upstreams: none; not usable: clients/dave" in caplog.text
    assert "two words" not in caplog.text


def test_a_refresh_does_not_inherit_the_request_that_started_it(clock: Clock) -> None:
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    def read() -> dict[str, str]:
        seen.append(request.get())
        return {"clients/alice": ALICE}

    async def run() -> None:
        request.set("first")
        await ParameterKeys(read, clock=clock).clients()

    run_unhurried(run())
    assert seen == ["none"]


def test_start_is_idle_while_the_keys_are_fresh(ssm: SSM, keys: ParameterKeys) -> None:
    async def run() -> None:
        await keys.start()
        await keys.start()
        assert ssm.door.calls == 1

    run_unhurried(run())
