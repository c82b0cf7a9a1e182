"""What must hold of an exchange, whatever is asked and whatever a model answers."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from bridge.answers import encoded
from bridge.completion import fold, usage_of
from bridge.decoder import ReplyDecoder
from bridge.errors import ReplyError
from bridge.parts import Text, Thinking
from tests.conversing import KEY, Reply, opened, pieces_of, planned
from tests.decoding import split
from tests.openai_fold import read_by_openai, told_by_openai
from tests.properties.of_decoding import SENTINELS
from tests.properties.requests import ALLOWED, NAMED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.exchange import Exchange
    from bridge.answers import ChatCompletionChunk, Choice
    from tests.properties.requests import Conversation

CUT = {"length", "content_filter"}


class Outcome(NamedTuple):
    """What an exchange came to; ``error`` is the code of its error."""

    chunks: list[ChatCompletionChunk]
    exchange: Exchange
    error: str | None

    @property
    def choice(self) -> Choice:
        (choice,) = fold(self.chunks, usage_of([])).choices
        return choice


def outcome(exchange: Exchange, replies: Sequence[Reply], sizes: Iterable[int]) -> Outcome:
    """Let the model answer with these replies; the last one as often as it is asked again."""
    chunks: list[ChatCompletionChunk] = []
    endless = itertools.cycle(sizes)
    for reply in [*replies, replies[-1], replies[-1]]:
        for piece in pieces_of(reply, endless):
            chunks += exchange.feed(piece)
            if exchange.done:
                break
        try:
            chunks += exchange.close()
        except ReplyError as error:
            return Outcome(chunks, exchange, error.code)
        if not exchange.asks_again:
            return Outcome(chunks, exchange, None)
    raise AssertionError("asked more often than allowed")


def came_to(conversation: Conversation, *, sizes: Sequence[int] | None = None) -> Outcome:
    """The outcome of a conversation."""
    (exchange,) = opened(**conversation.fields)
    return outcome(exchange, conversation.replies, sizes or conversation.sizes)


def calls_in(choice: Choice) -> list[tuple[str, str]]:
    """The calls of a choice, in either form: name and arguments."""
    message = choice.message
    functions = [made.function for made in message.tool_calls or []]
    functions += [message.function_call] if message.function_call else []
    return [(function.name, function.arguments) for function in functions]


# Properties -----------------------------------------------------------------------------------


def any_replies_come_to_an_answer_or_a_reply_error(conversation: Conversation) -> None:
    """In the wire's order, without the key, as the SDK folds it, and as the client was promised."""
    fields = conversation.fields
    chunks, exchange, error = came_to(conversation)
    check_order(chunks, whole=error is None, fields=fields)
    assert exchange.figures.re_asks <= fields["model"]["retries"]
    if fields["model"]["dialect"] != "hermes" and ("tools" in fields or "functions" in fields):
        assert not any(KEY in encoded(chunk).decode() for chunk in chunks)
        assert KEY not in repr(exchange.figures)
    if error is not None:
        return
    completion = fold(chunks, usage_of([exchange.counts]))
    assert told_by_openai(chunks) == read_by_openai(completion)
    (choice,) = completion.choices
    calls = choice.message.tool_calls or []
    assert exchange.figures.calls == len(calls_in(choice))
    assert len({call.id for call in calls}) == len(calls)
    check_promises(choice, fields)


def a_split_changes_nothing(conversation: Conversation) -> None:
    """How replies are cut into pieces is seen in the number of chunks alone."""
    split, whole = came_to(conversation), came_to(conversation, sizes=[100_000])
    assert split.error == whole.error
    assert split.exchange.figures == whole.exchange.figures
    if split.error is None:
        assert fold(split.chunks, usage_of([])) == fold(whole.chunks, usage_of([]))


def choices_do_not_mix(one: Conversation, other: Conversation) -> None:
    """The two choices of a request say what each would say alone, however they alternate."""
    both = opened(**one.fields, n=2)
    replies = (one.replies[:1], other.replies[:1])
    outcomes = [
        outcome(exchange, answers, one.sizes)
        for exchange, answers in zip(both, replies, strict=True)
    ]
    for index, told in enumerate(outcomes):
        assert {choice.index for chunk in told.chunks for choice in chunk.choices} <= {index}
    if any(told.error for told in outcomes):
        return
    mixed = list(outcomes[0].chunks[:1])
    for pair in itertools.zip_longest(outcomes[0].chunks[1:], outcomes[1].chunks):
        mixed += [chunk for chunk in pair if chunk is not None]
    completion = fold(mixed, usage_of([]))
    assert completion.choices == [told.choice for told in outcomes]
    assert told_by_openai(mixed) == read_by_openai(completion)


def thinking_is_in_no_chunk(conversation: Conversation, places: Sequence[int]) -> None:
    """Marks put into a reply come out as what the decoder takes them for, thinking nowhere.

    Where nothing but tools is asked for and no call streams, every mark in text reaches the client.
    """
    fields = conversation.fields
    reply = conversation.replies[0]
    pieces = split(reply.text, places)
    text = "".join(itertools.chain(*itertools.zip_longest(pieces, SENTINELS[: len(pieces)])))
    text = f"<think>{SENTINELS[-1]}</think>" + text
    plan = planned(**fields)
    terms = plan.terms
    reading = ReplyDecoder(
        terms.grammar, terms.expected, thoughts=terms.thoughts, messages=terms.messages
    )
    finished = reply.finish == "stop"
    parts = [*reading.feed(plan.opening + text), *reading.close(finished=finished)]
    thought = _marks(part.text for part in parts if isinstance(part, Thinking))
    assert terms.thoughts.opened or plan.opening or SENTINELS[-1] in thought
    (exchange,) = opened(**{**fields, "model": {**fields["model"], "retries": 0}})
    told = outcome(exchange, [Reply(text, reply.finish)], conversation.sizes)
    shown = "".join(encoded(chunk).decode() for chunk in told.chunks)
    assert not set(thought) & set(shown)
    plain = not fields["stop"] and not fields["response_format"] and not terms.promised
    if plain and told.error is None:
        said = _marks(part.text for part in parts if isinstance(part, Text))
        assert [mark for mark in told.choice.message.content or "" if mark in said] == said


def _marks(texts: Iterable[str]) -> list[str]:
    return [character for text in texts for character in text if character in SENTINELS]


def a_cut_answer_finishes_no_cut_call(conversation: Conversation, at: int) -> None:
    """What a limit cuts has the whole answer's first calls; only the last may be a part of one."""
    fields = conversation.fields | {"model": conversation.fields["model"] | {"retries": 0}}
    text = conversation.replies[0].text
    exchanges = [*opened(**fields), *opened(**fields)]
    whole, some = (
        outcome(exchange, [Reply(given, "length")], conversation.sizes)
        for exchange, given in zip(exchanges, (text, text[:at]), strict=True)
    )
    if some.error is not None or whole.error is not None:
        return
    made, expected = calls_in(some.choice), calls_in(whole.choice)
    if made and made[-1:] != expected[len(made) - 1 : len(made)]:
        assert some.choice.finish_reason == "length"
        (name, arguments), (its_name, its_arguments) = made.pop(), expected[len(made)]
        assert name == its_name
        assert its_arguments.startswith(arguments)
    assert made == expected[: len(made)]


# What they have in common ---------------------------------------------------------------------


def check_order(
    chunks: Sequence[ChatCompletionChunk], *, whole: bool, fields: dict[str, Any]
) -> None:
    """The wire's rules for the chunks of one choice."""
    keys = ["id", "object", "created", "model", "choices"]
    keys += ["usage"] if "stream_options" in fields else []
    for chunk in chunks:
        written = msgspec.to_builtins(chunk)
        assert list(written) == keys
        assert list(written["choices"][0]) == ["index", "delta", "logprobs", "finish_reason"]
    deltas = [msgspec.to_builtins(chunk.choices[0].delta) for chunk in chunks]
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) <= 1
    if whole:
        assert deltas.pop() == {}
        assert reasons.pop() is not None
    assert not any(reasons)
    if not deltas:
        return
    first, *others = deltas
    assert list(first) == ["role", "content"]
    assert first["content"] == (None if others and "content" not in others[0] else "")
    said = [delta["content"] for delta in others if "content" in delta]
    assert all(said)
    assert all(list(delta) == ["content"] for delta in others[: len(said)])
    if "functions" in fields:
        called = [delta["function_call"] for delta in others[len(said) :]]
        assert all("name" not in part for part in called[1:])
    else:
        _check_calls(others[len(said) :])


def _check_calls(deltas: Iterable[dict[str, Any]]) -> None:
    index = -1
    for delta in deltas:
        ((part,),) = delta.values()
        if "id" in part:
            index += 1
            assert list(part) == ["index", "id", "type", "function"]
            assert list(part["function"]) == ["name", "arguments"]
            assert part["function"]["arguments"] == ""
        else:
            assert list(part) == ["index", "function"]
            assert list(part["function"]) == ["arguments"]
            assert part["function"]["arguments"]
        assert part["index"] == index


def check_promises(choice: Choice, fields: dict[str, Any]) -> None:
    """What the request asked for, of an answer that came."""
    calls = calls_in(choice)
    offered = {tool["function"]["name"] for tool in fields.get("tools", [])}
    offered |= {function["name"] for function in fields.get("functions", [])}
    assert {name for name, _ in calls} <= offered
    cut = choice.finish_reason in CUT
    for _, arguments in calls[:-1] if cut else calls:
        assert isinstance(json.loads(arguments), dict)
    if fields.get("parallel_tool_calls") is False:
        assert len(calls) <= 1
    if fields.get("tool_choice") == "none":
        assert not calls
    content, stops = choice.message.content, fields["stop"] or []
    assert not any(stop in (content or "") for stop in ([stops] if stops == "END" else stops))
    if not cut:
        _check_choice(choice, [name for name, _ in calls], fields.get("tool_choice"))
        if fields["response_format"] is not None and not (stops or content is None):
            json.loads(content)


def _check_choice(choice: Choice, names: Sequence[str], chosen: Any) -> None:
    if chosen == "required":
        assert choice.finish_reason == "tool_calls"
    if chosen == ALLOWED:
        assert choice.finish_reason == "tool_calls"
        assert set(names) == {"get_weather"}
    if chosen == NAMED:
        assert names == ["get_weather"]
        assert choice.finish_reason == "stop"
