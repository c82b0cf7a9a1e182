"""What upstreams say, renamed."""

from __future__ import annotations

import json
import re

import pytest

from bridge.errors import (
    ContextTooLong,
    RequestError,
    UpstreamError,
    UpstreamInvalid,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamUnavailable,
)
from bridge.upstream.http_errors import for_error, for_status
from bridge.upstream.too_long import WORDINGS

TOO_LONG = {
    "openai": "This model's maximum context length is 8192 tokens. However, your messages resulted "
    "in 9000 tokens. Please reduce the length of the messages.",
    "openai-responses": "Your input exceeds the context window of this model.",
    "vllm": "'max_tokens' is too large: 5000. This model's maximum context length is 4096 tokens",
    "vllm-prompt": "The decoder prompt (length 9000) is longer than the maximum model length of 8",
    "llama.cpp": "the request exceeds the available context size, try increasing it",
    "llama.cpp-type": "exceed_context_size_error",
    "ollama": "input length exceeds the context length",
    "lm-studio": "Trying to keep the first 9 tokens when context the overflows. The number of "
    "tokens to keep from the initial prompt is greater than the context length",
    "anthropic": "prompt is too long: 215000 tokens > 200000 maximum",
    "anthropic-output": "input length and `max_tokens` exceed context limit: 1 + 2 > 200000",
    "bedrock": "Input is too long for requested model.",
    "gemini": "The input token count (1200000) exceeds the maximum number of tokens allowed (9)",
    "mistral": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 "
    "maximum context length",
    "dashscope": "Range of input length should be [1, 30720]",
    "moonshot": "Invalid request: Your request exceeded model token limit: 8192",
    "xai": "This model's maximum prompt length is 131072 but the request contains 600000 tokens.",
    "groq": "Please reduce the length of the messages or completion.",
    "cohere": "too many tokens: total number of tokens in the prompt cannot exceed 4081",
    "deepspeed": "The prompt size exceeds the context window size and cannot be processed.",
    "minimax": "invalid params, context window exceeds limit (2013)",
    "copilot-other-numbers": "Prompt token count of 391,491 exceeds the limit of 128,000.",
    "poolside": "Input length 131393 exceeds the maximum allowed input length of 131040 tokens.",
    "litellm": "OpenAIException - Requested token count exceeds the model's maximum context length",
    "ollama-cloud": "prompt too long; exceeded max context length by 100918 tokens",
} | {f"{each.by}: {each.pattern}": each.said for each in WORDINGS}

OTHER = {
    "temperature": "temperature must be at most 2",
    "messages": "messages must not be empty",
    "model": "The model does not exist",
    "roles": "Conversation roles must alternate user/assistant",
    "max": "max_tokens must be at least 1",
    "template": "Jinja Exception: System message must be at the beginning",
    "name-length": "'tools[0].function.name': string too long. Expected a maximum length of 64",
    "stop-length": "stop must have at most 4 items",
    "cost": "The price exceeds the limit of your plan",
    "output": "max_tokens exceeds the limit of 8192 for output",
    "call-id": "string_above_max_length: tool_call_id is longer than 40 characters",
    "rate": "too many tokens per minute",
}


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda each: each.pattern)
def test_each_wording_is_as_it_was_met(wording):
    assert re.search(wording.pattern, wording.said, re.IGNORECASE)
    assert wording.by
    assert wording.source


def test_the_wordings_are_those_of_many_servers_and_vendors():
    assert len({name for each in WORDINGS for name in each.by.split(", ")}) >= 12


@pytest.mark.parametrize("status", [400, 413, 422, 500])
@pytest.mark.parametrize("message", TOO_LONG.values(), ids=TOO_LONG)
def test_wordings_of_a_conversation_that_is_too_long(message, status):
    as_object = json.dumps({"error": {"message": message}}).encode()
    as_detail = json.dumps({"detail": message}).encode()
    as_list = b"[%b]" % as_object
    for body in (as_object, as_detail, as_list, message.encode(), json.dumps([message]).encode()):
        assert type(for_status(status, {}, body)) is ContextTooLong


@pytest.mark.parametrize("message", OTHER.values(), ids=OTHER)
def test_wordings_of_other_refusals(message):
    body = json.dumps({"error": {"message": message}}).encode()
    error = for_status(400, {}, body)
    assert type(error) is RequestError
    assert message not in error.message


def test_a_rate_limit_is_never_a_length():
    body = b'{"error": {"message": "Limit reached: too many tokens per minute"}}'
    assert type(for_status(429, {}, body)) is UpstreamRateLimited


def test_an_echoed_prompt_is_not_searched():
    body = b'{"message": "temperature is wrong", "input": "why: maximum context length is 8"}'
    assert type(for_status(400, {}, body)) is RequestError


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param({"error": {"code": 401}}, UpstreamRefused, id="number"),
        pytest.param({"error": {"code": "503"}}, UpstreamUnavailable, id="number-as-text"),
        pytest.param({"error": {"code": 200}}, UpstreamError, id="not-an-error-status"),
        pytest.param(
            {"error": {"code": None, "status": "RESOURCE_EXHAUSTED"}},
            UpstreamRateLimited,
            id="gemini",
        ),
        pytest.param(
            {"type": "error", "error": {"type": "overloaded_error"}},
            UpstreamUnavailable,
            id="anthropic",
        ),
        pytest.param({"object": "error", "message": "x", "code": 400}, RequestError, id="vllm"),
        pytest.param(
            {"object": "error", "message": TOO_LONG["vllm"]}, ContextTooLong, id="vllm-too-long"
        ),
        pytest.param(
            {"type": "error", "errorText": TOO_LONG["anthropic"]},
            ContextTooLong,
            id="ai-sdk-too-long",
        ),
        pytest.param({"error": TOO_LONG["llama.cpp"]}, ContextTooLong, id="text-too-long"),
        pytest.param({"error": {"code": "context_length_exceeded"}}, ContextTooLong, id="code"),
        pytest.param({"error": {"code": 404}}, UpstreamInvalid, id="404"),
        pytest.param({"error": True}, UpstreamError, id="true"),
        pytest.param([{"error": {"code": 429}}], UpstreamRateLimited, id="list"),
    ],
)
def test_error_objects(value, kind):
    assert type(for_error(value)) is kind


@pytest.mark.parametrize(
    "value", [{}, {"error": None}, {"error": {}}, {"type": "text"}, None, 7, "error", [], [1, 2]]
)
def test_what_is_no_error_object(value):
    assert for_error(value) is None
