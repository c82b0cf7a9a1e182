"""Images, and whatever else of a message is no text: what a model's configuration says of them.

refuse   400, with the part's path
note     a note in its place, which the model can read
pass     images go up as they came, behind the text that they stood in; labels say where
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from bridge.content import OtherPart, TextPart
from bridge.errors import RequestError
from bridge.schema import SystemMessage

if TYPE_CHECKING:
    from bridge.content import Content, ContentPart
    from bridge.schema import ChatCompletionRequest, Message

Images = Literal["refuse", "note", "pass"]
Image = dict[str, object]
"""A part as the client sent it."""

IMAGE_URL = "image_url"
"""OpenAI's type of an image: the one that is passed on."""

NAMES = {
    **dict.fromkeys((IMAGE_URL, "image", "input_image"), "image"),
    **dict.fromkeys(("input_audio", "audio"), "audio"),
    **dict.fromkeys(("file", "input_file", "document"), "file"),
    **dict.fromkeys(("video_url", "video", "input_video"), "video"),
}
"""What a note calls a part, by its type in the APIs that have it."""


def admitted(request: ChatCompletionRequest, images: Images) -> ChatCompletionRequest:
    """The request as the model can take it; raises ``RequestError``."""
    if not any(map(_has_others, request.messages)):
        return request
    admission = _Admission(images)
    messages = [admission.take(index, message) for index, message in enumerate(request.messages)]
    return request.model_copy(update={"messages": messages})


def _has_others(message: Message) -> bool:
    content = message.content
    return isinstance(content, list) and any(isinstance(part, OtherPart) for part in content)


class _Admission:
    def __init__(self, images: Images) -> None:
        self._images = images
        self._count = 0

    def take(self, index: int, message: Message) -> Message:
        if not isinstance(message.content, list) or not _has_others(message):
            return message
        can_pass = self._images == "pass" and not isinstance(message, SystemMessage)
        parts: list[ContentPart] = []
        for position, part in enumerate(message.content):
            path = f"messages[{index}].content[{position}]"
            if not isinstance(part, OtherPart):
                parts.append(part)
            elif can_pass and part.type == IMAGE_URL:
                parts += self._passed(part, path)
            else:
                parts.append(self._noted(part, path))
        return message.model_copy(update={"content": parts})

    def _passed(self, part: OtherPart, path: str) -> list[ContentPart]:
        """An image behind a text that stands for it: the images of a turn come after its text."""
        _check_image(part, path)
        self._count += 1
        return [TextPart(type="text", text=f"[image {self._count}]"), part]

    def _noted(self, part: OtherPart, path: str) -> TextPart:
        if self._images != "note":
            reads = "text and images" if self._images == "pass" else "text"
            raise RequestError(
                f"Content of type '{part.type[:40]}' is not accepted here: the model reads {reads}"
                " only.",
                param=path,
            )
        name = NAMES.get(part.type, "attachment")
        return TextPart(type="text", text=f"[{name} left out: this model reads text only]")


def _check_image(part: OtherPart, path: str) -> None:
    image = (part.model_extra or {}).get(IMAGE_URL)
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        path = f"{path}.{IMAGE_URL}"
        raise RequestError(f"Invalid '{path}': expected {{\"url\": …}}.", param=path)


def images_of(content: Content) -> tuple[Image, ...]:
    """The images of a content that was admitted, as they came."""
    if not isinstance(content, list):
        return ()
    return tuple(part.model_dump() for part in content if isinstance(part, OtherPart))
