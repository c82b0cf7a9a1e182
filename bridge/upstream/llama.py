"""The embedded model: a GGUF file run in this process by llama.cpp.

Used as text only: the turns become one ChatML prompt (``chatml``) for llama.cpp's *completion*
call. Its chat call is not used: it parses control tokens out of any message's text, and its
answer repeats a prefilled text.

``slots`` worker threads take requests from one queue, first come first served; a request waits
until a worker is free. In a worker, llama.cpp blocks and calls back with each bit of text, which
crosses to the event loop of the request. What waits there is bounded by the context, for a reply
cannot have more pieces than the context has tokens.

Stopping: llama.cpp looks at the callback's answer only when it calls back, once a token while it
writes and, asked for progress, once a batch while it reads the prompt.

Source: llama.cpp ``tools/server/README.md`` (``POST /v1/completions``).
"""

from __future__ import annotations

import asyncio
import atexit
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import ContextTooLong, UpstreamCut, UpstreamError, UpstreamUnavailable
from bridge.turns import Capabilities, Piece, TokenCounts
from bridge.upstream.chatml import chatml
from bridge.upstream.handover import Handover
from bridge.upstream.llama_engine import check_file, load_engine
from bridge.upstream.llama_model import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from bridge.turns import Options, Turn, UpstreamFinish
    from bridge.upstream.llama_engine import Engine

DEFAULT_SLOTS = 2
"""Two, so that a short request need not wait for a long one. They share the same cores: more
slots make each slower."""

DEFAULT_CONTEXT = 8192
"""Tokens of prompt and reply together, for each slot. Costs 28 KiB of memory a token."""

_SEED_BITS = 0x7FFFFFFF
"""llama.cpp's seeds are 32 bits wide, and all ones stands for a random one."""

_FINISH: dict[str, UpstreamFinish] = {"stop": "stop", "length": "length"}


class Llama:
    """The ``Upstream`` of one model file. Made by ``load``, freed by ``aclose``."""

    capabilities = Capabilities(prefill=True)

    def __init__(self, engine: Engine, *, name: str, context: int, slots: int) -> None:
        """Serve a loaded engine under ``name``, with as many workers as it has slots."""
        self._name = name
        self._context = context
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._workers = [
            threading.Thread(target=self._work, args=(engine,), name=f"llama-{slot}", daemon=True)
            for slot in range(slots)
        ]
        for worker in self._workers:
            worker.start()
        # A process that ends while llama.cpp runs in a thread dies of a segmentation fault.
        atexit.register(self.close)

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        name: str = DEFAULT_MODEL.name,
        slots: int = DEFAULT_SLOTS,
        context: int = DEFAULT_CONTEXT,
        threads: int | None = None,
    ) -> Llama:
        """Load the model, which blocks the whole process for a second or more.

        ``context`` is in tokens for each slot; ``threads`` None takes one for each core. Raises
        ``ModelUnavailable``.
        """
        check_file(path)
        return cls(
            load_engine(path, slots=slots, context=context, threads=threads),
            name=name,
            context=context,
            slots=slots,
        )

    async def stream(self, turns: Sequence[Turn], options: Options) -> AsyncGenerator[Piece, None]:
        """Yield the reply to the turns; see ``Upstream.stream``."""
        if self._stopping.is_set():
            raise UpstreamUnavailable("The embedded model has been stopped.")
        # Room for more than any reply has, so that a worker never waits for a slow reader.
        chunks = Handover[Mapping[str, Any]](room=2 * self._context)
        self._requests.put(_Request(completion_body(turns, options, self._context), chunks))
        started = False
        try:
            while (chunk := await chunks.get()) is not None:
                if (piece := piece_of(chunk, started=started)) is not None:
                    started = True
                    yield piece
                    if piece.finish is not None:
                        return
        finally:
            chunks.close()
        raise UpstreamCut("The embedded model's reply broke off.")

    async def models(self) -> list[str]:
        """The one name."""
        return [self._name]

    async def aclose(self) -> None:
        """Stop every reply within one batch and free the model."""
        self._stopping.set()
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """The same, blocking; also done at the end of the process. Harmless when repeated."""
        self._stopping.set()
        for _ in self._workers:
            self._requests.put(None)
        for worker in self._workers:
            worker.join()
        atexit.unregister(self.close)

    def _work(self, engine: Engine) -> None:
        while (request := self._requests.get()) is not None:
            self._answer(engine, request)

    def _answer(self, engine: Engine, request: _Request) -> None:
        chunks = request.chunks

        def give(chunk: Mapping[str, Any]) -> bool:
            return self._stopping.is_set() or not chunks.put(chunk)

        try:
            if not (self._stopping.is_set() or chunks.closed):
                engine.handle_completions(request.body, give)
        except Exception as error:  # whatever the library raises, the worker goes on
            chunks.put({"error": {"type": type(error).__name__}})
        chunks.end()


@dataclass(frozen=True, slots=True)
class _Request:
    """A completion on its way from a worker's thread to the loop that awaits its chunks."""

    body: dict[str, Any]
    chunks: Handover[Mapping[str, Any]]


def completion_body(turns: Sequence[Turn], options: Options, context: int) -> dict[str, Any]:
    """The request in llama.cpp's words.

    Without a temperature the model writes greedily: right for calls and for code. A number of
    tokens beyond the context is cut to it, as llama.cpp wraps large ones to 0.
    """
    wanted: dict[str, Any] = {
        "prompt": chatml(turns, prefill=options.prefill),
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        "cache_prompt": True,
        "temperature": 0.0 if options.temperature is None else options.temperature,
        "max_tokens": None if options.max_tokens is None else min(options.max_tokens, context),
        "top_p": options.top_p,
        "seed": None if options.seed is None else options.seed & _SEED_BITS,
        "presence_penalty": options.presence_penalty,
        "frequency_penalty": options.frequency_penalty,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def piece_of(chunk: Mapping[str, Any], *, started: bool) -> Piece | None:
    """What a chunk says, None when it only tells of progress.

    Raises ``ContextTooLong`` or ``UpstreamError``; ``UpstreamCut`` once the reply has started.
    llama.cpp's own message is left out, for it may quote the prompt.
    """
    if (error := chunk.get("error")) is not None:
        if error.get("type") == "exceed_context_size_error":
            # In the words of bridge.upstream.http_errors.TOO_LONG, which clients know.
            raise ContextTooLong(
                f"This model's maximum context length is {error['n_ctx']} tokens, but the messages "
                f"take {error['n_prompt_tokens']}: the prompt is too long. "
                "Reduce the length of the messages."
            )
        if started:
            raise UpstreamCut("The embedded model's reply broke off.")
        raise UpstreamError("The embedded model could not answer.")
    (choice,) = chunk["choices"]
    if choice["finish_reason"] is None:
        return Piece(choice["text"]) if choice["text"] else None
    usage = chunk["usage"]
    counts = TokenCounts(
        prompt=usage["prompt_tokens"],
        completion=usage["completion_tokens"],
        cached=usage["prompt_tokens_details"]["cached_tokens"],
    )
    return Piece(choice["text"], _FINISH[choice["finish_reason"]], counts)
