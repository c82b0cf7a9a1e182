"""How one request is to be met: what is asked of the upstream, and what its replies are held to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bridge.choice import choice_of
from bridge.dialects import DIALECTS
from bridge.dialects.echoes import Echoes
from bridge.dialects.expected import Expected
from bridge.dialects.key import key_for
from bridge.directives import directive
from bridge.images import admitted
from bridge.promises import Promises
from bridge.prompt import Renderer, has_calls, untrusted
from bridge.repeats import answered_calls
from bridge.schema import ToolMessage
from bridge.structured import json_format_of
from bridge.terms import Terms
from bridge.thinking import Thoughts
from bridge.turns import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.choice import Choice
    from bridge.dialects.base import Dialect
    from bridge.models import Model
    from bridge.schema import ChatCompletionRequest
    from bridge.turns import Capabilities, Turn

THINK_OPENING = "<think>\n"

WHOLE_HOLD = 256 * 1024
"""Characters of a call that are held where nothing streams: no one waits for its first half, so
all but the longest are checked before they leave, and can be asked for again."""


class Plan(msgspec.Struct, frozen=True):
    """What the exchanges of one request have in common.

    ``opening`` and ``later_opening`` are what the first reply and those after it are made to begin
    with, where the upstream takes that. ``named``: one tool was named to be called.
    """

    prompt: Sequence[Turn]
    options: Options
    terms: Terms
    promises: Promises
    renderer: Renderer
    retries: int
    named: bool
    opening: str = ""
    later_opening: str = ""


def plan_of(
    request: ChatCompletionRequest, model: Model, capabilities: Capabilities, seed: bytes
) -> Plan:
    """The plan for a request to this model; ``seed`` is derived from the client's key.

    Raises ``RequestError`` for what the model cannot be shown.
    """
    request = admitted(request, model.images)
    dialect = DIALECTS[model.dialect](key_for(seed))
    choice = choice_of(request)
    renderer = Renderer(dialect, capabilities, tools=model.tools)
    wanted = directive(request, choice, dialect, think=model.think)
    opening = later_opening = ""
    if capabilities.prefill and model.prefill is not False and not model.opens_thinking:
        later_opening = dialect.opening(choice.only) if choice.promised else ""
        opening = THINK_OPENING if model.think else later_opening
    return Plan(
        prompt=renderer.turns(request, wanted),
        options=_options(request, model),
        terms=_terms(request, model, choice, dialect),
        promises=Promises(choice, dialect, renderer),
        renderer=renderer,
        retries=model.retries,
        named=choice.mode == "named",
        opening=opening,
        later_opening=later_opening,
    )


def _options(request: ChatCompletionRequest, model: Model) -> Options:
    limits = [limit for limit in (request.token_limit, model.max_tokens) if limit is not None]
    return Options(
        model=model.name,
        max_tokens=min(limits, default=None),
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
    )


def _terms(request: ChatCompletionRequest, model: Model, choice: Choice, dialect: Dialect) -> Terms:
    has_protocol = bool(request.offered) or has_calls(request)
    guarded = model.repeat_guard > 0 and not choice.promised
    json_format = json_format_of(request)
    return Terms(
        grammar=dialect.grammar if has_protocol else None,
        expected=Expected(
            tools={tool.name: tool.parameters for tool in choice.tools},
            hold=model.hold if request.stream else max(model.hold, WHOLE_HOLD),
            strict=frozenset(tool.name for tool in choice.tools if tool.strict),
            named=choice.only,
            first_only=choice.single,
            echoes=Echoes(untrusted(request), dialect.grammar.open),
        ),
        thoughts=Thoughts(asked=model.think, opened=model.opens_thinking),
        promised=choice.promised,
        refuses=choice.mode == "none",
        json=json_format,
        holds_json=json_format is not None and (json_format.strict or not request.stream),
        answered=answered_calls(request, model.repeat_guard) if guarded else frozenset(),
        has_results=isinstance(request.messages[-1], ToolMessage),
    )
