"""What must hold of an exchange, whatever is asked and whatever a model answers."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

from bridge.answers import encoded
from bridge.completion import fold, usage_of
from bridge.decoder import ReplyDecoder
from bridge.errors import ReplyError
from bridge.parts import CallStart, Text, Thinking
from tests.conversing import KEY, Reply, opened, pieces_of, planned
from tests.decoding import marked, split
from tests.openai_fold import read_by_openai, told_by_openai
from tests.properties.of_decoding import SENTINELS
from tests.properties.wire import calls_in, check_order, check_promises

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.answers import ChatCompletionChunk, Choice
    from bridge.exchange import Exchange
    from tests.properties.requests import Conversation


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


# Properties -----------------------------------------------------------------------------------


def any_replies_come_to_an_answer_or_a_reply_error(conversation: Conversation) -> None:
    """In the wire's order, without the key, as the SDK folds it, and as the client was promised."""
    fields = conversation.fields
    chunks, exchange, error = came_to(conversation)
    check_order(chunks, whole=error is None, fields=fields)
    assert exchange.figures.re_asks <= fields["model"]["retries"]
    if fields["model"]["dialect"] != "hermes" and ("tools" in fields or "functions" in fields):
        assert not any(marked(KEY).search(encoded(chunk).decode()) for chunk in chunks)
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
    if fields.get("tool_choice") not in (None, "auto", "none"):
        # Only a limit of the upstream excuses an answer without the call.
        assert calls or any(reply.finish != "stop" for reply in conversation.replies)


def a_split_changes_nothing(conversation: Conversation) -> None:
    """How replies are cut into pieces is seen in the number of chunks alone."""
    split, whole = came_to(conversation), came_to(conversation, sizes=[100_000])
    assert split.error == whole.error
    assert split.exchange.figures == whole.exchange.figures
    if split.error is None:
        assert fold(split.chunks, usage_of([])) == fold(whole.chunks, usage_of([]))


def streaming_changes_nothing(conversation: Conversation) -> None:
    """An answer that is not streamed says what the stream would, as long as all calls are held.

    But for JSON that is followed by a call: it may have streamed, whole answers leave it out.
    """
    model = {**conversation.fields["model"], "retries": 0, "hold": 10**6}
    fields = {**conversation.fields, "model": model}
    fields.pop("stream_options", None)
    (one,), (other,) = (opened(**{**fields, "stream": stream}) for stream in (True, False))
    streamed = outcome(one, conversation.replies, conversation.sizes)
    whole = outcome(other, conversation.replies, conversation.sizes)
    if fields["response_format"] and (whole.error is None and calls_in(whole.choice)):
        return
    assert streamed.error == whole.error
    if streamed.error is None:
        assert streamed.choice == whole.choice


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
    reading = ReplyDecoder(terms.grammar, terms.expected, thoughts=terms.thoughts)
    finished = reply.finish == "stop"
    parts = [*reading.feed(plan.opening + text), *reading.close(finished=finished)]
    thought = _marks(part.text for part in parts if isinstance(part, Thinking))
    assert terms.thoughts.opened or plan.opening or SENTINELS[-1] in thought
    (exchange,) = opened(**{**fields, "model": {**fields["model"], "retries": 0}})
    told = outcome(exchange, [Reply(text, reply.finish)], conversation.sizes)
    shown = "".join(encoded(chunk).decode() for chunk in told.chunks)
    assert not set(thought) & set(shown)
    streams = any(isinstance(part, CallStart) for part in parts)
    plain = not (fields["stop"] or fields["response_format"] or terms.promised or streams)
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
    if made and made[-1][1] == "{":  # one that was held, and cut
        assert some.choice.finish_reason == "length"
        made.pop()
    if made and made[-1:] != expected[len(made) - 1 : len(made)]:
        assert some.choice.finish_reason == "length"
        (name, arguments), (its_name, its_arguments) = made.pop(), expected[len(made)]
        assert name == its_name
        assert its_arguments.startswith(arguments)
    assert made == expected[: len(made)]
