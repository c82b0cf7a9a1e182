"""How families of models mark their thinking: one table, a row a family.

A new family is a row. ``tests/test_thoughts.py`` runs over the table: what stands between the tags
of a row reaches no client, whatever the pieces in which it comes.
"""

from __future__ import annotations

import msgspec


class Family(msgspec.Struct, frozen=True):
    """The tags of a family; a ``*`` stands for a few words of a header.

    ``openers`` open thinking, ``closers`` close it, even if nothing opened it. ``ends`` close only
    what the family's own opener has opened: elsewhere they end other things. ``headers`` stand
    before an answer and are no text; they close thinking, too. ``nests``: the tags can stand inside
    each other, and those of all such families are alike. ``control``: no words of an answer look
    like it, so that an opener counts anywhere outside of code. ``words``: an answer may begin so,
    too; it is thinking if what closes it follows.
    """

    name: str
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    source: str
    ends: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    nests: bool = False
    control: bool = False
    words: bool = False

    @property
    def tags(self) -> tuple[str, ...]:
        """Everything that means something in its thinking."""
        return (*self.openers, *self.closers, *self.ends, *self.headers)


def _tags(name: str, tag: str, source: str) -> Family:
    return Family(name, (f"<{tag}>",), (f"</{tag}>",), source, nests=True)


def _pair(name: str, opener: str, closer: str, source: str) -> Family:
    return Family(name, (opener,), (closer,), source, control=True)


VLLM = "vllm-project/vllm vllm/reasoning/"
LLAMA = "ggml-org/llama.cpp "

FAMILIES = (
    _tags("DeepSeek, Qwen, GLM, Nemotron and most others", "think", f"{VLLM}basic_parsers.py"),
    Family(
        "Claude, when it writes its thinking as text",
        ("<thinking>", "<antml:thinking>"),
        ("</thinking>", "</antml:thinking>"),
        "anthropics/claude-code#20081; pipecat-ai/pipecat#4901",
        nests=True,
    ),
    _tags("EXAONE Deep", "thought", "LGAI-EXAONE/EXAONE-Deep-7.8B chat_template"),
    _tags("Reka Flash", "reasoning", "RekaAI/reka-flash-3 chat_template"),
    _tags("prompted models", "reason", "open-webui/open-webui backend middleware.py"),
    _tags("Hunyuan, named", "think:*", f"{VLLM}hy_v4_reasoning_parser.py"),
    _tags("Seed-OSS", "seed:think", f"{LLAMA}models/templates/ByteDance-Seed-OSS.jinja"),
    _tags("MiniMax M3", "mm:think", f"{VLLM}minimax_m3_reasoning_parser.py"),
    _tags("LongCat", "longcat_think", f"{VLLM}longcat_reasoning_parser.py"),
    Family(
        "K2 Horizon",
        ("<ifm|think*>",),
        ("</ifm|think*>",),
        f"{VLLM}k2_horizon_reasoning_parser.py",
        control=True,
    ),
    Family(
        "Magistral and Ministral",
        ("[THINK]",),
        ("[/THINK]",),
        f"{VLLM}mistral_reasoning_parser.py; waybarrios/vllm-mlx#599",
        nests=True,
    ),
    _pair("Kimi", "◁think▷", "◁/think▷", "hiyouga/LLaMA-Factory template.py, kimi_vl"),
    Family(
        "Kimi K3",
        ("<|open|>think<|sep|>",),
        ("<|close|>think<|sep|>",),
        f"{LLAMA}models/templates/Kimi-K3.jinja",
        headers=("<|open|>response<|sep|>",),
        control=True,
    ),
    Family(
        "Gemma 4",
        ("<|channel>thought", "<|channel|>thought"),
        ("<channel|>",),
        f"{LLAMA}models/templates/gemma4.jinja; {VLLM}gemma4_reasoning_parser.py",
        control=True,
    ),
    Family(
        "Gemma 4, as a turn",
        ("<|turn>thinking", "<|turn|>thinking"),
        (),
        "nesquena/hermes-webui#607",
        ends=("<turn|>",),
        control=True,
    ),
    Family(
        "gpt-oss (Harmony)",
        (
            "<|channel|>analysis*<|message|>",
            "<|start|>assistant<|channel|>analysis*<|message|>",
            "<|end|><|start|>assistant<|channel|>analysis*<|message|>",
        ),
        ("<|end|><|start|>assistant",),
        f"openai/harmony docs/format.md; {LLAMA}common/chat.cpp; kekzl/imp#768",
        ends=("<|end|>", "<|return|>"),
        headers=(
            "<|channel|>final*<|message|>",
            "<|channel|>final*<|constrain|>*<|message|>",
            "<|channel|>commentary<|message|>",
            "<|start|>assistant<|channel|>final*<|message|>",
            "<|start|>assistant<|channel|>final*<|constrain|>*<|message|>",
            "<|start|>assistant<|channel|>commentary<|message|>",
            "<|end|><|start|>assistant<|channel|>final*<|message|>",
            "<|end|><|start|>assistant<|channel|>commentary<|message|>",
        ),
        control=True,
    ),
    Family(
        "gpt-oss without its special tokens",
        ("analysis",),
        ("assistantfinal",),
        "oobabooga/textgen#7374",
        words=True,
    ),
    Family(
        "Command A and Command R7B",
        ("<|START_THINKING|>",),
        ("<|END_THINKING|>",),
        f"{LLAMA}models/templates/CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja",
        headers=("<|START_RESPONSE|>", "<|START_TEXT|>"),
        control=True,
    ),
    _pair("Apertus", "<|inner_prefix|>", "<|inner_suffix|>", f"{VLLM}apertus_reasoning_parser.py"),
    Family(
        "OpenThinker and Sky-T1",
        ("<|begin_of_thought|>",),
        ("<|end_of_thought|>",),
        "NovaSky-AI/SkyThought system prompt; open-webui/open-webui backend middleware.py",
        headers=("<|begin_of_solution|>",),
        control=True,
    ),
    Family(
        "Solar Open",
        ("<|think|>", "<|begin|>assistant<|think|>"),
        ("<|end|><|begin|>assistant",),
        f"{LLAMA}common/chat.cpp, Solar Open; {VLLM}solar_open2_reasoning_parser.py",
        ends=("<|end|>",),
        headers=("<|begin|>assistant<|content|>", "<|content|>"),
        control=True,
    ),
    _pair(
        "PLaMo 3",
        "<|plamo:begin_think:plamo|>",
        "<|plamo:end_think:plamo|>",
        f"{VLLM}plamo3_reasoning_parser.py",
    ),
    Family(
        "Steiner and smaller models",
        ("<|reasoning_start|>", "<|think_start|>"),
        ("<|reasoning_end|>", "<|think_end|>"),
        "peakji/steiner-32b-preview special_tokens_map.json",
        control=True,
    ),
    _pair("openPangu", "[unused16]", "[unused17]", f"{VLLM}pangu_reasoning_parser.py"),
    Family(
        "Granite 3.2",
        ("Here is my thought process:", "Here's my thought process:"),
        ("Here is my response:", "Here's my response:"),
        f"{VLLM}granite_reasoning_parser.py",
        words=True,
    ),
    Family(
        "Apriel",
        ("Here are my reasoning steps:",),
        ("[BEGIN FINAL RESPONSE]",),
        f"{LLAMA}models/templates/Apriel-1.6-15b-Thinker-fixed.jinja",
        words=True,
    ),
)
