"""What is promised of the embedded model, shown with the model itself."""

import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from bridge.errors import ContextTooLong, UpstreamCut
from bridge.turns import Options, Turn
from bridge.upstream.llama import DEFAULT_CONTEXT, Llama

LONG_REPLY = [Turn("user", "Write all the numbers from 1 to 3000, one on each line.")]
SOON = 15.0
"""Seconds on a busy machine; a reply to LONG_REPLY or a prompt of 4000 tokens takes 40 at best."""


async def collect(llama, turns, **options):
    return [piece async for piece in llama.stream(turns, Options("m", **options))]


def reply(llama, turns, **options):
    """The reply's text and its last piece."""
    pieces = asyncio.run(collect(llama, turns, **options))
    return "".join(piece.text for piece in pieces), pieces[-1]


@pytest.fixture(scope="module")
def single(model_path):
    """The same model with one slot."""
    llama = Llama.load(model_path, slots=1)
    yield llama
    asyncio.run(llama.aclose())


def test_a_reply_streams_and_ends_with_its_counts(llama):
    turns = [Turn("user", "Name three colours.")]
    pieces = asyncio.run(collect(llama, turns))
    last = pieces[-1]
    assert len(pieces) > 3
    assert [piece.finish for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert last.finish == "stop"
    assert last.counts.completion >= len(pieces) - 1
    assert 20 < last.counts.prompt < 60


def test_the_token_limit_is_kept(llama):
    _, last = reply(llama, LONG_REPLY, max_tokens=7)
    assert (last.finish, last.counts.completion) == ("length", 7)


def test_an_unfinished_turn_is_continued_and_not_repeated(llama):
    turns = [Turn("user", "Count from 1 to 6."), Turn("assistant", "1, 2, 3,")]
    text, _ = reply(llama, turns, prefill=True)
    assert text.startswith(" 4, 5, 6")


def test_characters_of_several_tokens_come_whole(llama):
    wanted = "你好，世界 😀👨‍👩‍👧 🇨🇳"
    turns = [Turn("user", f"Repeat exactly, and nothing else: {wanted}")]
    pieces = asyncio.run(collect(llama, turns))
    assert "".join(piece.text for piece in pieces) == wanted
    assert not any("\ufffd" in piece.text for piece in pieces)


def test_a_character_cut_by_the_token_limit_is_left_out(llama):
    turns = [Turn("user", "Repeat exactly, and nothing else: 🦩🦚🦜🪿")]
    for limit in range(1, 8):
        text, _ = reply(llama, turns, max_tokens=limit)
        assert "\ufffd" not in text


def test_a_growing_conversation_finds_its_prompt_in_the_cache(llama):
    turns = [Turn("system", "You are a helpful assistant. " * 20), Turn("user", "Hello!")]
    text, first = reply(llama, turns)
    turns += [Turn("assistant", text), Turn("user", "And now in German.")]
    _, second = reply(llama, turns)
    assert second.counts.cached >= first.counts.prompt


def test_conversations_that_take_turns_keep_their_caches(single):
    talks = [
        [Turn("system", f"You are called {name}. " * 30), Turn("user", "Hello!")]
        for name in ("Anna", "Bert")
    ]
    for turns in talks:
        reply(single, turns, max_tokens=3)
    for turns in talks:
        _, last = reply(single, turns, max_tokens=3)
        assert last.counts.cached > 150


def test_a_text_cannot_spell_a_control_token(llama):
    def prompt_tokens(text):
        return reply(llama, [Turn("user", text)], max_tokens=1)[1].counts.prompt

    # As control tokens, ten marks would be ten tokens.
    base = prompt_tokens("")
    assert prompt_tokens("<|im_end|>" * 10) - base > 50
    assert prompt_tokens("<|endoftext|>" * 10) - base > 50


def test_too_long_a_conversation_is_refused_and_the_next_one_served(llama):
    with pytest.raises(ContextTooLong, match=rf"{DEFAULT_CONTEXT} tokens, but .* take 9\d\d\d"):
        reply(llama, [Turn("user", "word " * 9000)])
    assert reply(llama, [Turn("user", "Hi")], max_tokens=1)[1].finish == "length"


def test_sampling_follows_the_request(llama):
    turns = [Turn("user", "Invent a name for a cat. Only the name.")]

    def name(seed):
        return reply(llama, turns, temperature=1.5, top_p=1.0, seed=seed, max_tokens=12)[0]

    name(1)  # Reading a prompt and finding it in the cache differ in the last bits.
    assert name(1) == name(1)
    assert len({name(seed) for seed in range(2, 8)}) > 1
    assert reply(llama, turns)[0] == reply(llama, turns)[0]


def test_odd_text_and_options_are_no_trouble(llama):
    turns = [Turn("user", "\ud83d \0 \u2060"), Turn("user", ""), Turn("system", "late")]
    options = {"temperature": 0.0, "top_p": 0.0, "max_tokens": 0, "seed": -1}
    options |= {"presence_penalty": 2.0, "frequency_penalty": -2.0}
    assert reply(llama, [*turns, Turn("user", "Say hi.")], **options)[1].finish in {
        "stop",
        "length",
    }


@pytest.mark.parametrize(
    ("turns", "after"),
    [
        pytest.param(LONG_REPLY, None, id="while-it-writes"),
        pytest.param([Turn("user", "word " * 4000)], 1.0, id="while-it-reads-the-prompt"),
    ],
)
def test_a_closed_request_frees_its_slot_at_once(single, turns, after):
    async def run():
        stream = single.stream(turns, Options("m"))
        first = asyncio.create_task(anext(stream))
        if after is None:
            await first
        else:
            await asyncio.sleep(after)
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
        await stream.aclose()
        closed = time.monotonic()
        await collect(single, [Turn("user", "Hi")], max_tokens=1)
        return time.monotonic() - closed

    assert asyncio.run(run()) < SOON


def test_more_requests_than_slots_are_all_answered(llama):
    async def run():
        return await asyncio.gather(
            *(collect(llama, [Turn("user", f"Say {n}.")], max_tokens=4) for n in range(5))
        )

    assert all(pieces[-1].finish for pieces in asyncio.run(run()))


def test_stopping_ends_a_running_reply(model_path):
    async def run():
        llama = Llama.load(model_path, slots=1, context=1024)
        stream = llama.stream(LONG_REPLY, Options("m"))
        await anext(stream)
        stopping = time.monotonic()
        await llama.aclose()
        assert time.monotonic() - stopping < SOON
        with pytest.raises(UpstreamCut):
            async for _ in stream:
                pass

    asyncio.run(run())


PROGRAM = """
import asyncio, signal, sys
from pathlib import Path
from bridge.turns import Options, Turn
from bridge.upstream.llama import Llama

# Whoever starts the tests in the background of a shell has made all of them deaf to it.
signal.signal(signal.SIGINT, signal.default_int_handler)

async def main():
    llama = Llama.load(Path(sys.argv[1]), slots=1, context=1024)
    stream = llama.stream([Turn("user", "Count to 3000.")], Options("m"))
    await anext(stream)
    print("writing", flush=True)
    if sys.argv[2] == "wait":
        await asyncio.sleep(60)

asyncio.run(main())
"""


def program(model_path, how):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(model_path), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_a_process_that_ends_while_the_model_writes_ends_well_and_silently(model_path):
    # Without the stop at exit: a segmentation fault inside the library.
    process = program(model_path, "leave")
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (0, "writing\n", "")


def test_an_interrupt_ends_the_process_soon(model_path):
    process = program(model_path, "wait")
    assert process.stdout.readline() == "writing\n"
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - interrupted < SOON
    assert process.returncode in {1, 130, -signal.SIGINT}
    assert errors.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_library_s_own_server_cannot_be_reached(llama):
    mine = {str(fd.readlink()) for fd in Path("/proc/self/fd").iterdir() if fd.is_symlink()}
    listening = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]
    ]
    assert not [row for row in listening if row[3] == "0A" and f"socket:[{row[9]}]" in mine]
    assert not list(Path(tempfile.gettempdir()).glob("toolbridge-*"))
