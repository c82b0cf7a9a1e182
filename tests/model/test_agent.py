"""Conversations of an agent on the embedded model: six turns, two tools, every result needed.

The numbers are such that neither the words of the user nor the model's own arithmetic lead to the
last answer: one is stored before the conversation begins, and sums and products are the tools'.
"""

import asyncio
import json
import operator
import os
import random
import re
from dataclasses import dataclass, field

import openai
import pytest

from tests.local_server import KEY, an_app, serving

RUNS = int(os.environ.get("AGENT_RUNS", "2"))
RIGHT = 0.8
"""The share of conversations that must end well: eight in ten, of two one."""

ROUNDS = 4
"""Requests a turn at most: two calls in a row, one mended, and the answer."""

NAMES = [
    "rent",
    "savings",
    "budget",
    "invoice",
    "deposit",
    "salary",
    "insurance",
    "tuition",
    "groceries",
    "repairs",
    "travel",
    "donation",
]
OPERATIONS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
}


def tool(name, description, required, /, **properties):
    parameters = {"type": "object", "properties": properties, "required": required}
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


TOOLS = [
    tool(
        "calculate",
        "Compute with two numbers. Returns the result.",
        ["operation", "a", "b"],
        operation={"type": "string", "enum": list(OPERATIONS)},
        a={"type": "number"},
        b={"type": "number"},
    ),
    tool(
        "store",
        "A store of numbers by name: get the number of a name, or set it.",
        ["action", "name"],
        action={"type": "string", "enum": ["get", "set"]},
        name={"type": "string"},
        value={"type": "number", "description": "only to set"},
    ),
]
SYSTEM = "You are an assistant with a calculator and a store of numbers. Answer in one sentence."


@dataclass
class Client:
    """The client's side: its tools and the conversation so far."""

    stored: dict[str, float]
    messages: list[dict[str, object]] = field(default_factory=list)

    def calculate(self, operation, a, b):
        return {"result": OPERATIONS[operation](a, b)}

    def store(self, action, name, value=None):
        if action == "set":
            self.stored[name] = value
        return {"name": name, "value": self.stored.get(name)}

    def run(self, name, arguments):
        """A result, or the fault, as agents hand it back to the model."""
        try:
            result = getattr(self, name)(**json.loads(arguments))
        except (KeyError, TypeError, ValueError) as error:
            result = {"error": repr(error)}
        return json.dumps(result)


@dataclass(frozen=True)
class Task:
    """What one seed asks, and what it comes to."""

    stored: dict[str, float]
    turns: list[str]
    answer: int
    total: str


def task(seed):
    pick = random.Random(seed)
    first, second, total = pick.sample(NAMES, 3)
    a, b, known = pick.randint(102, 987), pick.randint(12, 97), pick.randint(1001, 9876)
    return Task(
        {second: known},
        [
            f"What is {a} times {b}?",
            f"Store that number under the name {first}.",
            f"What number is stored under {second}?",
            f"Add {first} and {second}.",
            f"Store that sum under the name {total}.",
            f"Look {total} up in the store. Which number is it?",
        ],
        a * b + known,
        total,
    )


class Lent:
    """An upstream that outlives the server it is lent to."""

    def __init__(self, upstream):
        self.capabilities = upstream.capabilities
        self.stream = upstream.stream
        self.models = upstream.models

    async def aclose(self):
        pass


SENT_BACK = {"role": True, "content": True, "tool_calls": {"__all__": {"id", "type", "function"}}}
"""Of a message of the SDK: it adds fields of its own."""


async def said(sdk, messages):
    """One streamed reply, put together by the SDK."""
    async with sdk.chat.completions.stream(
        model="m", messages=messages, tools=TOOLS, temperature=0, max_tokens=200
    ) as stream:
        return (await stream.get_final_completion()).choices[0].message


async def turn(sdk, client, words):
    client.messages.append({"role": "user", "content": words})
    for _ in range(ROUNDS):
        message = await said(sdk, client.messages)
        calls = message.tool_calls or []
        client.messages.append(message.model_dump(exclude_unset=True, include=SENT_BACK))
        for call in calls:
            result = client.run(call.function.name, call.function.arguments)
            client.messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        if not calls:
            return


async def conversation(sdk, seed):
    """A whole run: whether it ended with the right answer, and its transcript."""
    given = task(seed)
    client = Client(dict(given.stored), [{"role": "system", "content": SYSTEM}])
    try:
        for words in given.turns:
            await turn(sdk, client, words)
    except openai.APIError as error:
        client.messages.append({"role": "error", "content": str(error)})
    last = client.messages[-1]
    numbers = re.findall(r"\d+", str(last.get("content")).replace(",", ""))
    right = (
        last["role"] == "assistant"
        and str(given.answer) in numbers
        and client.stored.get(given.total) == given.answer
    )
    return right, transcript(client.messages, given)


def transcript(messages, given):
    lines = [f"wanted: {given.answer}"]
    for message in messages:
        if message.get("content"):
            lines.append(f"{message['role']}: {message['content']}")
        lines += [
            f"  calls {call['function']['name']} {call['function']['arguments']}"
            for call in message.get("tool_calls") or ()
        ]
    return "\n".join(lines)


@pytest.mark.timeout(RUNS * 600)
def test_conversations_of_an_agent_end_well(llama, capsys):
    async def scenario():
        async with (
            serving(an_app(Lent(llama))) as server,
            openai.AsyncOpenAI(
                base_url=f"{server.url}/v1", api_key=KEY, timeout=300, max_retries=0
            ) as sdk,
        ):
            return [await conversation(sdk, seed) for seed in range(RUNS)]

    ends = asyncio.run(scenario())
    right = sum(well for well, _ in ends)
    with capsys.disabled():
        for seed, (well, words) in enumerate(ends):
            if not well:
                print(f"\n--- seed {seed} did not end well\n{words}")
        print(f"\n{right} of {RUNS} conversations ended with the right answer")
    assert right >= int(RIGHT * RUNS)
