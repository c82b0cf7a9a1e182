"""Instructor: pydantic objects through tools and through JSON, whole and in parts.

What it needs beyond the specification:

- TOOLS names its one tool in ``tool_choice`` and takes the first call, whatever ``finish_reason``
  says (it is ``stop`` for a named tool), unless it is ``length``;
- JSON sends ``json_object``, and its own schema in the system message; JSON_SCHEMA sends
  ``json_schema`` without ``strict``; MD_JSON asks in words for a fence;
- PARALLEL_TOOLS sends ``auto`` and takes every call;
- after a validation error it sends the call back with the fault as its result (TOOLS) or as the
  user's words (JSON);
- streams of TOOLS are read piece by piece: arguments must be valid as far as they go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import instructor
import openai
import pytest
from instructor import Mode
from instructor.core import IncompleteOutputException, InstructorRetryException
from pydantic import BaseModel, Field, field_validator

from bridge.turns import Piece
from tests.clients.conftest import calling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.clients.conftest import Served


class Address(BaseModel):
    """Where someone lives."""

    city: str
    zip: str | None = None


class Person(BaseModel):
    """A person that a text tells of."""

    name: str
    age: int = Field(description="in years")
    addresses: list[Address]

    @field_validator("name")
    @classmethod
    def has_two_words(cls, name: str) -> str:
        if " " not in name:
            raise ValueError("give the full name")
        return name


LI = Person(name="Li 明", age=42, addresses=[Address(city="北京"), Address(city="São Paulo")])
GIVEN = LI.model_dump()
TEXT = LI.model_dump_json()
ASK: Any = [{"role": "user", "content": "Li Ming is 42 and lives in 北京 and São Paulo."}]

MODES = [
    pytest.param(Mode.TOOLS, calling(("Person", GIVEN)), id="tools"),
    pytest.param(Mode.JSON, f"Of course:\n```json\n{TEXT}\n```", id="json"),
    pytest.param(Mode.JSON_SCHEMA, f"```json\n{TEXT}\n```", id="json-schema"),
    pytest.param(Mode.MD_JSON, f"```json\n{TEXT}\n```", id="md-json"),
]


@contextmanager
def client_of(server: Served, mode: Mode) -> Iterator[Any]:
    with openai.OpenAI(base_url=server.url, api_key=server.key, max_retries=0) as sdk:
        yield instructor.from_openai(sdk, mode=mode)


def asked(server: Served, mode: Mode, **fields: Any) -> Any:
    """What a client makes of the replies; objects as they are dumped, for their classes are new."""
    given = {"model": "m", "messages": ASK, "response_model": Person, "max_retries": 1, **fields}
    with client_of(server, mode) as client:
        return client.chat.completions.create(**given).model_dump()


@pytest.mark.parametrize(("mode", "reply"), MODES)
def test_an_object(serve, mode, reply):
    assert asked(serve(reply), mode) == GIVEN


@pytest.mark.parametrize(("mode", "reply"), MODES)
def test_an_object_asynchronously(serve, mode, reply):
    server = serve(reply)

    async def scenario() -> Any:
        async with openai.AsyncOpenAI(base_url=server.url, api_key=server.key) as sdk:
            client = instructor.from_openai(sdk, mode=mode)
            return await client.chat.completions.create(
                model="m", messages=ASK, response_model=Person, max_retries=1
            )

    assert asyncio.run(scenario()).model_dump() == GIVEN


@pytest.mark.parametrize(("mode", "reply"), MODES)
def test_an_object_in_parts(serve, mode, reply):
    if mode is Mode.TOOLS:
        reply = calling(("PartialPerson", GIVEN))
    with client_of(serve(reply), mode) as client:
        parts = list(
            client.chat.completions.create_partial(model="m", messages=ASK, response_model=Person)
        )
    assert parts[-1].model_dump() == GIVEN
    assert len(parts) > 1 or mode in {Mode.TOOLS, Mode.JSON_SCHEMA}


@pytest.mark.parametrize(("mode", "reply"), MODES)
def test_its_validators_ask_again(serve, mode, reply):
    """The schema holds, so it is not the bridge that asks; the model hears the reason."""
    short = "".join(reply).replace("Li 明", "Li")
    server = serve(short, reply)
    assert asked(server, mode, max_retries=2) == GIVEN
    assert "give the full name" in server.prompts[1]


def test_several_objects_of_one_stream(serve):
    """``create_iterable`` names one tool whose argument is the list; items come as they close."""
    people = {"tasks": [GIVEN, {**GIVEN, "name": "Wang 芳"}]}
    server = serve(calling(("IterablePerson", people)))
    with client_of(server, Mode.TOOLS) as client:
        found = list(
            client.chat.completions.create_iterable(model="m", messages=ASK, response_model=Person)
        )
    assert [person.name for person in found] == ["Li 明", "Wang 芳"]


def test_parallel_tools(serve):
    server = serve(calling(("Person", GIVEN), ("Address", {"city": "上海"})))
    with client_of(server, Mode.PARALLEL_TOOLS) as client:
        found = client.chat.completions.create(
            model="m", messages=ASK, response_model=Iterable[Person | Address]
        )
        assert list(found) == [LI, Address(city="上海")]


@pytest.mark.parametrize("mode", [Mode.TOOLS, Mode.JSON])
def test_a_cut_answer_is_incomplete_not_wrong(serve, mode):
    reply = calling(("Person", GIVEN)) if mode is Mode.TOOLS else [TEXT]
    cut = ["".join(reply)[:70], Piece(finish="length")]
    with pytest.raises((IncompleteOutputException, InstructorRetryException)) as raised:
        asked(serve(cut), mode)
    assert "max_tokens" in str(raised.value) or "incomplete" in str(raised.value)
