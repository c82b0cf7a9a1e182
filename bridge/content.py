"""What a message holds: a text, or parts of several types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Tag


class Wire(BaseModel):
    """A frozen value of the wire."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=(), strict=True)


class TextPart(Wire):
    """A piece of text content. Its type goes by more than one name; see ``TEXT_TYPES``."""

    type: Literal["text", "input_text", "output_text"]
    text: str


class RefusalPart(Wire):
    """A refusal, among an assistant's content parts."""

    type: Literal["refusal"]
    refusal: str


class OtherPart(Wire):
    """A part that is no text, as it came: what becomes of it depends on its place and the model."""

    model_config = ConfigDict(extra="allow")

    type: str


TEXT_TYPES = frozenset({"text", "input_text", "output_text"})
"""The types of parts that are text: the Responses API has two names of its own for them."""


def _shape_of_part(value: Any) -> str:
    """The tag of a part's shape: no member has such a name, so paths of errors leave it out."""
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    if not isinstance(kind, str) or kind in TEXT_TYPES:
        return "(text)"
    return "(refusal)" if kind == "refusal" else "(other)"


ContentPart = Annotated[
    Annotated[TextPart, Tag("(text)")]
    | Annotated[RefusalPart, Tag("(refusal)")]
    | Annotated[OtherPart, Tag("(other)")],
    Discriminator(_shape_of_part),
]
Content = str | list[ContentPart] | None


def text_of(content: Content) -> str:
    """Content as one text: parts stand on lines of their own. What is no text is left out."""
    if content is None or isinstance(content, str):
        return content or ""
    texts = (
        part.refusal if isinstance(part, RefusalPart) else part.text
        for part in content
        if isinstance(part, TextPart | RefusalPart)
    )
    return "\n".join(texts)
