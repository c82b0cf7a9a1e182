"""The table of replies in ``tests/replies``, each whole, by character and in random pieces.

Once through the decoder alone, once through an exchange, as the server runs it: streamed and not,
with and without thinking. ``test_replies_http.py`` sends them through sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.answers import encoded
from bridge.completion import fold, usage_of
from bridge.decoder import ReplyDecoder
from bridge.parts import Block, Call, CallArguments, CallEnd, CallStart, Cut, Thinking
from tests.conversing import opened
from tests.decoding import calls, characters, coalesced, content, cut_at_random, malformed
from tests.openai_fold import read_by_openai, told_by_openai
from tests.properties.of_exchanges import outcome
from tests.properties.wire import check_order
from tests.reply_cases import AS_IT_IS, CASES, each_case, in_short

if TYPE_CHECKING:
    from bridge.terms import Terms
    from tests.properties.of_exchanges import Outcome
    from tests.reply_cases import Case


def decoder_for(terms: Terms) -> ReplyDecoder:
    return ReplyDecoder(terms.grammar, terms.expected, thoughts=terms.thoughts)


def decoded(terms: Terms, pieces: list[str], *, finished: bool) -> dict:
    """All that is worth knowing of a reply, in the words of the table."""
    decoder = decoder_for(terms)
    read = [part for piece in pieces for part in decoder.feed(piece)]
    parts = coalesced([*read, *decoder.close(finished=finished)])
    held = [call for part in parts if isinstance(part, Block) for call in part.calls]
    whole = [call for call in held if isinstance(call, Call)]
    ends = [part for part in parts if isinstance(part, CallEnd)]
    cut_off = any(isinstance(part, Block) and part.cut for part in parts) or any(
        not end.whole and end.fault is None for end in ends
    )
    broken = [end.fault.kind for end in ends if end.fault]
    found = calls(parts)
    text = content(parts)
    short = bool(cut_off or broken or (not finished and not found))
    return {
        "parts": parts,
        "content": text,
        "calls": [list(call) for call in found],
        "thinking": "".join(part.text for part in parts if isinstance(part, Thinking)),
        "malformed": [call.fault.kind for call in malformed(parts)],
        "faulty": [call.fault.kind for call in whole if call.fault],
        "near_miss": any(call.near_miss for call in whole),
        "repaired": any(call.repaired for call in whole),
        "talks_on": any(isinstance(part, Cut) for part in parts),
        "cut_off": cut_off,
        "started": started(parts),
        "broken": broken,
        "unclosed": decoder.unclosed,
        "finish": finish(short=short or (decoder.unclosed and not text), called=bool(found)),
    }


def started(parts: list) -> list[list[str]]:
    """Calls that began to stream and are not whole."""
    found: list[list[str]] = []
    for part in parts:
        if isinstance(part, CallStart):
            found.append([part.name, ""])
        elif isinstance(part, CallArguments):
            found[-1][1] += part.json
        elif isinstance(part, CallEnd) and part.whole:
            found.pop()
    return found


def finish(*, short: bool, called: bool) -> str:
    if short:
        return "length"
    return "tool_calls" if called else "stop"


@each_case()
def test_decoded(case: Case):
    reply = case.table.get("prefilled", "") + case.table["reply"]
    terms, finished = case.terms(), case.table.get("finished", True)
    whole = decoded(terms, [reply], finished=finished)
    nothing: dict = {"content": "", "near_miss": False, "talks_on": False, "cut_off": False}
    nothing |= {"unclosed": False}
    nothing |= {name: [] for name in ("calls", "malformed", "faulty", "started", "broken")}
    expected = nothing | case.expect
    assert {name: whole[name] for name in expected} == expected
    pieces = [characters(reply), *(cut_at_random(reply, n) for n in range(6))]
    for other in pieces:
        assert decoded(terms, other, finished=finished) == whole


CHARACTERS, PIECES, WHOLE = [1], [2, 1, 3, 5, 1, 8, 40], [1_000_000]
SPLITS = [(True, CHARACTERS), (False, PIECES), (True, WHOLE)]
"""Whether the answer is streamed, and the sizes of the reply's pieces."""


@each_case()
def test_exchanged(case: Case):
    for way in case.ways:
        replies = case.replies_in(way)
        for streamed, sizes in SPLITS if way is AS_IT_IS else SPLITS[:2]:
            fields = {**case.fields, "stream": streamed, "capabilities": case.capabilities}
            fields["model"] = case.model | way.model
            (exchange,) = opened(**fields)
            came = outcome(exchange, replies, sizes)
            told = in_short(read(came, fields), came.error)
            told["asked_again"] = exchange.figures.re_asks
            assert (way.name, told) == (way.name, case.answer(way, streamed=streamed))
            written = b"".join(map(encoded, came.chunks)).decode()
            assert not case.shows_secrets(written)


def read(came: Outcome, fields: dict) -> list[dict]:
    """The choices as a client reads them; what left before an error is read from a stream."""
    chunks = came.chunks
    check_order(chunks, whole=came.error is None, fields=fields)
    if came.error is not None:
        return told_by_openai(chunks) if fields["stream"] and chunks else []
    choices = read_by_openai(fold(chunks, usage_of([came.exchange.counts])))
    assert len(chunks) > MAX_FOLDED or told_by_openai(chunks) == choices
    return choices


MAX_FOLDED = 20
"""The SDK takes its time: streams of more chunks are left to its own tests of the fold."""


def test_the_table_is_large_enough():
    assert len(CASES) >= 350
    assert sum(case.name.startswith("recorded-") for case in CASES) >= 60
