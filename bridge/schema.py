"""The wire, inbound: OpenAI's chat completion requests. Answers are in ``answers``.

Names and shapes are those of OpenAI's published API description. Fields that are not known are
ignored, as real servers do.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_CALL_ID = 40
"""OpenAI refuses longer ids."""

FunctionName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
CallId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CALL_ID)]
JSONObject = dict[str, Any]
T = TypeVar("T")
Array = Annotated[list[T], Field(fail_fast=True)]
"""A list that is read up to its first fault: with a million of them, each has its price."""


class Wire(BaseModel):
    """A frozen value of the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class TextPart(Wire):
    """A piece of text content."""

    type: Literal["text"]
    text: str


class RefusalPart(Wire):
    """A refusal, among an assistant's content parts."""

    type: Literal["refusal"]
    refusal: str


AssistantPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]
Content = str | Array[TextPart]


def text_of(content: str | list[TextPart] | list[AssistantPart] | None) -> str:
    """Content as one text: parts stand on lines of their own."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text if isinstance(part, TextPart) else part.refusal for part in content)


class FunctionCall(Wire):
    """A tool's name and its arguments as JSON text, as the model wrote them."""

    name: str
    arguments: str


class RequestToolCall(Wire):
    """An earlier call, sent back by the client."""

    id: CallId
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
    content: str | Array[AssistantPart] | None = None
    refusal: str | None = None
    tool_calls: Array[RequestToolCall] | None = None
    function_call: FunctionCall | None = None


class ToolMessage(Wire):
    """The result of one call."""

    role: Literal["tool"]
    content: Content
    tool_call_id: CallId


class FunctionMessage(Wire):
    """The result of a deprecated ``function_call``."""

    role: Literal["function"]
    name: str
    content: str | None


Message = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage,
    Field(discriminator="role"),
]


class FunctionDefinition(Wire):
    """A tool that the client can run."""

    name: FunctionName
    description: str | None = None
    parameters: JSONObject | None = None
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
    tools: Array[NamedToolChoice]


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

    include_usage: bool = False


MAX_STOP = 1000
"""Characters of a stop string: each is held back as long as it may have begun."""

StopString = Annotated[str, StringConstraints(min_length=1, max_length=MAX_STOP)]


class ChatCompletionRequest(Wire):
    """``POST /v1/chat/completions``."""

    model: str
    messages: Array[Message] = Field(min_length=1)
    tools: Array[Tool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Array[FunctionDefinition] | None = None
    function_call: Literal["none", "auto"] | NamedFunction | None = None
    response_format: ResponseFormat | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    stop: StopString | Annotated[Array[StopString], Field(max_length=4)] | None = None
    n: int | None = Field(default=None, ge=1, le=8, strict=True)
    max_tokens: int | None = Field(default=None, ge=1, strict=True)
    max_completion_tokens: int | None = Field(default=None, ge=1, strict=True)
    temperature: float | None = Field(default=None, ge=0, le=2, strict=True, allow_inf_nan=False)
    top_p: float | None = Field(default=None, ge=0, le=1, strict=True, allow_inf_nan=False)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2, strict=True)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2, strict=True)
    seed: int | None = Field(default=None, strict=True)
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
        return self.stream_options is not None and self.stream_options.include_usage

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
