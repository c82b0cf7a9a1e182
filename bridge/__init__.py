"""toolbridge: OpenAI-compatible tool calling for chat models that only speak text."""

__version__ = "0.1.0"
