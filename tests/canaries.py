"""Requests, replies and faults in which every secret and every content is marked.

Whoever sees ``MARK`` in a log, or in an error, has found a leak. The upstream tells the scenes of
``SCENES`` apart by their names, which stand in the prompt.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.fake_upstream import DROP, Answer, Hang, Reset, chat, chunk, json_answer, sse

MARK = "c4n4ry"
CLIENT_KEY = f"tb-{MARK}-client-key-0123456789"
UPSTREAM_KEY = f"sk-{MARK}-upstream-key-0123456789"
THOUGHT = f"{MARK}-thought"
MODEL = "m"
CHAT = "/v1/chat/completions"
HEADERS = {
    "content-type": "application/json",
    "user-agent": f"{MARK}-agent/1.0",
    "cookie": f"session={MARK}-cookie",
    "x-extra": f"{MARK}-header",
    "referer": f"http://127.0.0.1/?q={MARK}-referer",
}
KEYED = {**HEADERS, "authorization": f"Bearer {CLIENT_KEY}"}

TOOL = {
    "type": "function",
    "function": {
        "name": "lookup",
        "description": f"{MARK}-description",
        "parameters": {
            "type": "object",
            "properties": {"q": {"type": "string", "description": f"{MARK}-parameter"}},
            "required": ["q"],
        },
    },
}
ARGUMENTS = json.dumps({"q": f"{MARK}-argument"})
SAID = f"<think>{THOUGHT}</think>It is {MARK}-reply."
FENCE = "```tool_call\n{}\n```"
GOOD = FENCE.format(f'{{"name": "lookup", "arguments": {ARGUMENTS}}}')
UNREADABLE = FENCE.format(f'{{"name": "lookup", "arguments": {{"q": "{MARK}" "inner" oops}}}}')
UNKNOWN = FENCE.format(f'{{"name": "{MARK}", "arguments": {ARGUMENTS}}}')
FAULTY = FENCE.format(f'{{"name": "lookup", "arguments": {{"r": "{MARK}-argument"}}}}')
SCHEMA = {"name": "s", "strict": True, "schema": {"type": "object", "required": [f"{MARK}-field"]}}
FAULT = {"message": f"{MARK}-fault", "type": f"{MARK}-type", "code": f"{MARK}", "param": MARK}


@dataclass(frozen=True)
class Scene:
    """What the upstream does, what is asked of it, and the status (None: an answer or a fault)."""

    answer: Answer
    status: int | None = 200
    fields: dict[str, Any] = field(default_factory=dict)
    model: str = MODEL

    @property
    def statuses(self) -> set[int]:
        """What the status may be; a stream that has begun tells of any fault by 502."""
        return {200, 502, 503, 504} if self.status is None else {self.status}


REQUIRED = {"tool_choice": "required"}
SCENES = {
    "answer": Scene(chat(SAID)),
    "thinking": Scene(chat(SAID), model=f"{MODEL}-thinking"),
    "native-thinking": Scene(sse(chunk(reasoning_content=THOUGHT), chunk(content="Yes."))),
    "call": Scene(chat("<think>", THOUGHT, "</think>", GOOD)),
    "two-answers": Scene(chat(SAID), fields={"n": 2}),
    "unreadable-call": Scene(chat(UNREADABLE)),
    "unreadable-call-required": Scene(chat(UNREADABLE), 502, REQUIRED),
    "unknown-tool-required": Scene(chat(UNKNOWN), 502, REQUIRED),
    "no-call-required": Scene(chat(SAID), 502, REQUIRED),
    "faulty-call-required": Scene(chat(FAULTY), 502, REQUIRED),
    "wrong-schema": Scene(
        chat(f'{{"x": "{MARK}-reply"}}'),
        502,
        {"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
    ),
    "no-json": Scene(chat(SAID), None, {"response_format": {"type": "json_object"}}),
    "refused": Scene(json_answer({"error": FAULT}, 401), 502),
    "rejected": Scene(json_answer({"error": FAULT}, 400), 400),
    "rejected-in-words": Scene(json_answer({"detail": f"{MARK}-fault"}, 422), 400),
    "limited": Scene(json_answer({"error": FAULT}, 429, {"retry-after": "90"}), 429),
    "too-long": Scene(
        json_answer({"error": {"message": f"maximum context length {MARK}"}}, 400), 400
    ),
    "failing": Scene(Answer([f"<html>{MARK}-page</html>".encode()], 500), 503),
    "error-in-200": Scene(json_answer({"error": FAULT}), 502),
    "error-event": Scene(sse({"error": FAULT}), 502),
    "error-midway": Scene(sse(chunk(content="So far"), {"error": FAULT}), None),
    "no-frames": Scene(Answer([f"{MARK}-page".encode()]), 502),
    "broken-frame": Scene(sse(f'{{"choices": "{MARK}'), 502),
    "broken-frame-midway": Scene(sse(chunk(content="So far"), f'{{"choices": "{MARK}'), None),
    "odd-shape": Scene(sse({"choices": [{"delta": {"content": {MARK: MARK}}}]}), None),
    "odd-finish": Scene(sse(chunk(content="So"), chunk(finish=MARK)), None),
    "half-a-character": Scene(sse(b"data: \xf0\x9f" + MARK.encode() + b"\n\n"), None),
    "dropped": Scene(DROP, None),
    "cut-midway": Scene(sse(chunk(content=SAID), Reset()), None),
    "silent": Scene(sse(Hang()), 504),
    "silent-midway": Scene(sse(chunk(content=SAID), Hang()), None),
}


def answer_of(request: Any) -> Answer:
    """The upstream: it is asked in the words of a scene, and answers as that says."""
    named = re.search(r"scene ([a-z0-9-]+)\.", request.body.decode())
    return SCENES[named[1]].answer if named else json_answer({"data": []})


def body_of(name: str, *, stream: bool) -> bytes:
    """The request of a scene: content of every kind, all of it marked."""
    scene = SCENES[name]
    messages = [
        {"role": "system", "content": f"{MARK}-system"},
        {"role": "user", "content": f"{MARK}-prompt"},
        {
            "role": "assistant",
            "content": f"{MARK}-said",
            "tool_calls": [
                {
                    "id": "call_a",
                    "type": "function",
                    "function": {"name": "lookup", "arguments": ARGUMENTS},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_a", "content": f"{MARK}-result"},
        {"role": "user", "content": f"{MARK} asks for the scene {name}."},
    ]
    asked = {"model": scene.model, "messages": messages, "tools": [TOOL], "stream": stream}
    more = {"user": f"{MARK}-user", "metadata": {"note": f"{MARK}-note"}, "stop": [f"{MARK}-stop"]}
    return json.dumps({**asked, **more, **scene.fields}).encode()


MESSAGE = {"role": "user", "content": f"{MARK}-prompt"}
BAD_BODIES: list[bytes] = [
    f'{{"messages": "{MARK}'.encode(),
    f"{MARK}".encode(),
    f'"{MARK}"'.encode(),
    b'{"messages": "\xff' + MARK.encode() + b'"}',
    f'{{"{MARK}": NaN}}'.encode(),
    *(
        json.dumps({"model": MODEL, "messages": [MESSAGE], **fields}).encode()
        for fields in (
            {"messages": f"{MARK}-text"},
            {"messages": [{"role": "user", "content": {MARK: MARK}}]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": [MARK]}]}]},
            {"messages": [MESSAGE, {"role": "tool", "tool_call_id": "x", "content": MARK}]},
            {"messages": [{"role": "assistant", "content": MARK, "tool_calls": [{"id": MARK}]}]},
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": MARK}]}]},
            {"temperature": f"{MARK}"},
            {"stop": {MARK: MARK}},
            {"metadata": MARK, "stream": MARK},
            {"tools": [{**TOOL, "function": {**TOOL["function"], "parameters": MARK}}]},  # type: ignore[dict-item]
            {"response_format": {"type": "json_schema", "json_schema": {"schema": MARK}}},
        )
    ),
]
"""Bodies that are refused, with content in the place that is wrong."""

BAD_KEYS: list[dict[str, str]] = [
    HEADERS,
    {**HEADERS, "authorization": f"Bearer {MARK}-wrong-key"},
    {**HEADERS, "authorization": f"Basic {MARK}"},
    {**HEADERS, "authorization": f"{CLIENT_KEY}"},
    {**HEADERS, "authorization": f"Bearer {CLIENT_KEY} {CLIENT_KEY}"},
    {**HEADERS, "x-api-key": f"{MARK}-wrong-key"},
    {**HEADERS, "authorization": f"Bearer {UPSTREAM_KEY}"},
]


def leaks_of(status: int, body: bytes) -> list[str]:
    """What of an answer should not be in it: marks in errors, thinking anywhere."""
    text = body.decode("utf-8", "replace")
    found = [text] if status >= 400 and MARK in text else []
    found += [line for line in text.splitlines() if '"error"' in line and MARK in line]
    return found + [text] * (THOUGHT in text)
