"""Whatever a request holds, and the model repeats: no call, nothing lost, no standstill."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.local_server import chat as chat_body
from tests.siege.hostile import (
    AS_IT_IS,
    BEGIN,
    CALLS,
    END,
    FORGED,
    IN_OTHER_WORDS,
    KEY,
    PREFIXES,
    TEXTS,
    pieces,
    repeating_everything,
    repeating_it_in_words,
    repeating_the_text,
)
from tests.siege.wire import PATH
from tests.test_streaming import content_of, events_of

if TYPE_CHECKING:
    import httpx

    from tests.siege.conftest import Siege

PLACES = AS_IT_IS | IN_OTHER_WORDS
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: its text, whether it calls, and the error's code."""

    text: str = ""
    calls: bool = False
    code: str | None = None


async def told(http: httpx.AsyncClient, body: dict[str, Any], model: str = "m", **more) -> Told:
    # httpx cannot send half of a surrogate pair; clients that escape it can.
    content = json.dumps({"model": model, **body, **more})
    response = await http.post(PATH, content=content, headers=JSON)
    if response.status_code != 200:
        return Told(code=response.json()["error"]["code"])
    if not more.get("stream"):
        message = response.json()["choices"][0]["message"]
        return Told(message["content"] or "", "tool_calls" in message)
    *events, last = events_of(response.text)
    code = None if last == "[DONE]" else last["error"]["code"]
    return Told(content_of(events), '"tool_calls"' in response.text, code)


def marked(text: str) -> str:
    return f"{BEGIN}\n{text}\n{END}"


def plain(text: str) -> str:
    """As it must come back: without the key, halves of characters replaced, stripped."""
    units = text.replace(KEY, "").encode("utf-16-le", "surrogatepass")
    return units.decode("utf-16-le", "replace").strip()


def comes_back(place: str, said: str, text: str) -> bool:
    """Whether that is the text, or the same as a string of JSON."""
    if plain(said) == plain(text):
        return True
    for _ in range(place.startswith("result-of") + 1):
        try:
            said = json.loads(f'"{said.strip()}"')
        except ValueError:
            return False
        if plain(said) == plain(text):
            return True
    return False


@pytest.mark.parametrize("place", AS_IT_IS)
def test_what_is_repeated_is_text_and_all_of_it(siege, place):
    async def repeating() -> list[object]:
        wrong: list[object] = []
        async with siege.client() as http:
            for name, text in TEXTS.items():
                body = AS_IT_IS[place](marked(text))
                siege.answers(repeating_the_text)
                whole = await told(http, body)
                siege.answers(repeating_it_in_words)
                stream = await told(http, body, stream=True)
                said = stream.text.removeprefix(f"So: {BEGIN}").removesuffix(f"{END}.")
                for answer, part in ((whole, whole.text), (stream, said)):
                    if place == "assistant" and name in (*CALLS, "thinking", "thinking-tags"):
                        continue  # the model's own calls may be written again; thinking is not
                    if answer.calls or answer.code or not comes_back(place, part, text):
                        wrong.append((name, text[:200], answer))
        return wrong

    assert siege.run(repeating()) == []


async def calls_in(siege, http, texts, places, repeats, model="m", **more) -> list[object]:
    """The places and texts that became a call, or anything but an answer."""
    wrong: list[object] = []
    for place in places:
        for name, text in texts.items():
            siege.answers(repeats)
            answer = await told(http, PLACES[place](marked(text)), model, **more)
            # What is no JSON is no answer where JSON was asked for.
            if answer.calls or answer.code not in {None, "output_invalid"}:
                wrong.append((place, name, answer))
    return wrong


@pytest.mark.parametrize("place", PLACES)
def test_a_model_that_repeats_everything_calls_nothing(siege, place):
    async def repeating() -> list[object]:
        async with siege.client() as http:
            wrong = await calls_in(siege, http, FORGED, [place], repeating_everything)
            if place in IN_OTHER_WORDS:
                wrong += await calls_in(siege, http, TEXTS, [place], repeating_the_text)
        return wrong

    assert siege.run(repeating()) == []


COMMON = ["user", "system", "result", "arguments", "tool-description", "enum"]


@pytest.mark.parametrize("model", ["raw", "hermes", "m-thinking"])
def test_in_every_dialect_and_with_thinking(siege, model):
    async def repeating() -> list[object]:
        async with siege.client() as http:
            return await calls_in(siege, http, FORGED, COMMON, repeating_the_text, model)

    assert siege.run(repeating()) == []


def test_a_model_that_quotes_without_escapes_calls_nothing(siege):
    """What stands in a result as JSON, or in a tool's description, was read as a near miss."""
    others = {name: text for name, text in CALLS.items() if KEY not in text}

    async def quoting() -> list[object]:
        wrong: list[object] = []
        async with siege.client() as http:
            for name, text in others.items():
                quoted = {name: text}
                wrong += await calls_in(siege, http, quoted, PLACES, lambda _, t=text: pieces(t))
        return wrong

    names = {"name-of-an-old-call"}  # written with other signs, so it is not what the model says
    own = {"assistant"}  # what the model itself wrote before, and was not run
    assert [each for each in siege.run(quoting()) if each[0] not in names | own] == []


def test_of_its_own_the_model_may_write_nearly_all_of_them(siege):
    """Or nothing above would say much."""

    async def writing() -> list[str]:
        called = []
        async with siege.client() as http:
            for name, text in CALLS.items():
                siege.answers(pieces(text))
                answer = await told(http, PLACES["user"]("Go."))
                called += [name] if answer.calls else []
        return called

    # A reply ends where it makes up a result.
    assert CALLS.keys() - set(siege.run(writing())) == {"behind-a-result"}


def test_a_promised_call_is_not_taken_from_what_was_repeated(siege):
    async def repeating() -> list[Told]:
        async with siege.client() as http:
            siege.answers(repeating_the_text)
            return [
                await told(http, PLACES[place](marked(text)), tool_choice="required")
                for place in COMMON
                for text in CALLS.values()
            ]

    assert set(siege.run(repeating())) == {Told(code="tool_call_invalid")}


# Much of it ---------------------------------------------------------------------------------------


async def cost(siege: Siege, http, body, expected: str | None = None) -> float:
    """Seconds of the server's processor for one request."""
    before = siege.server.seconds
    answer = await told(http, body)
    assert not answer.calls
    assert answer.code is None
    assert expected is None or answer.text.strip() == expected.strip()
    return siege.server.seconds - before


@pytest.mark.parametrize("unit", PREFIXES)
def test_a_megabyte_of_beginnings_costs_four_quarters(siege, unit):
    texts = [unit * (size // len(unit)) for size in (250_000, 1_000_000)]

    async def repeating() -> None:
        async with siege.client(timeout=50) as http:
            await told(http, chat_body())
            for place in ("user", "result", "arguments", "tool-description", "property"):
                echoed = place == "user"
                siege.answers(repeating_the_text if echoed else pieces("ok"))
                quarter, whole = [
                    await cost(siege, http, PLACES[place](marked(text)), text if echoed else None)
                    for text in texts
                ]
                assert whole < 6 * quarter + 0.3, place

    siege.run(repeating())
