"""How servers and vendors say that a conversation is too long for their model, as data.

Agents shorten a conversation when they read ``context_length_exceeded``, and end at any other
refusal. So each wording counts that is not told. ``pattern`` is searched for in an error's code,
type and message; ``said`` is such a text as it was met, and ``source`` where: a thread of GitHub,
or software that holds it. Seen with statuses 400, 413, 422 and 500.
"""

from __future__ import annotations

import re

import msgspec


class Wording(msgspec.Struct, frozen=True):
    """One way of saying it."""

    by: str
    pattern: str
    said: str
    source: str


PI = "earendil-works/pi: packages/ai/src/utils/overflow.ts"
"""A coding agent's own list, with the vendors' texts."""

WORDINGS = (
    Wording(
        "OpenAI",
        r"context_length_exceeded|context length exceeded",
        "context_length_exceeded",
        "dimagi/open-chat-studio#463",
    ),
    Wording(
        "OpenAI, DeepSeek, vLLM, OpenRouter, SGLang",
        r"(maximum|max) (context|model|prompt|input) ?length",
        "This model's maximum context length is 131072 tokens. However, you requested 131134 tokens"
        " (122942 in the messages, 8192 in the completion).",
        "evalstate/fast-agent#621",
    ),
    Wording(
        "OpenAI Responses",
        r"(exceed|greater|larger|longer)[^.\n]{0,60}context[ _](length|size|window|limit)",
        "Your input exceeds the context window of this model",
        PI,
    ),
    Wording(
        "OpenAI, Groq, Cerebras",
        r"reduce (the length of )?(the|your) (messages|prompt|input)",
        "Please reduce the length of the messages or completion. Current length is 42328 while"
        " limit is 40000",
        "cline/cline#5140",
    ),
    Wording(
        "vLLM",
        r"requested [\d,]+ output tokens and your prompt",
        "However, you requested 65535 output tokens and your prompt contains at least 62466 input"
        " tokens, for a total of at least 128001 tokens.",
        "vllm-project/vllm#42474",
    ),
    Wording(
        "SGLang, Together AI",
        r"\([\d,]+ tokens\) is longer than the model",
        "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
        "QwenLM/Qwen3#1321",
    ),
    Wording(
        "SGLang, OpenRouter, Volcano Engine",
        r"input length[ (]*[\d,]+[^.\n]{0,20}exceeds the maximum",
        "Input length 203743 exceeds the maximum length 202752",
        "langgenius/dify#32221",
    ),
    Wording(
        "SGLang",
        r"token count exceeds the",
        "Requested token count exceeds the model's maximum context length of 202752 tokens.",
        "anomalyco/opencode#25230",
    ),
    Wording(
        "TGI",
        r"inputs? tokens \+ max_new_tokens must be",
        "Input validation error: inputs tokens + max_new_tokens must be <= 2048",
        "opea-project/GenAIExamples#340",
    ),
    Wording(
        "llama.cpp",
        r"exceed_context_size|n_ctx too small",
        "exceed_context_size_error",
        "ggml-org/llama.cpp: tools/server",
    ),
    Wording(
        "MiniMax, llama.cpp, DeepSpeed",
        r"(context|prompt)[ _](length|size|window)[^.\n]{0,60}(exceed|only|full|too small)",
        "invalid params, context window exceeds limit",
        PI,
    ),
    Wording(
        "ds4",
        r"context_exceeded|tokens \([\d,]+\) exceeds? context size",
        "Prompt tokens (9000) exceeds context size (8192)",
        "antirez/ds4#150",
    ),
    Wording(
        "LM Studio",
        r"loaded with context length of only|provide a shorter input",
        "the model is loaded with context length of only 32768 tokens, which is not enough. Try to"
        " load the model with a larger context length, or provide a shorter input.",
        "lmstudio-ai/lmstudio-bug-tracker#546",
    ),
    Wording(
        "Anthropic, Ollama, Bedrock",
        r"(prompt|input|conversation|request|messages?) (is|are) too long|prompt too long",
        "prompt is too long: 200049 tokens > 200000 maximum",
        "daisuke-awaji/moca#254",
    ),
    Wording(
        "Anthropic",
        r"input length and `?max_tokens`? exceed",
        "input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input"
        " length or `max_tokens` and try again",
        "continuedev/continue#6080",
    ),
    Wording(
        "Anthropic",
        r"request_too_large|request exceeds the maximum size",
        "Request exceeds the maximum size",
        PI,
    ),
    Wording(
        "Gemini",
        r"input (token count|tokens|length)[^.\n]{0,60}exceed",
        "The input token count (2845475) exceeds the maximum number of tokens allowed (1048576).",
        "google-gemini/gemini-cli#4692",
    ),
    Wording(
        "GitHub Copilot",
        r"max_prompt_tokens_exceeded",
        "model_max_prompt_tokens_exceeded",
        "ericc-ch/copilot-api#210",
    ),
    Wording(
        "GitHub Copilot",
        r"prompt token count[^.\n]{0,40}exceed",
        "prompt token count of 93854 exceeds the limit of 90000",
        "jjleng/copilot-more#35",
    ),
    Wording(
        "DashScope",
        r"range of input length should be",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 204800]",
        "QwenLM/qwen-code#98",
    ),
    Wording(
        "Moonshot",
        r"exceed[^.\n]{0,40}token limit|token limit exceeded",
        "Your request exceeded model token limit: 256000 (requested: 300000)",
        PI,
    ),
    Wording(
        "Moonshot",
        r"model max length exceeded",
        "model max length exceeded, max length:8192",
        "MoonshotAI/MoonshotAI-Cookbook#18",
    ),
    Wording(
        "Mistral",
        r"too large for model",
        "Prompt contains 200000 tokens, too large for model with 131072 maximum context length",
        PI,
    ),
    Wording(
        "xAI",
        r"maximum prompt length",
        "This model's maximum prompt length is 131072 but the request contains 537812 tokens",
        PI,
    ),
    Wording(
        "Zhipu",
        r"model_context_window_exceeded|prompt exceeds max(imum)? (context )?length",
        "model_context_window_exceeded",
        PI,
    ),
    Wording(
        "Cohere and others",
        r"too many (input |prompt )?tokens(?! per)|tokens in request more than max"
        r"|prompt exceeds the length limit",
        "too many tokens",
        PI,
    ),
    Wording(
        "Gemini",
        r"exceed[^.\n]{0,40}max(imum)?( allowed)?( number of)?( input)? tokens",
        "The input token count exceeds the maximum number of tokens allowed (1048576).",
        "google-gemini/gemini-cli#4692",
    ),
)

CONTEXT_TOO_LONG = re.compile("|".join(each.pattern for each in WORDINGS), re.IGNORECASE)
"""Any of them."""
