"""The wire, inbound: OpenAI's chat completion requests. Answers are in ``answers``.

Names and shapes are those of OpenAI's published API description. Fields that are not known are
ignored, as real servers do. Nothing is coerced: a boolean is ``true`` or ``false``. What of the
history may be odd without harm (null contents, long or empty ids, parts of other APIs) is taken
here and mended in ``conversation``.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from bridge.content import Content, Wire

FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
JSONObject = dict[str, Any]


def _or_empty(value: Any) -> Any:
    return "" if value is None else value


CallId = Annotated[str, BeforeValidator(_or_empty)]


def _as_text(arguments: Any) -> Any:
    """Arguments that another API wrote as an object, or left out, as the text that they stand for.

    Bad JSON in old arguments never blocks a chat, so neither does none.
    """
    if isinstance(arguments, dict):
        return json.dumps(arguments, ensure_ascii=False)
    return "" if arguments is None else arguments


class FunctionCall(Wire):
    """A tool's name and its arguments as JSON text, as the model wrote them."""

    name: str
    arguments: Annotated[str, BeforeValidator(_as_text)] = ""


class RequestToolCall(Wire):
    """An earlier call, sent back by the client. Its id goes nowhere, so it may be any, or none."""

    id: CallId = ""
    type: Literal["function"] = "function"
    function: FunctionCall


class SystemMessage(Wire):
    """The operator of the conversation speaks; ``developer`` is the newer word."""

    role: Literal["system", "developer"]
    content: Content


class UserMessage(Wire):
    """The user speaks."""

    role: Literal["user"]
    content: Content


class AssistantMessage(Wire):
    """The model spoke or called."""

    role: Literal["assistant"]
    content: Content = None
    refusal: str | None = None
    tool_calls: list[RequestToolCall] | None = None
    function_call: FunctionCall | None = None


class ToolMessage(Wire):
    """The result of one call."""

    role: Literal["tool"]
    content: Content = None
    tool_call_id: CallId = ""


class FunctionMessage(Wire):
    """The result of a deprecated ``function_call``."""

    role: Literal["function"]
    name: str
    content: str | None = None


Message = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage,
    Field(discriminator="role"),
]


def _or_absent(value: Any) -> Any:
    """PHP writes an empty object as an empty array."""
    return None if value == [] else value


class FunctionDefinition(Wire):
    """A tool that the client can run."""

    name: FunctionName
    description: str | None = None
    parameters: Annotated[JSONObject | None, BeforeValidator(_or_absent)] = None
    strict: bool | None = None


class Tool(Wire):
    """An offered tool."""

    type: Literal["function"]
    function: FunctionDefinition


class NamedFunction(Wire):
    """A function by its name."""

    name: str


class NamedToolChoice(Wire):
    """``tool_choice``: this tool and no other."""

    type: Literal["function"]
    function: NamedFunction


class AllowedTools(Wire):
    """The tools that may be called, of those offered."""

    mode: Literal["auto", "required"]
    tools: list[NamedToolChoice]


class AllowedToolsChoice(Wire):
    """``tool_choice``: only some of the offered tools."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


ToolChoice = (
    Literal["none", "auto", "required"]
    | Annotated[NamedToolChoice | AllowedToolsChoice, Field(discriminator="type")]
)


class TextFormat(Wire):
    """``response_format``: prose."""

    type: Literal["text"]


class JSONObjectFormat(Wire):
    """``response_format``: any JSON object."""

    type: Literal["json_object"]


class JSONSchema(Wire):
    """A named schema for the answer."""

    name: FunctionName
    description: str | None = None
    schema_: JSONObject | None = Field(default=None, alias="schema")
    strict: bool | None = None


class JSONSchemaFormat(Wire):
    """``response_format``: JSON of a schema."""

    type: Literal["json_schema"]
    json_schema: JSONSchema


ResponseFormat = Annotated[
    TextFormat | JSONObjectFormat | JSONSchemaFormat, Field(discriminator="type")
]


class StreamOptions(Wire):
    """What a stream adds."""

    include_usage: bool | None = None


StopString = Annotated[str, StringConstraints(min_length=1)]


class ChatCompletionRequest(Wire):
    """``POST /v1/chat/completions``."""

    model: str
    messages: list[Message] = Field(min_length=1)
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionDefinition] | None = None
    function_call: Literal["none", "auto"] | NamedFunction | None = None
    response_format: ResponseFormat | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: StopString | Annotated[list[StopString], Field(max_length=4)] | None = None
    n: int | None = Field(default=None, ge=1, le=8)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    top_p: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    seed: int | None = Field(default=None)
    user: str | None = None
    metadata: JSONObject | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """The stop strings, none to four."""
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def token_limit(self) -> int | None:
        """``max_completion_tokens``, or its older name."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)

    @property
    def offered(self) -> tuple[FunctionDefinition, ...]:
        """The offered functions, in the client's order."""
        return tuple(tool.function for tool in self.tools or ())

    @property
    def uses_functions(self) -> bool:
        """Whether the client speaks the deprecated ``functions`` form and expects it back.

        ``validation`` moves the functions into ``tools`` and leaves this mark.
        """
        return self.functions is not None
